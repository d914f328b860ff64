"""The suites that every log and every feed must pass, on memory and on PostgreSQL, as a whole and in parts."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from kompetenspass.log.conformance import FeedConformance
from kompetenspass.log.log_conformance import LogConformance, WholeLogConformance
from kompetenspass.log.memory import MemoryLog
from kompetenspass.log.postgres import PostgresFeed, PostgresLog
from kompetenspass.testing.clock import FixedClock
from kompetenspass.testing.postgres import Database
from kompetenspass.testing.walking import MemoryInParts, PostgresInParts


class TestMemory(LogConformance, WholeLogConformance, FeedConformance):
    @pytest.fixture
    def log(self) -> MemoryLog:
        return MemoryLog("wallet", FixedClock())

    @pytest.fixture
    def feed(self, log: MemoryLog) -> MemoryLog:
        return log


class TestMemoryInParts(FeedConformance):
    @pytest.fixture
    def log(self) -> MemoryLog:
        return MemoryInParts("wallet", FixedClock(), 3)

    @pytest.fixture
    def feed(self, log: MemoryLog) -> MemoryLog:
        return log


@pytest.fixture
async def postgres(database: Database) -> AsyncIterator[PostgresLog]:
    log = PostgresLog("wallet", database.dsn("wallet"))
    await log.start()
    yield log
    await log.stop()


class TestPostgres(LogConformance, WholeLogConformance, FeedConformance):
    @pytest.fixture
    def log(self, postgres: PostgresLog) -> PostgresLog:
        return postgres

    @pytest.fixture
    def feed(self, postgres: PostgresLog) -> PostgresLog:
        return postgres


class TestPostgresInParts(FeedConformance):
    @pytest.fixture
    def log(self, postgres: PostgresLog) -> PostgresLog:
        return postgres

    @pytest.fixture
    async def feed(self, database: Database) -> AsyncIterator[PostgresFeed]:
        feed = PostgresInParts("wallet", database.dsn("log_reader"), 3)
        await feed.start()
        yield feed
        await feed.stop()

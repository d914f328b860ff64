"""The suite that every log must pass, on memory and on PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from kompetenspass.log.conformance import FeedConformance, LogConformance
from kompetenspass.log.memory import MemoryLog
from kompetenspass.log.postgres import PostgresLog
from kompetenspass.testing.clock import FixedClock
from kompetenspass.testing.postgres import Database


class TestMemory(LogConformance, FeedConformance):
    @pytest.fixture
    def log(self) -> MemoryLog:
        return MemoryLog("wallet", FixedClock())


class TestPostgres(LogConformance, FeedConformance):
    @pytest.fixture
    async def log(self, database: Database) -> AsyncIterator[PostgresLog]:
        log = PostgresLog("wallet", database.dsn("wallet"))
        await log.start()
        yield log
        await log.stop()

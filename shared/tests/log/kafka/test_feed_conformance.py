"""The suite that every feed must pass, on Kafka: a log in memory or in PostgreSQL, a relay, and a KafkaFeed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from kompetenspass.log.api import WholeLog
from kompetenspass.log.conformance import FeedConformance
from kompetenspass.log.kafka.connecting import Connecting
from kompetenspass.log.kafka.feed import KafkaFeed
from kompetenspass.log.memory import MemoryLog
from kompetenspass.log.postgres import PostgresLog
from kompetenspass.testing.kafka.feeding import QUICK_MILLISECONDS, known
from kompetenspass.testing.waiting import until

Stage = Any


@asynccontextmanager
async def followed(stage: Stage, log: WholeLog) -> AsyncIterator[KafkaFeed]:
    """Run a relay of a log, and a feed of what it sends."""
    stage.make_topics()
    connecting = Connecting(bootstrap_servers=stage.kafka.bootstrap, security="PLAINTEXT", request_timeout_seconds=5)
    feed = KafkaFeed(log.owner, connecting, stage.partitions, wait_milliseconds=QUICK_MILLISECONDS)
    async with stage.running(stage.relay(log)):
        await until(lambda: known(feed))
        yield feed
    await feed.stop()


class TestMemory(FeedConformance):
    @pytest.fixture
    def log(self, stage: Stage) -> MemoryLog:
        log: MemoryLog = stage.log
        return log

    @pytest.fixture
    async def feed(self, stage: Stage, log: MemoryLog) -> AsyncIterator[KafkaFeed]:
        async with followed(stage, log) as feed:
            yield feed


class TestPostgres(FeedConformance):
    @pytest.fixture
    def log(self, wallet_log: PostgresLog) -> PostgresLog:
        return wallet_log

    @pytest.fixture
    async def feed(self, stage: Stage, log: PostgresLog) -> AsyncIterator[KafkaFeed]:
        async with followed(stage, log) as feed:
            yield feed

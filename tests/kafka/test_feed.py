"""KafkaFeed on real brokers: in order, through TLS and a password, and through what happens to a broker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from kompetenspass.core.clock import system_clock
from kompetenspass.core.errors import Problem
from kompetenspass.core.ids import uuid7
from kompetenspass.embedded.kafka.broker import EmbeddedKafka
from kompetenspass.embedded.kafka.users import User
from kompetenspass.log.api import LogDiffers, Part
from kompetenspass.log.conformance import FeedConformance
from kompetenspass.log.kafka.connecting import Connecting
from kompetenspass.log.kafka.feed import KafkaFeed
from kompetenspass.log.kafka.relay import Relay
from kompetenspass.log.kafka.shape import Shape
from kompetenspass.log.kafka.tables import TABLES
from kompetenspass.log.kafka.topics import Topics
from kompetenspass.log.memory import MemoryLog
from kompetenspass.log.parts import part_of
from kompetenspass.testing.kafka.feeding import Topic, known, read_all, read_on, read_through
from kompetenspass.testing.kafka.real import START_SECONDS, running
from kompetenspass.testing.postgres import Database
from kompetenspass.testing.waiting import until

pytestmark = pytest.mark.long

ONE_NODE = Shape(partitions=4, replication=1, min_insync_replicas=1)
WAIT_MILLISECONDS = 250
READER = User("reader", "the reader's, with a comma]", reads=("kompetenspass.",))
WRITER = User("writer", "the writer's", writes=("kompetenspass.",))
ADMINISTRATOR = User("administrator", "the administrator's", administers=True)


def plain(bootstrap: str) -> Connecting:
    return Connecting(bootstrap_servers=bootstrap, security="PLAINTEXT", request_timeout_seconds=5)


async def made(connecting: Connecting, shape: Shape = ONE_NODE) -> Topic:
    topic = Topic(connecting, partitions=shape.partitions, wait_milliseconds=WAIT_MILLISECONDS)
    await Topics(connecting, topic.owner, shape).make()
    return topic


class TestConformance(FeedConformance):
    @pytest.fixture
    def log(self) -> MemoryLog:
        return MemoryLog(f"o{uuid7().hex}", system_clock)

    @pytest.fixture
    async def feed(self, real_kafka: str, database: Database, log: MemoryLog) -> AsyncIterator[KafkaFeed]:
        """Of what a relay sends of the log."""
        await Topics(plain(real_kafka), log.owner, ONE_NODE).make()
        engine = await engine_of(database)
        relay = Relay(log, engine, plain(real_kafka), ONE_NODE, source="https://owner.example")
        feed, stopping = KafkaFeed(log.owner, plain(real_kafka), ONE_NODE.partitions), asyncio.Event()
        relaying = asyncio.create_task(relay.run(stopping))
        await until(lambda: known(feed))
        yield feed
        await feed.stop()
        stopping.set()
        await relaying
        await engine.dispose()


async def engine_of(database: Database) -> AsyncEngine:
    engine = create_async_engine(database.dsn("wallet").replace("postgresql:", "postgresql+asyncpg:", 1))
    async with engine.begin() as connection:
        await connection.run_sync(TABLES.create_all)
    return engine


async def test_everything_is_read_in_order_by_several_at_a_time_from_anywhere(real_kafka: str) -> None:
    topic = await made(plain(real_kafka))
    await topic.append(10_000, streams=100)
    for after in range(0, 10_000, 500):
        await topic.send(after, after + 500)
    async with topic.feed() as feed:
        assert (await feed.parts(), await feed.epoch(), await feed.head()) == (4, topic.epoch, 10_000)
        begins = (0, 0, 0, 2_000, 4_321, 9_999, 10_000)
        found = await asyncio.gather(*(read_all(feed, 4, topic.begin(after), 10_000) for after in begins))
        for after, rows in zip(begins, found, strict=True):
            assert rows == await topic.log.read(after, 10_000)
        for position in (1, 777, 10_000):
            assert await feed.find(position) == (await topic.log.read(position - 1, 1))[0]
        assert await feed.find(10_001) is None


async def test_one_is_woken_long_before_the_time_is_over(real_kafka: str) -> None:
    topic = await made(plain(real_kafka))
    await topic.send()
    async with topic.feed() as feed:
        cursor = (await feed.page(Part(0, 4), topic.begin(), 500)).cursor
        waiting = asyncio.create_task(feed.more(Part(0, 4), cursor, 600))
        await topic.append(20)
        await topic.send()
        async with asyncio.timeout(60):
            await waiting


async def test_what_was_removed_is_missed_only_by_who_needs_it(real_kafka: str) -> None:
    topic = await made(plain(real_kafka))
    await topic.append(1_000, streams=1)
    for after in range(0, 1_000, 100):
        await topic.send(after, after + 100)
    part = Part(part_of("s-0", 4), 4)
    async with topic.feed() as feed:
        _, cursor = await read_on(feed, part, topic.begin(), 500)
    await removed(real_kafka, topic.name, part.number, 606)
    async with topic.feed() as feed:
        for old in (topic.begin(), topic.begin(300), cursor):
            with pytest.raises(LogDiffers, match="log_no_longer_kept"):
                await feed.page(part, old, 500)
        rows, _ = await read_on(feed, part, topic.begin(900), 1_000)
        assert rows == await topic.log.read(900, 100)
        with pytest.raises(LogDiffers, match="cursor_ahead_of_log"):
            await feed.page(part, topic.begin(2_000, 2_000), 500)


async def removed(bootstrap: str, topic: str, partition: int, before: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.delete_records({TopicPartition(topic, partition): RecordsToDelete(before)})
    finally:
        await admin.close()


async def test_with_a_password_over_tls_it_reads_and_with_a_wrong_one_it_says_so(tmp_path: Path) -> None:
    users = (READER, WRITER, ADMINISTRATOR)
    kafka = EmbeddedKafka(tmp_path / "kafka", secured=True, users=users, start_timeout_seconds=START_SECONDS)
    with running(kafka, pytest.skip):
        topic = await made(signing_in(kafka, tmp_path, ADMINISTRATOR))
        topic.connecting = signing_in(kafka, tmp_path, WRITER)
        await topic.append(300)
        await topic.send()
        topic.connecting = signing_in(kafka, tmp_path, READER)
        async with topic.feed() as feed:
            await feed.start()
            assert await read_all(feed, 4, topic.begin(), 300) == await topic.log.read(0, 300)
        topic.connecting = signing_in(kafka, tmp_path, User("reader", "a guess"))
        async with topic.feed() as feed:
            with pytest.raises(Problem, match="log_unavailable"):
                await feed.start()


def signing_in(kafka: EmbeddedKafka, folder: Path, user: User) -> Connecting:
    password = folder / f"{uuid7()}.password"
    password.write_text(user.password)
    said: dict[str, Any] = {"bootstrap_servers": kafka.secured_bootstrap, "user": user.name}
    return Connecting(**said, password_file=password, ca_file=kafka.root_path, request_timeout_seconds=5)


async def test_a_broker_that_is_killed_and_comes_back_is_read_on(tmp_path: Path) -> None:
    kafka = EmbeddedKafka(tmp_path / "kafka", start_timeout_seconds=START_SECONDS)
    with running(kafka, pytest.skip):
        topic = await made(plain(kafka.bootstrap))
        await topic.append(4_000)
        await topic.send(0, 2_000)
        async with topic.feed() as feed:
            reading = [
                asyncio.create_task(read_through(feed, Part(number, 4), topic.begin(), 4_000)) for number in range(4)
            ]
            await until(lambda: reached(feed, 2_000))
            kafka.node(1).kill()
            await kafka.node(1).start()
            await topic.send(2_000)
            found = [row for rows, _ in await asyncio.gather(*reading) for row in rows]
    assert sorted(found, key=lambda row: row.position) == await topic.log.read(0, 4_000)


async def reached(feed: KafkaFeed, position: int) -> bool:
    return await feed.head() >= position


async def test_of_three_nodes_one_may_die(three_nodes: EmbeddedKafka) -> None:
    topic = await made(plain(three_nodes.bootstrap), Shape(partitions=4))
    await topic.append(4_000)
    await topic.send(0, 2_000)
    async with topic.feed() as feed:
        parts = [Part(number, 4) for number in range(4)]
        first = [await read_on(feed, part, topic.begin(), 2_000) for part in parts]
        three_nodes.node(2).kill()
        await topic.send(2_000)
        rest = [await read_through(feed, part, first[part.number][1], 4_000) for part in parts]
    found = [row for rows, _ in (*first, *rest) for row in rows]
    assert sorted(found, key=lambda row: row.position) == await topic.log.read(0, 4_000)

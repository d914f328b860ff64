"""The relay on real brokers: in order, and nothing lost when a node dies under it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from kompetenspass.core.clock import system_clock
from kompetenspass.core.ids import uuid7
from kompetenspass.embedded.kafka.broker import EmbeddedKafka
from kompetenspass.log.api import Append, Recorded
from kompetenspass.log.conformance import draft
from kompetenspass.log.kafka.connecting import Connecting
from kompetenspass.log.kafka.relay import Relay
from kompetenspass.log.kafka.tables import TABLES
from kompetenspass.log.kafka.topics import Shape, Topics
from kompetenspass.log.memory import MemoryLog
from kompetenspass.testing.kafka.real import START_SECONDS, running
from kompetenspass.testing.kafka.records import kept, records_of, said_in
from kompetenspass.testing.postgres import Database
from kompetenspass.testing.waiting import until

pytestmark = pytest.mark.long

PARTITIONS = 4


@pytest.fixture
async def engine(database: Database) -> AsyncIterator[AsyncEngine]:
    engine = create_async_engine(database.dsn("wallet").replace("postgresql:", "postgresql+asyncpg:", 1))
    async with engine.begin() as connection:
        await connection.run_sync(TABLES.create_all)
    yield engine
    await engine.dispose()


async def appended(log: MemoryLog, events: int) -> None:
    for number in range(events):
        stream = f"s-{number % 50}"
        await log.append(Append(stream, len(await log.read_stream(stream)), [draft()]))


async def kept_of(owner: str, **settings: Any) -> Sequence[Recorded]:
    found = await records_of(f"kompetenspass.{owner}.internal", PARTITIONS, **settings)
    rows = [row for records in found for row in kept(said_in(records))]
    return sorted(rows, key=lambda row: row.position)


async def relayed(bootstrap: str, engine: AsyncEngine, shape: Shape, fault: Any = None) -> None:
    """Send 5,000 events, and 5,000 more once `fault` has begun; readers have all of them, in order."""
    log = MemoryLog(f"o{uuid7().hex}", system_clock)
    connecting = Connecting(bootstrap_servers=bootstrap, security="PLAINTEXT", request_timeout_seconds=5)
    await Topics(connecting, log.owner, shape).make()
    await appended(log, 5_000)
    relay, stopping = Relay(log, engine, connecting, shape, source="https://owner.example"), asyncio.Event()
    running_relay = asyncio.create_task(relay.run(stopping))

    async def is_sent() -> bool:
        return relay.lag == 0 and len(await kept_of(log.owner, bootstrap_servers=bootstrap)) == await log.head()

    await until(is_sent)
    if fault is not None:
        under_way = asyncio.create_task(fault())
        await appended(log, 5_000)
        await under_way
        await until(is_sent)
    stopping.set()
    await running_relay
    assert await kept_of(log.owner, bootstrap_servers=bootstrap) == await log.read(0, 10_000)


async def test_everything_arrives_in_order(real_kafka: str, engine: AsyncEngine) -> None:
    await relayed(real_kafka, engine, Shape(partitions=PARTITIONS, replication=1, min_insync_replicas=1))


async def test_a_node_that_is_killed_and_comes_back_loses_nothing(tmp_path: Path, engine: AsyncEngine) -> None:
    kafka = EmbeddedKafka(tmp_path / "kafka", start_timeout_seconds=START_SECONDS)

    async def crash() -> None:
        kafka.node(1).kill()
        await kafka.node(1).start()

    with running(kafka, pytest.skip):
        shape = Shape(partitions=PARTITIONS, replication=1, min_insync_replicas=1)
        await relayed(kafka.bootstrap, engine, shape, crash)


async def test_of_three_nodes_one_may_die(three_nodes: EmbeddedKafka, engine: AsyncEngine) -> None:
    async def crash() -> None:
        three_nodes.node(2).kill()

    await relayed(three_nodes.bootstrap, engine, Shape(partitions=PARTITIONS), crash)

"""A relay on real brokers that fail under it while events come: all of them arrive, once for a reader, and in order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from kompetenspass.core.clock import system_clock
from kompetenspass.core.ids import uuid7
from kompetenspass.embedded.kafka.broker import EmbeddedKafka
from kompetenspass.log.api import Append, Recorded
from kompetenspass.log.conformance import draft
from kompetenspass.log.kafka.connecting import Connecting
from kompetenspass.log.kafka.relay import Measured, Relay
from kompetenspass.log.kafka.tables import TABLES
from kompetenspass.log.kafka.topics import Shape, Topics, topic_of
from kompetenspass.log.memory import MemoryLog
from kompetenspass.testing.kafka.clients import at, leader_of
from kompetenspass.testing.kafka.real import START_SECONDS, running
from kompetenspass.testing.kafka.records import kept, records_of, said_in
from kompetenspass.testing.postgres import Database
from kompetenspass.testing.waiting import until

pytestmark = pytest.mark.long

ALONE = Shape(partitions=4, replication=1, min_insync_replicas=1)
COPIED = Shape(partitions=4)
STREAMS, BEHIND, OUTAGE_SECONDS = 20, 200, 20.0
Fault = Callable[["Stage"], Awaitable[None]]


@dataclass
class Stage:
    """A log that grows, the relay that sends it, and the brokers."""

    log: MemoryLog
    relay: Relay
    kafka: EmbeddedKafka

    async def grow(self) -> None:
        """Append until cancelled."""
        for number in range(1_000_000):
            await self.log.append(Append(f"s-{number % STREAMS}", number // STREAMS, [draft()]))
            await asyncio.sleep(0.001)

    async def has_begun(self) -> bool:
        """Return whether some events are confirmed."""
        return (await self.relay.measured()).sent > 0

    async def is_behind(self) -> bool:
        """Return whether many events wait for Kafka."""
        return (await self.relay.measured()).lag > BEHIND

    async def until_sent(self) -> None:
        """Return once all is confirmed that is in the log now."""
        head = await self.log.head()

        async def is_sent() -> bool:
            return (await self.relay.measured()).sent >= head

        await until(is_sent)

    async def kept(self) -> Sequence[Recorded]:
        """Return what readers of all partitions keep, by position."""
        topic = topic_of(self.log.owner, "internal")
        found = await records_of(topic, ALONE.partitions, bootstrap_servers=self.kafka.bootstrap)
        return sorted((row for records in found for row in kept(said_in(records))), key=lambda row: row.position)


@pytest.fixture
async def engine(database: Database) -> AsyncIterator[AsyncEngine]:
    engine = create_async_engine(database.dsn("wallet").replace("postgresql:", "postgresql+asyncpg:", 1))
    async with engine.begin() as connection:
        await connection.run_sync(TABLES.create_all)
    yield engine
    await engine.dispose()


@asynccontextmanager
async def growing(stage: Stage) -> AsyncIterator[None]:
    """Let the log grow for the length of a block."""
    task = asyncio.create_task(stage.grow())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def relayed(kafka: EmbeddedKafka, engine: AsyncEngine, shape: Shape, fault: Fault) -> None:
    """Relay a log that grows while the fault lasts; then readers have all of it, once and in order."""
    log = MemoryLog(f"o{uuid7().hex}", system_clock)
    connecting = Connecting(bootstrap_servers=kafka.bootstrap, security="PLAINTEXT", request_timeout_seconds=5)
    await Topics(connecting, log.owner, shape).make()
    relay, stopping = Relay(log, engine, connecting, shape, source="https://owner.example"), asyncio.Event()
    stage, relaying = Stage(log, relay, kafka), asyncio.create_task(relay.run(stopping))
    async with growing(stage):
        await until(stage.has_begun)
        await fault(stage)
    await stage.until_sent()
    assert relay.is_ready
    stopping.set()
    await relaying
    assert await stage.kept() == await log.read(0, await log.head())


async def leader(stage: Stage) -> int:
    """Return the node that leads the first partition."""
    return await leader_of(topic_of(stage.log.owner, "internal"), **at(stage.kafka.bootstrap))


async def test_the_leader_killed_and_another_frozen(three_nodes: EmbeddedKafka, engine: AsyncEngine) -> None:
    async def fault(stage: Stage) -> None:
        killed = await leader(stage)
        frozen = killed % 3 + 1
        three_nodes.node(killed).kill()
        three_nodes.node(frozen).freeze()
        await until(stage.is_behind)
        three_nodes.node(frozen).thaw()
        await stage.until_sent()  # two of three are enough
        await three_nodes.node(killed).start()

    await relayed(three_nodes, engine, COPIED, fault)


async def test_a_frozen_leader(three_nodes: EmbeddedKafka, engine: AsyncEngine) -> None:
    async def fault(stage: Stage) -> None:
        frozen = await leader(stage)
        three_nodes.node(frozen).freeze()
        await until(stage.is_behind)
        await stage.until_sent()
        three_nodes.node(frozen).thaw()

    await relayed(three_nodes, engine, COPIED, fault)


async def test_one_after_the_other_restarted(three_nodes: EmbeddedKafka, engine: AsyncEngine) -> None:
    async def fault(_stage: Stage) -> None:
        for number in (1, 2, 3):
            await three_nodes.node(number).stop()
            await three_nodes.node(number).start()

    await relayed(three_nodes, engine, COPIED, fault)


async def test_the_only_broker_restarted(tmp_path: Path, engine: AsyncEngine) -> None:
    async def fault(stage: Stage) -> None:
        await stage.kafka.node(1).stop()
        await stage.kafka.node(1).start()

    with running(EmbeddedKafka(tmp_path / "kafka", start_timeout_seconds=START_SECONDS), pytest.skip) as kafka:
        await relayed(kafka, engine, ALONE, fault)


async def test_while_the_broker_is_down_the_lag_grows_and_the_relay_is_not_ready(
    tmp_path: Path, engine: AsyncEngine
) -> None:
    seen: list[tuple[Measured, bool]] = []

    async def fault(stage: Stage) -> None:
        clock = asyncio.get_running_loop().time
        stage.kafka.node(1).kill()
        until_then = clock() + OUTAGE_SECONDS
        while clock() < until_then:
            seen.append((await stage.relay.measured(), stage.relay.is_ready))
            await asyncio.sleep(0.5)  # the length of the outage is what is tried
        await stage.kafka.node(1).start()
        await stage.until_sent()

    with running(EmbeddedKafka(tmp_path / "kafka", start_timeout_seconds=START_SECONDS), pytest.skip) as kafka:
        await relayed(kafka, engine, ALONE, fault)
    down = [measured for measured, _ in seen[2:]]  # what was on its way may be confirmed yet
    assert len({measured.sent for measured in down}) == 1
    assert all(before.lag < after.lag for before, after in pairwise(down))
    assert not seen[-1][1]

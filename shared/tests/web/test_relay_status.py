"""How a relay says that it is: alive, ready or not, and how far behind."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import httpx2
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from kompetenspass.core.errors import Problem
from kompetenspass.log.api import Append
from kompetenspass.log.conformance import draft
from kompetenspass.log.kafka.connecting import Connecting
from kompetenspass.log.kafka.relay import Relay
from kompetenspass.log.kafka.tables import TABLES
from kompetenspass.log.kafka.topics import Shape
from kompetenspass.log.memory import MemoryLog
from kompetenspass.testing.clock import FixedClock
from kompetenspass.testing.kafka.mock import MockKafka
from kompetenspass.testing.postgres import Database
from kompetenspass.testing.waiting import until
from kompetenspass.web.relay_status import told

TOPIC = "kompetenspass.wallet.internal"


@pytest.fixture
def kafka() -> Iterator[MockKafka]:
    with MockKafka() as mock:
        mock.create_topic(TOPIC, 2)
        yield mock


@pytest.fixture
async def engine(database: Database) -> AsyncIterator[AsyncEngine]:
    engine = create_async_engine(database.dsn("wallet").replace("postgresql:", "postgresql+asyncpg:", 1))
    async with engine.begin() as connection:
        await connection.run_sync(TABLES.create_all)
    yield engine
    await engine.dispose()


@pytest.fixture
def log() -> MemoryLog:
    return MemoryLog("wallet", FixedClock())


def relay_of(log: MemoryLog, engine: AsyncEngine, kafka: MockKafka) -> Relay:
    connecting = Connecting(bootstrap_servers=kafka.bootstrap, security="PLAINTEXT", request_timeout_seconds=5)
    shape = Shape(partitions=2, replication=1, min_insync_replicas=1)
    return Relay(log, engine, connecting, shape, source="https://wallet.example")


@asynccontextmanager
async def running(relay: Relay) -> AsyncIterator[httpx2.AsyncClient]:
    """Run a relay for the length of a block, which gets a client of what it says."""
    stopping = asyncio.Event()
    async with told(relay, "wallet", "127.0.0.1", 0) as port:
        task = asyncio.create_task(relay.run(stopping))
        try:
            async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
                yield client
        finally:
            stopping.set()
            await task


async def until_it_says(client: httpx2.AsyncClient, code: int, **said: object) -> None:
    async def look() -> bool:
        answer = await client.get("/readyz")
        return bool(answer.status_code == code and said.items() <= answer.json().items())

    await until(look)


async def test_it_is_ready_once_it_sends_and_its_metrics_say_how_far_it_is(
    log: MemoryLog, engine: AsyncEngine, kafka: MockKafka
) -> None:
    await log.append(Append("s", 0, [draft() for _ in range(7)]))
    async with running(relay_of(log, engine, kafka)) as client:
        await until_it_says(client, 200, doing="sends", lag=0, log="wallet", status="ready")
        assert (await client.get("/livez")).status_code == 200
        shown = (await client.get("/metrics")).text
    for line in ("sending", "log_position", "sent_position", "lag_events"):
        assert f"# TYPE kompetenspass_relay_{line} gauge\n" in shown
    assert 'kompetenspass_relay_sent_position{log="wallet"} 7\n' in shown
    assert 'kompetenspass_relay_lag_events{log="wallet"} 0\n' in shown


async def test_one_that_waits_for_another_is_ready_to_take_over(
    log: MemoryLog, engine: AsyncEngine, kafka: MockKafka
) -> None:
    async with running(relay_of(log, engine, kafka)) as first:
        await until_it_says(first, 200, doing="sends")
        async with running(relay_of(log, engine, kafka)) as second:
            await until_it_says(second, 200, doing="waits")
            assert 'kompetenspass_relay_sending{log="wallet"} 0\n' in (await second.get("/metrics")).text


async def test_without_kafka_it_is_alive_and_not_ready_and_says_how_much_waits(
    log: MemoryLog, engine: AsyncEngine, kafka: MockKafka
) -> None:
    async with running(relay_of(log, engine, kafka)) as client:
        await until_it_says(client, 200, doing="sends")
        kafka.down()
        await log.append(Append("s", 0, [draft() for _ in range(7)]))
        await until_it_says(client, 503, status="not_ready", lag=7)
        assert (await client.get("/livez")).status_code == 200
        kafka.up()
        await until_it_says(client, 200, lag=0)


async def test_without_the_database_it_is_not_ready_and_says_no_lag(
    log: MemoryLog, engine: AsyncEngine, kafka: MockKafka
) -> None:
    async with running(relay_of(log, engine, kafka)) as client:
        await until_it_says(client, 200, doing="sends")
        async with engine.begin() as connection:
            await connection.exec_driver_sql("ALTER TABLE relay_cursor RENAME TO away")
        await until_it_says(client, 503, lag=None)
        assert "lag_events" not in (await client.get("/metrics")).text
        async with engine.begin() as connection:
            await connection.exec_driver_sql("ALTER TABLE away RENAME TO relay_cursor")
        await until_it_says(client, 200, lag=0)


async def test_a_port_that_is_taken_is_refused_with_a_remedy(
    log: MemoryLog, engine: AsyncEngine, kafka: MockKafka
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(Problem, match="port_taken"):
        async with told(relay_of(log, engine, kafka), "wallet", "127.0.0.1", taken.getsockname()[1]):
            pass

"""The parts of an event's way, each done alone: to a reader of the log, through Kafka, and into a table."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from statistics import median
from time import perf_counter

import asyncpg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from bench.of_projection import sealed
from kompetenspass.log.postgres import PostgresFeed, PostgresLog

SAMPLES = 100
FLOOR_TABLES = """
CREATE TABLE IF NOT EXISTS wallet.floor_row (position bigint PRIMARY KEY, data text NOT NULL);
CREATE TABLE IF NOT EXISTS wallet.floor_cursor (position bigint NOT NULL);
INSERT INTO wallet.floor_cursor SELECT 0 WHERE NOT EXISTS (SELECT FROM wallet.floor_cursor);
GRANT ALL ON wallet.floor_row, wallet.floor_cursor TO wallet;
"""
_POLL_MILLISECONDS = 5_000


async def typical(way: Callable[[], Awaitable[None]]) -> float:
    """Return the middle of so many tries of a way, in milliseconds."""
    spent = []
    for _ in range(SAMPLES):
        began = perf_counter()
        await way()
        spent.append((perf_counter() - began) * 1000)
    return median(spent)


def heard_of(log: PostgresLog, feed: PostgresFeed) -> Callable[[], Awaitable[None]]:
    """Return the way of an event from its append to a reader of another connection that waits for it."""
    counted = iter(range(1 << 30))

    async def way() -> None:
        head = await log.head()
        reading = asyncio.create_task(_next(feed, head))
        await asyncio.sleep(0)
        number = next(counted)
        await log.append(sealed.appended(sealed.issue(number), number))
        await reading

    return way


async def _next(feed: PostgresFeed, head: int) -> None:
    while not await feed.read(head, 1):
        await feed.wait(head, 1)


def upserted(connection: asyncpg.Connection) -> Callable[[], Awaitable[None]]:
    """Return the way of a row and a cursor into their tables, in one transaction."""
    counted = iter(range(1 << 30))

    async def way() -> None:
        position = next(counted)
        async with connection.transaction():
            await connection.execute("UPDATE wallet.floor_cursor SET position = $1", position)
            await connection.execute(
                "INSERT INTO wallet.floor_row VALUES ($1, $2) ON CONFLICT DO NOTHING", position, "x" * 500
            )

    return way


@asynccontextmanager
async def through_kafka(bootstrap: str, topic: str) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Return the way of a record from a producer that gets it to a consumer that waits for it."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=True)
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="none", enable_auto_commit=False)
    line = TopicPartition(topic, 0)
    await asyncio.gather(producer.start(), consumer.start())
    try:
        consumer.assign([line])
        consumer.seek(line, (await consumer.end_offsets([line]))[line])

        async def way() -> None:
            reading = asyncio.create_task(consumer.getmany(line, timeout_ms=_POLL_MILLISECONDS))
            await asyncio.sleep(0)
            await producer.send(topic, b"x" * 1000, partition=0)
            if not await reading:
                raise TimeoutError("the record did not come")

        yield way
    finally:
        await asyncio.gather(producer.stop(), consumer.stop())

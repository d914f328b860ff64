"""A relay that is frozen in mid-page is replaced; awake again it does no harm, wherever it was frozen."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from kompetenspass.log.api import Append, Cursor, Part, Recorded
from kompetenspass.log.conformance import draft
from kompetenspass.log.kafka.connecting import Connecting
from kompetenspass.log.kafka.feed import KafkaFeed
from kompetenspass.log.postgres import PostgresLog
from kompetenspass.testing.kafka.clients import QUICK
from kompetenspass.testing.postgres import Database
from kompetenspass.testing.waiting import PATIENCE_SECONDS

Stage = Any
RELAY = """
import asyncio, os, signal, sys
from sqlalchemy.ext.asyncio import create_async_engine
from kompetenspass.log.kafka.connecting import Connecting
from kompetenspass.log.kafka.relay import Relay
from kompetenspass.log.kafka.topics import Shape
from kompetenspass.log.postgres import PostgresFeed

step, dsn, bootstrap = sys.argv[1:]
frozen = False

async def at(done):
    global frozen
    if done == step and not frozen:
        frozen = True
        print("frozen", flush=True)
        os.kill(os.getpid(), signal.SIGSTOP)

async def main():
    engine = create_async_engine(dsn.replace("postgresql:", "postgresql+asyncpg:", 1))
    connecting = Connecting(bootstrap_servers=bootstrap, security="PLAINTEXT")
    shape = Shape(partitions=4, replication=1, min_insync_replicas=1)
    relay = Relay(PostgresFeed("wallet", dsn), engine, connecting, shape, source="https://owner.example", at=at)
    running = asyncio.create_task(relay.run(asyncio.Event()))
    while relay.doing != "waits":
        assert not running.done(), await running
        await asyncio.sleep(0.01)
    print("waits", flush=True)
    await running

asyncio.run(main())
"""

LATE = {"read": False, "checked": True, "confirmed": False}
"""Whether it sends something once it is awake; in the middle of sending, that depends on what has left it already."""


@asynccontextmanager
async def frozen_at(step: str, database: Database, bootstrap: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a relay in a process of its own that freezes at a step of its first page; afterwards it is killed."""
    arguments = [step, database.dsn("wallet"), bootstrap]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", RELAY, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        await says(process, b"frozen\n")
        yield process
    finally:
        process.kill()
        await process.communicate()


async def says(process: asyncio.subprocess.Process, line: bytes) -> None:
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (said := await process.stdout.readline()) != line:
            assert said.startswith(b"20"), said  # a line of the log


async def append(log: PostgresLog, first: int) -> None:
    requests = [Append(f"s-{stream}", first, [draft() for _ in range(30)]) for stream in range(50)]
    await asyncio.gather(*map(log.append, requests))


async def read_by_a_feed(stage: Stage, head: int) -> list[Recorded]:
    """Return what the platform's own reader makes of all partitions, by position."""
    connecting, found = Connecting(bootstrap_servers=stage.kafka.bootstrap, security="PLAINTEXT"), list[Recorded]()
    feed = KafkaFeed("wallet", connecting, stage.partitions, wait_milliseconds=QUICK["fetch_max_wait_ms"])
    async with asyncio.timeout(PATIENCE_SECONDS):
        for number in range(stage.partitions):
            part, cursor = Part(number, stage.partitions), Cursor(await feed.epoch(), 0, None)
            while cursor.position < head:
                page = await feed.page(part, cursor, 500)
                found += page.rows
                cursor = page.cursor
                await feed.more(part, cursor, 0.01)
    await feed.stop()
    return sorted(found, key=lambda row: row.position)


@pytest.mark.parametrize("step", ["read", "checked", "sending", "batch", "confirmed"])
async def test_it_is_replaced_and_no_reader_takes_what_it_sends_then(
    step: str, stage: Stage, wallet_log: PostgresLog, database: Database
) -> None:
    stage.make_topics()
    await append(wallet_log, 0)
    async with frozen_at(step, database, stage.kafka.bootstrap) as zombie, stage.running(stage.relay(wallet_log)):
        await stage.until_sent(wallet_log)
        await append(wallet_log, 30)
        await stage.until_sent(wallet_log)
        before = await stage.said()
        zombie.send_signal(signal.SIGCONT)
        await says(zombie, b"waits\n")
        after = await stage.said()
    rows = list(await stage.rows(wallet_log))
    assert await stage.kept() == rows
    assert await read_by_a_feed(stage, len(rows)) == rows
    assert await stage.position() == 3000
    late = [one for was, part in zip(before, after, strict=True) for one in part[len(was) :] if one.fence == 1]
    if step in LATE:
        assert bool(late) == LATE[step]
    assert all(any(one.fence == 2 for one in part) for part in before)  # so that each reader drops what is late

"""A relay that is killed after any of its steps: another goes on, and readers have every event once and in order."""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import Any

from kompetenspass.log.api import Append
from kompetenspass.log.conformance import draft
from kompetenspass.log.postgres import PostgresLog
from kompetenspass.testing.postgres import Database

Stage = Any
STEPS = ("taken", "opened", "read", "checked", "sending", "batch", "confirmed", "moved")
RELAY = """
import asyncio, os, signal, sys
from sqlalchemy.ext.asyncio import create_async_engine
from kompetenspass.log.kafka.connecting import Connecting
from kompetenspass.log.kafka.relay import Relay
from kompetenspass.log.kafka.topics import Shape
from kompetenspass.log.postgres import PostgresFeed

step, dsn, bootstrap = sys.argv[1:]

async def at(done):
    if done == step:
        os.kill(os.getpid(), signal.SIGKILL)

async def main():
    engine = create_async_engine(dsn.replace("postgresql:", "postgresql+asyncpg:", 1))
    connecting = Connecting(bootstrap_servers=bootstrap, security="PLAINTEXT")
    shape = Shape(partitions=4, replication=1, min_insync_replicas=1)
    relay = Relay(PostgresFeed("wallet", dsn), engine, connecting, shape, source="https://owner.example", at=at)
    await relay.run(asyncio.Event())

asyncio.run(main())
"""


async def killed_at(step: str, dsn: str, bootstrap: str) -> int:
    """Run a relay in a process of its own until it is killed at a step, and return how the process ended."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", RELAY, step, dsn, bootstrap)
    try:
        async with asyncio.timeout(60):
            return await process.wait()
    finally:
        if process.returncode is None:
            process.kill()


async def test_killed_after_any_step_another_goes_on(stage: Stage, wallet_log: PostgresLog, database: Database) -> None:
    stage.make_topics()
    requests = [Append(f"s-{stream}", 0, [draft() for _ in range(50)]) for stream in range(50)]
    await asyncio.gather(*map(wallet_log.append, requests))
    for step in STEPS:
        assert await killed_at(step, database.dsn("wallet"), stage.kafka.bootstrap) == -signal.SIGKILL, step
    assert await stage.position() == 1000  # it was killed after the cursor had moved
    async with stage.running(stage.relay(wallet_log)):
        await stage.until_sent(wallet_log)
    assert await stage.kept() == list(await stage.rows(wallet_log))

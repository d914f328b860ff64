"""A relay in a process of its own, until it is ended: `python -m bench.of_relay.process DSN BOOTSTRAP`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvloop

from bench.of_relay.ground import OWNER, SHAPE, SOURCE, connecting_to
from bench.platform import ROOT
from kompetenspass.log.kafka.relay import Relay
from kompetenspass.log.postgres import PostgresFeed
from kompetenspass.web.migrate import engine_of


@asynccontextmanager
async def relaying(dsn: str, bootstrap: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run it for the length of a block; at the end of that it is killed."""
    command = [sys.executable, "-m", "bench.of_relay.process", dsn, bootstrap]
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.DEVNULL)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def relay(dsn: str, bootstrap: str) -> None:
    """Send the log until this process is ended."""
    feed, engine = PostgresFeed(OWNER, dsn), engine_of(dsn, OWNER)
    await Relay(feed, engine, connecting_to(bootstrap), SHAPE, source=SOURCE).run(asyncio.Event())


if __name__ == "__main__":
    uvloop.run(relay(sys.argv[1], sys.argv[2]))

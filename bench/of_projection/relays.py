"""Relays of some logs, in one process of their own; its arguments: the addresses of Kafka's nodes, and OWNER=DSN each.

It says `sent` once Kafka has all that is there, sends what comes after that, and ends when its standard input does.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import uvloop

from bench.of_relay.ground import SHAPE, connecting_to
from bench.platform import ROOT
from kompetenspass.log.kafka.relay import Relay
from kompetenspass.log.postgres import PostgresFeed
from kompetenspass.web.migrate import engine_of

_LOOK_SECONDS = 0.02
_END_SECONDS = 30.0


@asynccontextmanager
async def relaying(bootstrap: str, dsns: Mapping[str, str]) -> AsyncIterator[None]:
    """Run it for the length of a block, from when all that is there is sent. `dsns`: of each owner's role."""
    pipe = asyncio.subprocess.PIPE
    command = [sys.executable, "-m", "bench.of_projection.relays", bootstrap, *map("=".join, dsns.items())]
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdin=pipe, stdout=pipe)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        await process.stdout.readuntil(b"sent\n")
        yield
    finally:
        process.stdin.close()
        await _ended(process)


async def _ended(process: asyncio.subprocess.Process) -> None:
    """Wait for the end of a process, which gives up its leases first; not for ever."""
    try:
        await asyncio.wait_for(process.wait(), _END_SECONDS)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def relay(bootstrap: str, dsns: Sequence[str]) -> None:
    """Send the logs until standard input ends."""
    stopping = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        sent = [_sent(group, stopping, bootstrap, *dsn.split("=", 1)) for dsn in dsns]
        await asyncio.gather(*sent)
        print("sent", flush=True)
        await asyncio.to_thread(sys.stdin.read)
        stopping.set()


async def _sent(group: asyncio.TaskGroup, stopping: asyncio.Event, bootstrap: str, owner: str, dsn: str) -> None:
    """Begin to send a log; return once all of it is confirmed, and each partition says so, also of an empty log."""
    confirmed = asyncio.Event()

    async def at(step: str) -> None:
        if step == "confirmed":
            confirmed.set()

    feed, engine, source = PostgresFeed(owner, dsn), engine_of(dsn, owner), f"https://{owner}.example"
    its = Relay(feed, engine, connecting_to(bootstrap), SHAPE, source=source, at=at)
    group.create_task(its.run(stopping))
    await confirmed.wait()
    while (await its.measured()).lag:  # noqa: ASYNC110  it is the broker that confirms
        await asyncio.sleep(_LOOK_SECONDS)


if __name__ == "__main__":
    uvloop.run(relay(sys.argv[1], sys.argv[2:]))

"""A wallet's timeline that follows issuance, in a process of its own; its arguments: DSN of the wallet's role, DSN of a
role that reads logs, and, to follow by Kafka, the addresses of its nodes.

It says `following` once it has all that was there, is told by one line where to end, and then says when it committed
each event, by the clock that all processes of this machine share.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from time import monotonic

import uvloop

from bench.of_relay.ground import OWNER, SHAPE, connecting_to
from bench.platform import ROOT
from kompetenspass.core.clock import system_clock
from kompetenspass.events.base import Event
from kompetenspass.log.api import Recorded
from kompetenspass.log.kafka.feed import KafkaFeed
from kompetenspass.log.postgres import PostgresFeed
from kompetenspass.log.project import Handler
from kompetenspass.log.readers import Readers
from kompetenspass.log.writing import Writing
from kompetenspass.web.migrate import engine_of
from services.wallet.projections import TIMELINE

_LONGEST_SECONDS = 600.0


class Moments:
    """When each event of issuance was committed. What one task has applied, that task commits."""

    def __init__(self) -> None:
        self.committed: list[tuple[int, float]] = []
        self._applied: dict[object, list[int]] = {}

    def noting(self, handler: Handler) -> Handler:
        """Return the handler, which then notes what it is given."""

        async def handle(writing: Writing, recorded: Recorded) -> None:
            await handler(writing, recorded)
            if recorded.event.owner() == OWNER:
                self._applied.setdefault(asyncio.current_task(), []).append(recorded.position)

        return handle

    async def at(self, step: str) -> None:
        """Note what was committed, once it is."""
        if step == "committed":
            now = monotonic()
            self.committed += ((position, now) for position in self._applied.pop(asyncio.current_task(), ()))


class Follower:
    """The follower's process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def committed(self, until: int) -> Sequence[tuple[int, float]]:
        """Return position and moment of each commit, once the event at position `until` is committed."""
        told, _ = await self._process.communicate(f"{until}\n".encode())
        return [(position, moment) for position, moment in json.loads(told.splitlines()[-1])]


@asynccontextmanager
async def following(*arguments: str) -> AsyncIterator[Follower]:
    """Run a follower for the length of a block, from when it has all that is there."""
    pipe = asyncio.subprocess.PIPE
    command = [sys.executable, "-m", "bench.of_freshness.follower", *arguments]
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdin=pipe, stdout=pipe, limit=1 << 26)
    try:
        assert process.stdout is not None
        await process.stdout.readuntil(b"following\n")
        yield Follower(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def follow(wallet_dsn: str, reader_dsn: str, bootstrap: str | None = None) -> Sequence[tuple[int, float]]:
    """Follow until the position that standard input names is committed."""
    feeds: dict[str, PostgresFeed | KafkaFeed] = {log: PostgresFeed(log, reader_dsn) for log in TIMELINE.logs}
    if bootstrap:
        feeds[OWNER] = KafkaFeed(OWNER, connecting_to(bootstrap), SHAPE.partitions)
    moments, engine = Moments(), engine_of(wallet_dsn, "wallet")
    readers = Readers("wallet", engine, feeds, system_clock, at=moments.at)
    handlers: dict[type[Event], Handler] = {
        event: moments.noting(handler) for event, handler in TIMELINE.handlers.items()
    }
    readers.project(replace(TIMELINE, handlers=handlers))
    await readers.start()
    await _passed(readers, await PostgresFeed(OWNER, reader_dsn).head())
    print("following", flush=True)
    await _passed(readers, int(await asyncio.to_thread(sys.stdin.readline)))
    await readers.stop()
    await asyncio.gather(engine.dispose(), *(feed.stop() for feed in feeds.values()))
    return moments.committed


async def _passed(readers: Readers, position: int) -> None:
    if not await readers.caught_up(OWNER, position, _LONGEST_SECONDS):
        raise TimeoutError(f"the timeline does not come to {position}")


if __name__ == "__main__":
    print(json.dumps(uvloop.run(follow(sys.argv[1], sys.argv[2], *sys.argv[3:]))))

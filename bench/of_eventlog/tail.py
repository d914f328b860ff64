"""A reader that follows a log while it grows, in a process of its own: `python -m bench.of_eventlog.tail DSN OWNER`.

It says `following` once it is connected, is told by one line where to end, and then says what it saw.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from uuid import UUID

import uvloop

from bench.platform import ROOT
from bench.report import Condition
from kompetenspass.log.api import Recorded
from kompetenspass.log.postgres import PostgresFeed

_PAGE = 500


@dataclass
class Seen:
    """What a reader saw: how much, and what no reader may see."""

    events: int = 0
    gaps: int = 0
    reorders: int = 0
    duplicates: int = 0

    def conditions(self, stored: int) -> list[Condition]:
        """Return what must hold when `stored` events were stored."""
        broken = f"gaps={self.gaps} reorders={self.reorders} duplicates={self.duplicates}"
        return [
            Condition("a reader that follows sees each event once, in order", broken.count("=0") == 3, broken),
            Condition("and as many as were stored", self.events == stored, f"{self.events:,} of {stored:,}"),
        ]


@dataclass
class Eye:
    """Looks at every event that a reader is given."""

    seen: Seen = field(default_factory=Seen)
    position: int = 0
    ids: set[UUID] = field(default_factory=set)
    versions: dict[str, int] = field(default_factory=dict)

    def look(self, rows: Sequence[Recorded]) -> None:
        """Count what is wrong with these events after all that came before."""
        for row in rows:
            self.seen.gaps += row.position > self.position + 1
            self.seen.reorders += row.position <= self.position or row.version != self.versions.get(row.stream, 0) + 1
            self.seen.duplicates += row.id in self.ids
            self.position = row.position
            self.versions[row.stream] = row.version
            self.ids.add(row.id)
        self.seen.events += len(rows)


class Tail:
    """The reader's process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def seen(self, until: int) -> Seen:
        """Return what the reader saw, once it has seen the event at position `until`."""
        told, _ = await self._process.communicate(f"{until}\n".encode())
        return Seen(**json.loads(told.splitlines()[-1]))


@asynccontextmanager
async def following(module: str, *arguments: str) -> AsyncIterator[Tail]:
    """Return a reader that runs for the length of the block: this module, or the floor's."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *arguments, cwd=ROOT, stdin=pipe, stdout=pipe
    )
    try:
        assert process.stdout is not None
        await process.stdout.readuntil(b"following\n")
        yield Tail(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def follow(dsn: str, owner: str) -> Seen:
    """Follow a log until the position that standard input names has been seen."""
    feed, eye = PostgresFeed(owner, dsn), Eye()
    await feed.start()
    print("following", flush=True)
    until = asyncio.create_task(asyncio.to_thread(sys.stdin.readline))
    while not until.done() or eye.position < int(until.result()):
        await feed.wait(eye.position, 0.25)
        eye.look(await feed.read(eye.position, _PAGE))
    await feed.stop()
    return eye.seen


if __name__ == "__main__":
    print(json.dumps(asdict(uvloop.run(follow(sys.argv[1], sys.argv[2])))))

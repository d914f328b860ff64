"""A topic that a test fills as relays would, page by page and by any fence, and readers of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from kompetenspass.core.clock import system_clock
from kompetenspass.core.errors import Kind, Problem
from kompetenspass.core.ids import uuid7
from kompetenspass.log.api import Append, Cursor, Feed, Part, Recorded
from kompetenspass.log.conformance import draft
from kompetenspass.log.kafka.connecting import Connecting
from kompetenspass.log.kafka.feed import KafkaFeed
from kompetenspass.log.kafka.load import Loading
from kompetenspass.log.kafka.sending import BATCH_BYTES, sending
from kompetenspass.log.kafka.topics import topic_of
from kompetenspass.log.memory import MemoryLog
from kompetenspass.log.steps import nothing_at
from kompetenspass.testing.waiting import PATIENCE_SECONDS

QUICK_MILLISECONDS = 5
"""For the mock cluster, which does not wake a question that waits."""


@dataclass
class Topic:
    """The internal topic of an owner that no other test has; `log` is what should be in it."""

    connecting: Connecting
    partitions: int = 4
    owner: str = field(default_factory=lambda: f"o{uuid7().hex}")
    epoch: UUID = field(default_factory=uuid7)
    wait_milliseconds: int = QUICK_MILLISECONDS

    def __post_init__(self) -> None:
        self.log = MemoryLog(self.owner, system_clock)

    @property
    def name(self) -> str:
        """The topic's name."""
        return topic_of(self.owner, "internal")

    async def append(self, events: int, streams: int = 20) -> None:
        """Let the log grow, by one event of each stream in turn."""
        for number in range(events):
            stream = f"s-{number % streams}"
            await self.log.append(Append(stream, len(await self.log.read_stream(stream)), [draft()]))

    async def send(
        self, after: int = 0, until: int | None = None, *, fence: int = 1, marked: bool = True, ended: bool = True
    ) -> None:
        """Send what stands after a position, and a watermark to each partition, as one load of one relay."""
        until = await self.log.head() if until is None else until
        rows = await self.log.read(after, until - after)
        loading = Loading(self.name, None, self.partitions, "https://owner.example", self.epoch, fence)
        load = loading.load(rows)
        if marked:
            loading.mark(load, until, system_clock() if ended else None)
        async with sending(self.connecting.arguments(), BATCH_BYTES, nothing_at) as sender:
            await sender.send(load)

    async def mark(self, position: int, ended_at: datetime | None, *, fence: int = 1) -> None:
        """Send a watermark to each partition."""
        loading = Loading(self.name, None, self.partitions, "https://owner.example", self.epoch, fence)
        loading.mark(load := loading.load([]), position, ended_at)
        async with sending(self.connecting.arguments(), BATCH_BYTES, nothing_at) as sender:
            await sender.send(load)

    @asynccontextmanager
    async def feed(self, **options: Any) -> AsyncIterator[KafkaFeed]:
        """Run a feed of it for the length of a block."""
        settings: dict[str, Any] = {"wait_milliseconds": self.wait_milliseconds} | options
        feed = KafkaFeed(self.owner, self.connecting, settings.pop("partitions", self.partitions), **settings)
        try:
            yield feed
        finally:
            await feed.stop()

    def begin(self, position: int = 0, offset: int | None = None) -> Cursor:
        """Return a cursor at a position."""
        return Cursor(self.epoch, position, None, offset)


async def read_on(
    feed: Feed, part: Part, cursor: Cursor, until: int, limit: int = 500
) -> tuple[list[Recorded], Cursor]:
    """Return what a part has up to a position, and where the reader is then; waits for what is still to come."""
    found: list[Recorded] = []
    while cursor.position < until:
        page = await feed.page(part, cursor, limit)
        if page.cursor == cursor:
            await feed.more(part, cursor, 5)
        found, cursor = [*found, *page.rows], page.cursor
    return found, cursor


async def read_through(feed: KafkaFeed, part: Part, cursor: Cursor, position: int) -> tuple[list[Recorded], Cursor]:
    """Return the same, read as a runner does: what is unavailable is tried again."""
    found: list[Recorded] = []
    async with asyncio.timeout(2 * PATIENCE_SECONDS):
        while cursor.position < position:
            try:
                page = await feed.page(part, cursor, 37)
                if page.cursor == cursor:
                    await feed.more(part, cursor, 0.5)
            except Problem as problem:
                if problem.kind is not Kind.UNAVAILABLE:
                    raise
                await asyncio.sleep(0.05)
                continue
            found, cursor = [*found, *page.rows], page.cursor
    return found, cursor


async def read_all(feed: Feed, parts: int, cursor: Cursor, until: int) -> Sequence[Recorded]:
    """Return what all parts have from a cursor up to a position, by position."""
    found = [row for number in range(parts) for row in (await read_on(feed, Part(number, parts), cursor, until))[0]]
    return sorted(found, key=lambda row: row.position)


async def known(feed: Feed) -> bool:
    """Return whether the topic tells of its log: a relay has sent something."""
    try:
        await feed.epoch()
    except Problem as problem:
        if problem.kind is not Kind.UNAVAILABLE:
            raise
        return False
    return True

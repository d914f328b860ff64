"""The same logs as feeds, by every transport; and all services' readers following them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

from kompetenspass.core.clock import system_clock
from kompetenspass.events.envelope import Draft
from kompetenspass.log.api import Append, Cursor, Feed, Page, Part, Recorded, Stored, Transport
from kompetenspass.log.kafka.connecting import Connecting
from kompetenspass.log.postgres import PostgresFeed, PostgresLog
from kompetenspass.log.readers import Readers
from kompetenspass.testing.kafka.feeding import Topic
from kompetenspass.testing.kafka.mock import MockKafka
from kompetenspass.testing.postgres import Database
from kompetenspass.testing.waiting import PATIENCE_SECONDS
from kompetenspass.web.migrate import engine_of
from tests.integration.agreeing import PROJECTIONS, KeptFeed
from tests.integration.told import Logs

Feeds = Mapping[str, Feed]
_LIMITS = (5, 50, 500)
_SENT_AGAIN = 70


@dataclass
class Uneven:
    """A feed in so many parts, of which some come slowly, and in pages of any size."""

    feed: Feed
    number: int
    dice: random.Random
    owner: str = field(init=False)
    transport: Transport = field(init=False)

    def __post_init__(self) -> None:
        self.owner, self.transport = self.feed.owner, self.feed.transport

    async def epoch(self) -> UUID:
        """Return the log's epoch."""
        return await self.feed.epoch()

    async def head(self) -> int:
        """Return the position of the newest event."""
        return await self.feed.head()

    async def parts(self) -> int:
        """Return in how many parts it is to be read."""
        return self.number

    async def page(self, part: Part, cursor: Cursor, limit: int) -> Page:
        """Return a page, sooner or later."""
        for _ in range(self.dice.choice((0, 1, 100))):
            await asyncio.sleep(0)  # whatever else can go on goes on first
        return await self.feed.page(part, cursor, min(limit, self.dice.choice(_LIMITS)))

    async def find(self, position: int) -> Recorded | None:
        """Return the event at a position."""
        return await self.feed.find(position)

    async def more(self, part: Part, cursor: Cursor, timeout_seconds: float) -> None:
        """Return when there may be more."""
        await self.feed.more(part, cursor, timeout_seconds)


Carrier = Callable[[Logs, Database, int, random.Random], AbstractAsyncContextManager[Feeds]]
"""A way for logs to come, in so many parts, to those who read them."""


async def stored(told: Logs, database: Database) -> Logs:
    """Append what was told to the logs of a database, and return these."""
    found = {}
    for owner, rows in told.items():
        log = PostgresLog(owner, database.dsn(owner))
        await log.start()
        for some in _apart(rows):
            answers = await asyncio.gather(*(log.append(_again(row)) for row in some))
            assert [one.position for one in answers if isinstance(one, Stored)] == [row.position for row in some]
        found[owner] = await log.read(0, len(rows) + 1)
        await log.stop()
    return found


def _again(row: Recorded) -> Append:
    return Append(row.stream, row.version - 1, [Draft(row.id, row.type, row.data)])


def _apart(rows: Sequence[Recorded]) -> Iterator[list[Recorded]]:
    """Yield the rows in their order, as many at a time as are of different streams."""
    some: list[Recorded] = []
    for row in rows:
        if row.stream in {one.stream for one in some}:
            yield some
            some = []
        some.append(row)
    yield some


@asynccontextmanager
async def kept(logs: Logs, _database: Database, parts: int, dice: random.Random) -> AsyncIterator[Feeds]:
    """Yield the logs as they lie in memory."""
    yield {owner: Uneven(KeptFeed(owner, rows), parts, dice) for owner, rows in logs.items()}


@asynccontextmanager
async def by_postgres(logs: Logs, database: Database, parts: int, dice: random.Random) -> AsyncIterator[Feeds]:
    """Yield the logs as they are read from the owners' databases."""
    feeds = [PostgresFeed(owner, database.dsn("log_reader")) for owner in logs]
    try:
        yield {feed.owner: Uneven(feed, parts, dice) for feed in feeds}
    finally:
        for feed in feeds:
            await feed.stop()


@asynccontextmanager
async def by_kafka(logs: Logs, _database: Database, parts: int, dice: random.Random) -> AsyncIterator[Feeds]:
    """Yield the logs as they come by a mock cluster, some of them sent again by a second relay."""
    async with AsyncExitStack() as stack:
        mock = stack.enter_context(MockKafka())
        at = Connecting(bootstrap_servers=mock.bootstrap, security="PLAINTEXT", request_timeout_seconds=5)
        feeds = {}
        for owner, rows in logs.items():
            topic = Topic(at, parts, owner)
            mock.create_topic(topic.name, parts)
            half = len(rows) // 2
            topic.log = KeptFeed(owner, rows, topic.epoch)  # type: ignore[assignment]  # all that is asked of it
            await topic.send(0, half, ended=False)
            await topic.send(max(half - _SENT_AGAIN, 0), len(rows), fence=2)
            feeds[owner] = Uneven(await stack.enter_async_context(topic.feed()), parts, dice)
        yield feeds


CARRIERS: Mapping[str, tuple[Carrier, int]] = {
    "memory, in one part": (kept, 1),
    "memory, in many": (kept, 9),
    "PostgreSQL": (by_postgres, 3),
    "Kafka": (by_kafka, 4),
}
"""By name: the transport, and in how many parts its logs are read."""


@asynccontextmanager
async def following(service: str, feeds: Feeds, database: Database) -> AsyncIterator[Readers]:
    """Run all projections of a service until they have read all that there is."""
    engine = engine_of(database.dsn(service), service)
    readers = Readers(service, engine, feeds, system_clock)
    for projection in PROJECTIONS[service]:
        readers.project(projection)
    await readers.start()
    try:
        for owner, feed in feeds.items():
            assert await readers.caught_up(owner, await feed.head(), PATIENCE_SECONDS), (service, owner)
        yield readers
    finally:
        await readers.stop()
        await engine.dispose()

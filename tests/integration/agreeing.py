"""Read tables of all services filled from the same logs: by which feeds, in how many parts, at which speeds."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import MetaData, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.schema import CreateSchema

from kompetenspass.log.api import Cursor, Feed, Part, Recorded
from kompetenspass.log.dispatch import Dispatch
from kompetenspass.log.paging import WholeFeed
from kompetenspass.log.project import Handler, Projection
from kompetenspass.log.writing import Writing
from kompetenspass.testing.postgres import Database
from services.catalog import projections as catalog
from services.issuance import projections as issuance
from services.registry import projections as registry
from services.verification import projections as verification
from services.wallet import projections as wallet

PROJECTIONS: Mapping[str, Sequence[Projection]] = {
    "catalog": catalog.PROJECTIONS,
    "issuance": (issuance.facts, issuance.overview),
    "registry": (registry.ORGANISATIONS, registry.STATUS, registry.AWARDS),
    "verification": verification.PROJECTIONS,
    "wallet": (wallet.TIMELINE,),
}
SIGNS = {"list_changes.change", "copies.changed"}
"""Columns of the registry that name the transaction that wrote them: a sign to look again, and no answer to anyone."""

Look = Callable[[], Awaitable[None]]

Rows = Mapping[str, Sequence[tuple[object, ...]]]
"""Everything that read tables hold, by table, in the order of the rows themselves."""


@dataclass
class KeptFeed(WholeFeed):
    """A log that is over, as a feed."""

    owner: str
    rows: Sequence[Recorded]
    life: UUID = field(default=UUID(int=1))

    async def epoch(self) -> UUID:
        """Return the log's epoch."""
        return self.life

    async def head(self) -> int:
        """Return the position of the newest event."""
        return len(self.rows)

    async def read(self, after: int, limit: int) -> Sequence[Recorded]:
        """Return up to `limit` events after a position."""
        return self.rows[after : after + limit]

    async def wait(self, after: int, timeout_seconds: float) -> None:
        """Return at once: nothing follows."""


@dataclass
class Reading:
    """How far one part of a log has been read, how fast, and from where it may be delivered again."""

    feed: Feed
    part: Part
    cursor: Cursor
    speed: float
    before: list[Cursor]

    async def page(self, limit: int) -> tuple[Sequence[Recorded], bool]:
        """Return what comes next, and whether the part is over then."""
        page = await self.feed.page(self.part, self.cursor, limit)
        self.before.append(self.cursor)
        self.cursor = page.cursor
        return page.rows, page.ended

    def go_back(self, pages: int) -> None:
        """Have up to so many pages delivered again, and whatever follows them: a delivery never leaves anything out."""
        self.cursor = self.before[-pages:][0]
        del self.before[-pages:]


@dataclass
class Pace:
    """In how many parts a log is read; by `dice`, how fast each of them, in pages of which length, which of them twice.

    `again`: how likely it is that what was read is delivered again, from some pages before.
    """

    parts: int
    dice: random.Random
    again: float = 0.0
    limits: Sequence[int] = (3, 20, 100, 500)

    async def readings(self, feeds: Sequence[Feed]) -> list[Reading]:
        """Return all parts of all logs, at their beginnings. Some are a thousand times faster than others."""
        return [
            Reading(feed, Part(number, self.parts), Cursor(await feed.epoch(), 0, None), self._speed(), [])
            for feed in feeds
            for number in range(self.parts)
        ]

    def _speed(self) -> float:
        return float(10 ** self.dice.uniform(-3, 0))


async def filled(
    tables: Tables, projection: Projection, feeds: Sequence[Feed], pace: Pace, look: Look | None = None
) -> set[type]:
    """Fill a projection's tables, looking after each page; return the events whose handlers were called."""
    heard: set[type] = set()
    dispatch: Dispatch[Handler] = Dispatch(projection.handlers)
    left = await pace.readings(feeds)
    while left:
        (reading,) = pace.dice.choices(left, [one.speed for one in left])
        rows, ended = await reading.page(pace.dice.choice(pace.limits))
        await tables.write(dispatch, rows)
        heard |= {type(row.event) for row in rows if dispatch.concerns(row)}
        if look is not None:
            await look()
        if pace.dice.random() < pace.again:
            reading.go_back(pace.dice.randint(1, 5))
        elif ended:
            left.remove(reading)
    return heard


class Tables:
    """One projection's tables in a schema of their own."""

    def __init__(self, engine: AsyncEngine, schema: str, metadata: MetaData) -> None:
        self._engine = engine
        self._metadata = metadata
        self._translate: Mapping[str | None, str | None] = {None: schema}
        self._schema = schema

    async def make(self) -> None:
        """Make them, empty."""
        async with self._engine.begin() as connection:
            await connection.execute(CreateSchema(self._schema))
            translated = await connection.execution_options(schema_translate_map=self._translate)
            await translated.run_sync(self._metadata.create_all)

    async def write(self, dispatch: Dispatch[Handler], rows: Sequence[Recorded]) -> None:
        """Apply events in one transaction, as the runner does."""
        if not any(map(dispatch.concerns, rows)):
            return
        async with self._engine.begin() as connection:
            writing = Writing(connection, self._translate)
            for row in rows:
                if handler := dispatch.handler(row):
                    await handler(writing, row)
            await writing.flush()

    async def rows(self) -> Rows:
        """Return all that they hold."""
        async with self._engine.connect() as connection:
            return await rows_of(connection, self._schema, self._metadata)


async def rows_of(connection: AsyncConnection, schema: str, metadata: MetaData) -> Rows:
    """Return all rows of a projection's tables, every column as text but for the signs."""
    found = {}
    for table in metadata.sorted_tables:
        names = [one.name for one in table.columns if f"{table.name}.{one.name}" not in SIGNS]
        columns = ", ".join(f'"{name}"::text' for name in names)
        listed = ", ".join(str(number) for number in range(1, len(names) + 1))
        query = text(f'SELECT {columns} FROM "{schema}".{table.name} ORDER BY {listed}')
        found[table.name] = [tuple(row) for row in await connection.execute(query)]
    return found


def in_order(seed: int) -> Pace:
    """Return the pace at which each log is read from its beginning to its end."""
    return Pace(1, random.Random(seed), limits=(500,))


async def read(
    engine: AsyncEngine, name: str, projection: Projection, logs: Mapping[str, Sequence[Recorded]], pace: Pace
) -> Rows:
    """Return what the tables of a projection, empty before and in a schema of that name, hold in the end."""
    tables = Tables(engine, name, projection.metadata)
    await tables.make()
    await filled(tables, projection, [KeptFeed(owner, logs[owner]) for owner in projection.logs], pace)
    return await tables.rows()


@asynccontextmanager
async def engine_on(database: Database, *schemas: str) -> AsyncIterator[AsyncEngine]:
    """Yield an engine of the administrator, who may make any schema; unqualified tables are those of `schemas`."""
    dsn = database.admin_dsn.replace("postgresql://", "postgresql+asyncpg://", 1)
    path = {"search_path": ",".join(schemas or ("public",))}
    engine = create_async_engine(dsn, connect_args={"server_settings": path})
    try:
        yield engine
    finally:
        await engine.dispose()

"""A log in PostgreSQL and an engine of the service that owns it, for the tests of this room."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, Text, Uuid, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from kompetenspass.core.ids import random_token
from kompetenspass.events.wallet import CredentialReceived
from kompetenspass.log.api import Append, Recorded
from kompetenspass.log.conformance import draft
from kompetenspass.log.memory import MemoryLog
from kompetenspass.log.postgres import PostgresLog
from kompetenspass.log.project import Projection, Reaction
from kompetenspass.log.readers import Readers
from kompetenspass.log.writing import Writing
from kompetenspass.testing import waiting
from kompetenspass.testing.clock import FixedClock
from kompetenspass.testing.postgres import Database


@pytest.fixture
async def wallet_log(database: Database) -> AsyncIterator[PostgresLog]:
    log = PostgresLog("wallet", database.dsn("wallet"))
    await log.start()
    yield log
    await log.stop()


@pytest.fixture
async def engine(database: Database) -> AsyncIterator[AsyncEngine]:
    engine = create_async_engine(database.dsn("wallet").replace("postgresql:", "postgresql+asyncpg:", 1))
    yield engine
    await engine.dispose()


ROWS = MetaData()
SEEN = Table(
    "seen", ROWS, Column("account_id", Uuid, primary_key=True), Column("digest", Text), Column("times", Integer)
)


async def see(writing: Writing, recorded: Recorded) -> None:
    """Count the event, so that one applied twice shows. `poison` and `retry` in the digest do what they say."""
    event = recorded.event
    assert isinstance(event, CredentialReceived)
    if event.digest in FAILING:
        RAISED.append(event.digest)
        raise FAILING[event.digest]
    first = insert(SEEN).values(account_id=event.account_id, digest=event.digest, times=1)
    again = first.on_conflict_do_update(index_elements=["account_id"], set_={"times": SEEN.c.times + 1})
    await writing.execute(again)


FAILING: dict[str, Exception] = {}
RAISED: list[str] = []


@dataclass
class World:
    """One service's log in memory, its database, and readers made for it."""

    log: MemoryLog
    engine: AsyncEngine
    clock: FixedClock
    failing: dict[str, Exception]
    raised: list[str]
    made: list[Readers] = field(default_factory=list)

    def readers(self, *projections: Projection, reactions: Sequence[Reaction] = ()) -> Readers:
        readers = Readers("wallet", self.engine, {"wallet": self.log}, self.clock)
        for projection in projections or (self.projection(),):
            readers.project(projection)
        for reaction in reactions:
            readers.react(reaction)
        self.made.append(readers)
        return readers

    def projection(self, version: int = 1, **options: Any) -> Projection:
        declared: dict[str, Any] = {"metadata": ROWS, "handlers": {CredentialReceived: see}, **options}
        return Projection("seeing", version, ("wallet",), **declared)

    async def append(self, *digests: str, stream: str = "") -> None:
        for digest in digests:
            name = stream or random_token()
            version = len(await self.log.read_stream(name))
            await self.log.append(Append(name, version, [draft(digest=digest)]))

    async def rows(self) -> list[tuple[str, int]]:
        """Return digest and times of what the service's own queries see; over a new connection if the pool's ended."""
        try:
            return await self._rows()
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
            return await self._rows()

    async def _rows(self) -> list[tuple[str, int]]:
        async with self.engine.connect() as connection:
            rows = await connection.execute(select(SEEN.c.digest, SEEN.c.times).order_by(SEEN.c.digest))
            return [(row.digest, row.times) for row in rows]

    async def until(self, holds: Callable[[], Awaitable[object]]) -> None:
        await waiting.until(holds)


@pytest.fixture
async def world(engine: AsyncEngine) -> AsyncIterator[World]:
    clock = FixedClock()
    FAILING.clear()
    RAISED.clear()
    world = World(MemoryLog("wallet", clock), engine, clock, FAILING, RAISED)
    yield world
    for readers in world.made:
        await readers.stop()

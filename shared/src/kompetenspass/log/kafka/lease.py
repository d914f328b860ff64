"""The right to send one log: a holder that is alive, and a number that only grows.

A second relay waits for as long as the holder gives signs of life. Without them the lease is another's, of which one
that was frozen or cut off does not know: so the number is looked at before a page is sent, moves the cursor with it or
not at all, and goes along with each record, by which whoever looks for a place to begin tells whose watermarks belong
together.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import Executable, Row, bindparam, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from kompetenspass.core.errors import Kind, Problem
from kompetenspass.log.appender import LOST
from kompetenspass.log.kafka.tables import RELAY_CURSOR as CURSOR
from kompetenspass.log.presence import ALIVE, Presence

ANSWER_SECONDS = 5.0
"""What a statement about the lease has to be answered in; whoever makes the engine sees to it."""

_QUICK = text("SET synchronous_commit = off")
"""For a cursor that a crash of the database may take back a little: some events are sent again, which readers drop."""
_FREE = text(f"holder IS NULL OR holder = :me OR holder NOT IN (SELECT id FROM ({ALIVE}) alive)")  # noqa: S608  ours
_GONE = (SQLAlchemyError, asyncpg.PostgresError, *LOST)
_PLACED = (CURSOR.c.fence, CURSOR.c.position, CURSOR.c.epoch, CURSOR.c.event_id, CURSOR.c.places)
_MINE = (CURSOR.c.log == bindparam("mine"), CURSOR.c.fence == bindparam("held"))
_CHECK = select(CURSOR.c.fence).where(*_MINE)
_MOVE = (
    update(CURSOR)
    .where(*_MINE, CURSOR.c.position == bindparam("known"))
    .values({name: bindparam(f"new_{name}") for name in ("position", "epoch", "event_id", "places")})
    .returning(*_PLACED)
)
"""For every page, hence made once: to make a statement takes as long as to run it."""


class LeaseLost(RuntimeError):
    """The lease is another's, or the database does not say whose: nothing may be sent any more."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How far the log was sent, as table `relay_cursor` has it; `fence` is the holder's."""

    fence: int
    position: int = 0
    epoch: UUID | None = None
    event_id: UUID | None = None
    places: tuple[int, ...] = ()


def presence_of(engine: AsyncEngine, log: str) -> Presence:
    """Return the sign of life of a relay, for as long as it runs or waits for the lease."""
    return Presence(engine, lambda: f"{log} relay")


class Lease:
    """One relay's claim to a log, over one connection of the engine; every method raises LeaseLost."""

    def __init__(self, engine: AsyncEngine, log: str, presence: Presence) -> None:
        self._engine, self._log, self._presence = engine, log, presence
        self._mine = CURSOR.c.log == log
        self._connection: AsyncConnection | None = None
        self._fence: int | None = None

    async def take(self) -> Standing | None:
        """Return how far the log was sent, with the next fence; None while another holds the lease and is alive."""
        try:
            me = (await self._presence.beat()).me
            self._connection = connection = await self._engine.connect()
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            new = insert(CURSOR).values(log=self._log, position=0, fence=0, places=[])
            await connection.execute(new.on_conflict_do_nothing())
            free = update(CURSOR).where(self._mine, _FREE.bindparams(bindparam("me", me)))
            following = free.values(fence=CURSOR.c.fence + 1, holder=me).returning(*_PLACED)
            row = (await connection.execute(following)).one_or_none()
            if row is None:
                await connection.close()
                self._connection = None
                return None
            await connection.execute(_QUICK)
        except _GONE as error:
            raise await self._lost(error) from error
        self._fence = row.fence
        return _standing(row)

    async def check(self, standing: Standing) -> None:
        """Return if the lease is still this one's."""
        await self._one(_CHECK, mine=self._log, held=standing.fence)

    async def move(self, standing: Standing, *, position: int, epoch: UUID, event_id: UUID) -> Standing:
        """Return the standing after all up to `position` was confirmed; `standing` has the places of that."""
        new = {"new_position": position, "new_epoch": epoch, "new_event_id": event_id}
        known = {"mine": self._log, "held": standing.fence, "known": standing.position}
        return _standing(await self._one(_MOVE, **known, **new, new_places=list(standing.places)))

    async def rewind(self, standing: Standing) -> Standing:
        """Return the standing of a log of which nothing was sent, durably."""
        values: dict[str, object] = {"position": 0, "epoch": None, "event_id": None, "places": []}
        mine = (self._mine, CURSOR.c.fence == standing.fence)
        await self._one(text("SELECT set_config('synchronous_commit', 'on', false)"))
        return _standing(await self._one(update(CURSOR).where(*mine).values(values).returning(*_PLACED)))

    async def release(self) -> None:
        """Give the lease up, if it is still this one's. It raises nothing: without signs of life it is free soon."""
        connection, fence, self._fence = self._connection, self._fence, None
        if connection is not None and fence is not None:
            mine = update(CURSOR).where(self._mine, CURSOR.c.fence == fence)
            with suppress(*_GONE):
                await connection.execute(mine.values(holder=None))
        await self._close()

    async def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(*_GONE):
                await connection.invalidate()
                await connection.close()

    async def _one(self, statement: Executable, **values: object) -> Row[Any]:
        """Return the one row of a statement that has one as long as the lease is this one's."""
        if self._connection is None:
            raise LeaseLost("there is no lease")
        try:
            row = (await self._connection.execute(statement, values)).one_or_none()
        except _GONE as error:
            raise await self._lost(error) from error
        if row is None:
            await self._close()
            raise LeaseLost("another relay has taken over")
        return row

    async def _lost(self, error: BaseException) -> LeaseLost:
        await self._close()
        return LeaseLost(type(error).__name__)


def _standing(row: Row[Any]) -> Standing:
    return Standing(row.fence, row.position, row.epoch, row.event_id, tuple(row.places))


async def sent_to(engine: AsyncEngine, log: str) -> int:
    """Return the position up to which Kafka has confirmed everything. Raises LeaseLost."""
    try:
        async with engine.connect() as connection:
            return int(await connection.scalar(select(CURSOR.c.position).where(CURSOR.c.log == log)) or 0)
    except _GONE as error:
        raise LeaseLost(type(error).__name__) from error


async def rewind(engine: AsyncEngine, log: str) -> None:
    """Let the next relay begin with the first event. Raises Problem `relay_running`, LeaseLost."""
    presence = presence_of(engine, log)
    lease = Lease(engine, log, presence)
    try:
        standing = await lease.take()
        if standing is None:
            raise Problem(
                "relay_running",
                "A relay of this log is running.",
                kind=Kind.CONFLICT,
                remedy="Stop it first, so that nothing is sent meanwhile.",
            )
        await lease.rewind(standing)
    finally:
        await lease.release()
        await presence.leave()

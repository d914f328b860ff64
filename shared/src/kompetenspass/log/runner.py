"""The runner: one loop per reader and log; it applies each event once, in order, and stops when the log is another."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from kompetenspass.core.clock import Clock
from kompetenspass.events.base import Event
from kompetenspass.events.codec import UPCASTS, UnknownEventType
from kompetenspass.log import cursors
from kompetenspass.log.api import Feed, Recorded
from kompetenspass.log.cursors import Cursor, Key, Taken, schemas
from kompetenspass.log.fates import Fate, Halt, Superseded, Unhandled, fate_of, settle
from kompetenspass.log.generations import Generation, generations, is_live, statements, transaction
from kompetenspass.log.parked import BEHIND, park, parked_streams
from kompetenspass.log.project import Handler, Projection
from kompetenspass.log.waking import Bell

PAGE = 500
STAMP_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 5.0
GATHER_SECONDS = 0.1
"""After a page that was not full: what comes meanwhile goes into one transaction. The first event waits for nothing."""

H = TypeVar("H")
logger = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Place:
    """Where readers live: their service, its database, the clock, and the bell that rings when one has moved."""

    service: str
    engine: AsyncEngine
    clock: Clock
    moved: Bell = field(default_factory=Bell)


class Dispatch(Generic[H]):
    """Finds the handler of an event by its stored type string, without decoding the event."""

    def __init__(self, handlers: Mapping[type[Event], H]) -> None:
        self._handlers = {event.type: handler for event, handler in handlers.items()}
        self._names = {event_type.rpartition(".")[0] for event_type in self._handlers}

    def handler(self, recorded: Recorded) -> H | None:
        """Return the handler, None for an event that does not concern the reader.

        Raises UnknownEventType for an event that does, in a version newer than this code.
        """
        event_type = recorded.type
        while event_type in UPCASTS:
            event_type = UPCASTS[event_type][0]
        found = self._handlers.get(event_type)
        if found is None and event_type.rpartition(".")[0] in self._names:
            raise UnknownEventType(event_type)
        return found

    def concerns(self, recorded: Recorded) -> bool:
        """Return whether the reader has something to do with the event, be it to fail."""
        try:
            return self.handler(recorded) is not None
        except UnknownEventType:
            return True


class Follower(ABC):
    """One reader's loop over one log. `halted` is why it stopped, `at_head` whether it has once read to the head."""

    def __init__(self, place: Place, feed: Feed, key: Key) -> None:
        self.place = place
        self.feed = feed
        self.key = key
        self.position = 0
        self.at_head = False
        self.halted: str | None = None
        self.checked_at: datetime | None = None
        self._stamped = float("-inf")

    async def run(self) -> None:
        """Follow the log until cancelled or halted; an outage is waited out, with growing pauses."""
        cursor: Cursor | None = None
        pause = 0.05
        while self.halted is None:
            try:
                cursor = await self._step(cursor or await self._opened())
                pause = 0.05
            except Taken:
                cursor = None
            except Superseded as end:
                self.halted = end.reason
            except Halt as halt:
                self._halt(halt.reason)
            except Exception as error:
                if isinstance(error, DBAPIError) and fate_of(error) is Fate.HALT:
                    self._halt("tables_missing")
                    continue
                cursor = None
                logger.warning("reader_waits", reader=self.key.reader, log=self.feed.owner, error=type(error).__name__)
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    @abstractmethod
    async def _apply(self, cursor: Cursor, rows: Sequence[Recorded]) -> Cursor:
        """Apply events that follow the cursor, and return the cursor after them. Raises Taken, Halt, an outage."""

    async def _step(self, cursor: Cursor) -> Cursor:
        moment = self.place.clock()
        rows = await self._page(cursor)
        if rows:
            cursor = await self._apply(cursor, rows)
        if len(rows) < PAGE:
            await self._stamp(cursor, moment)
            self.at_head = True
        self._moved_to(cursor.position)
        if not rows:
            await self.feed.wait(cursor.position, STAMP_SECONDS)
        elif len(rows) < PAGE:
            await asyncio.sleep(GATHER_SECONDS)
        return cursor

    async def _opened(self) -> Cursor:
        epoch = await self.feed.epoch()
        async with transaction(self.place.engine, schemas(self.place.service)) as connection:
            if not await self._exists(connection):
                raise Halt("generation_dropped")
            cursor = await cursors.open_cursor(connection, self.key, self.feed.owner, epoch)
        self._moved_to(cursor.position)
        return cursor

    async def _exists(self, connection: AsyncConnection) -> bool:
        """Return whether there is still something to follow for."""
        return True

    async def _page(self, cursor: Cursor) -> Sequence[Recorded]:
        """Return what follows the cursor. The cursor's own event is read again: a restored log has another one."""
        if await self.feed.epoch() != cursor.epoch:
            raise Halt("log_has_another_epoch")
        if cursor.position == 0:
            return await self.feed.read(0, PAGE)
        rows = await self.feed.read(cursor.position - 1, PAGE + 1)
        if not rows or rows[0].position != cursor.position:
            raise Halt("cursor_ahead_of_log")
        if rows[0].id != cursor.event_id:
            raise Halt("log_has_another_event")
        return rows[1:]

    async def _stamp(self, cursor: Cursor, moment: datetime) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._stamped < STAMP_SECONDS:
            return
        async with statements(self.place.engine, schemas(self.place.service)) as connection:
            await cursors.stamp(connection, self.key, self.feed.owner, cursor, moment)
        self._stamped, self.checked_at = now, moment

    def _moved_to(self, position: int) -> None:
        self.position = position
        self.place.moved.ring()

    def _halt(self, reason: str) -> None:
        self.halted = reason
        where = {"reader": self.key.reader, "log": self.feed.owner, "position": self.position}
        logger.critical("reader_halted", alarm=True, reason=reason, **where)
        self.place.moved.ring()


class ProjectionFollower(Follower):
    """Applies a log's events to one generation of a projection: rows and cursor in one transaction."""

    def __init__(self, place: Place, feed: Feed, projection: Projection, generation: Generation) -> None:
        super().__init__(place, feed, Key("projection", projection.name, generation.number))
        self.live = generation.live
        self._dispatch: Dispatch[Handler] = Dispatch(projection.handlers)
        self._translate = schemas(place.service, generation.schema(place.service))

    async def _apply(self, cursor: Cursor, rows: Sequence[Recorded]) -> Cursor:
        """Apply a page at once; where a handler fails, its events one by one."""
        try:
            return await self._transaction(cursor, rows)
        except (Taken, Halt):
            raise
        except Exception as error:
            if fate_of(error) is Fate.OUTAGE:
                raise
        for row in rows:
            cursor = await self._apply_one(cursor, row)
        return cursor

    async def _exists(self, connection: AsyncConnection) -> bool:
        known = await generations(connection, self.key.reader)
        return any(generation.number == self.key.generation for generation in known)

    async def _still_live(self, connection: AsyncConnection) -> None:
        """Go no further once another generation has taken over: nobody reads these tables any more.

        The switch holds the cursor's row, so that this is asked either before the switch or after it.
        """
        live = await is_live(connection, self.key.reader, self.key.generation)
        if self.live and not live:
            raise Superseded("superseded")
        self.live = live

    async def _apply_one(self, cursor: Cursor, row: Recorded) -> Cursor:
        try:
            return await settle(lambda: self._transaction(cursor, [row]))
        except Unhandled as unhandled:
            return await self._transaction(cursor, [row], parking=unhandled.error)

    async def _transaction(self, cursor: Cursor, rows: Sequence[Recorded], parking: str | None = None) -> Cursor:
        after = cursor.at(rows[-1])
        log = self.feed.owner
        if not any(map(self._dispatch.concerns, rows)):
            async with statements(self.place.engine, self._translate) as connection:
                await cursors.advance(connection, self.key, log, cursor, after)
            return after
        async with transaction(self.place.engine, self._translate) as connection:
            await cursors.advance(connection, self.key, log, cursor, after)
            await self._still_live(connection)
            aside = await parked_streams(connection, self.key, log)
            for row in rows:
                if parking or row.stream in aside:
                    await park(connection, self.key, log, row, parking or BEHIND)
                elif handler := self._dispatch.handler(row):
                    await handler(connection, row)
        return after

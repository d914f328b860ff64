"""The runner: one loop per reader and log; it applies each event once, in order, and stops when the log is another."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from kompetenspass.core.clock import Clock
from kompetenspass.log import cursors
from kompetenspass.log.api import Feed, Recorded
from kompetenspass.log.cursors import Cursor, Key, Taken, schemas
from kompetenspass.log.fates import Halt, Superseded, is_of_tables
from kompetenspass.log.generations import transaction
from kompetenspass.log.stamping import Stamper, Track
from kompetenspass.log.waking import Bell
from kompetenspass.log.watching import Steps

PAGE = 500
LONGEST_PAUSE_SECONDS = 5.0
GATHER_SECONDS = 0.1
"""After a page that was not full: what comes meanwhile goes into one transaction. The first event waits for nothing.

Readers go on at the full tenths of a second, at the same time, so that they share what is read.
"""

logger = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Place:
    """Where readers live: their service, its database, the clock, and the bell that rings when one has moved."""

    service: str
    engine: AsyncEngine
    clock: Clock
    moved: Bell = field(default_factory=Bell)

    @cached_property
    def stamper(self) -> Stamper:
        """What stores the cursors of all readers here."""
        return Stamper(self.engine, self.service)

    @cached_property
    def autocommit(self) -> AsyncEngine:
        """The engine, on which each statement is a transaction of its own."""
        return self.engine.execution_options(isolation_level="AUTOCOMMIT")


class Follower(ABC):
    """One reader's loop over one log. `halted` is why it stopped, `at_head` whether it has once read to the head.

    `told`: how far it has come for those who wait for it. That follows the rows, once it is known what they are worth:
    whoever is told that a position has passed may ask at once whether the log was read to its head.
    """

    def __init__(self, place: Place, feed: Feed, key: Key) -> None:
        self.place = place
        self.feed = feed
        self.key = key
        self.track = Track(key, feed.owner)
        self.steps = Steps(key.reader, feed)
        self.told = -1
        self.at_head = False
        self.halted: str | None = None

    @property
    def name(self) -> str:
        """Which reader it is, of which log."""
        return f"{self.key.reader}:{self.feed.owner}"

    @property
    def page(self) -> int:
        """How many events are read at once."""
        return PAGE

    @property
    def position(self) -> int:
        """How far it has come."""
        return self.track.reached.position

    @property
    def checked_at(self) -> datetime | None:
        """The last moment, of those that are stored, at which it had read all of the log."""
        return self.track.checked_at

    async def run(self) -> None:
        """Follow the log until cancelled or halted; an outage is waited out, with growing pauses."""
        self.place.stamper.follow(self.track)
        self.steps.begun()
        try:
            await self._follow()
        finally:
            self.place.stamper.leave(self.track)

    async def _follow(self) -> None:
        opened, pause = False, 0.05
        while self.halted is None:
            try:
                if not opened:
                    await self._open()
                    opened = True
                await self._step()
                pause = 0.05
            except Taken:
                opened = False
            except Superseded as end:
                self.halted = end.reason
            except Halt as halt:
                self._halt(halt.reason)
            except (Exception, asyncio.CancelledError) as error:
                if _is_cancelled():
                    raise
                if is_of_tables(error):
                    self._halt("tables_missing")
                    continue
                opened = False
                logger.warning("reader_waits", reader=self.key.reader, log=self.feed.owner, error=type(error).__name__)
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    @abstractmethod
    async def _apply(self, rows: Sequence[Recorded]) -> None:
        """Apply events that follow the cursor, and move it. Raises Taken, Halt, an outage."""

    async def _step(self) -> None:
        moment = self.place.clock()
        rows = await self._page()
        if rows:
            await self._apply(rows)
        if len(rows) < self.page:
            self.track.moment = moment
        await self.place.stamper.stamp(self.track)
        self._moved(at_head=len(rows) < self.page)
        self.steps.made()
        if not rows:
            await self.feed.wait(self.position, self.place.stamper.pause_seconds)
        elif len(rows) < self.page:
            await asyncio.sleep(GATHER_SECONDS - asyncio.get_running_loop().time() % GATHER_SECONDS)

    async def _open(self) -> None:
        epoch = await self.feed.epoch()
        async with (
            self.place.stamper.holding(self.track),
            transaction(self.place.engine, schemas(self.place.service)) as connection,
        ):
            if not await self._exists(connection):
                raise Halt("generation_dropped")
            self.track.opened(await cursors.open_cursor(connection, self.key, self.feed.owner, epoch))
        self._moved()

    async def _exists(self, connection: AsyncConnection) -> bool:
        """Return whether there is still something to follow for."""
        return True

    async def _page(self) -> Sequence[Recorded]:
        """Return what follows the cursor."""
        return await self._read(self.track.reached)

    async def _read(self, cursor: Cursor) -> Sequence[Recorded]:
        """Return what follows a cursor. Its own event is read again: a restored log has another one."""
        if await self.feed.epoch() != cursor.epoch:
            raise Halt("log_has_another_epoch")
        if cursor.position == 0:
            return await self.feed.read(0, self.page)
        rows = await self.feed.read(cursor.position - 1, self.page + 1)
        if not rows or rows[0].position != cursor.position:
            raise Halt("cursor_ahead_of_log")
        if rows[0].id != cursor.event_id:
            raise Halt("log_has_another_event")
        return rows[1:]

    def _moved(self, *, at_head: bool = False) -> None:
        """Tell who waits for it that the reader has moved, or has come to the head for the first time."""
        news = self.position != self.told or (at_head and not self.at_head)
        self.at_head = self.at_head or at_head
        if news:
            self.told = self.position
            self.place.moved.ring()

    def _halt(self, reason: str) -> None:
        self.halted = reason
        where = {"reader": self.key.reader, "log": self.feed.owner, "position": self.position}
        logger.critical("reader_halted", alarm=True, reason=reason, **where)
        self.place.moved.ring()


def _is_cancelled() -> bool:
    """Return whether this task was told to end, whatever a driver on the way made of it; not what it waited for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0

"""The runner: one loop per reader and part of a log; it applies each event once, in order, and stops when the log is
another."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from kompetenspass.core.clock import Clock
from kompetenspass.log import cursors
from kompetenspass.log.api import WHOLE, Cursor, Feed, LogDiffers, Page, Part
from kompetenspass.log.bare import bare
from kompetenspass.log.cursors import Held, Key, Lane, Taken
from kompetenspass.log.fates import Halt, Superseded, is_of_tables, may_last, name_of
from kompetenspass.log.pacing import of_this_process
from kompetenspass.log.presence import Presence
from kompetenspass.log.stamping import Stamper, Track
from kompetenspass.log.steps import At, nothing_at
from kompetenspass.log.waking import Bell, heard
from kompetenspass.log.watching import Steps

PAGE = 500
PAGES_AT_ONCE = 4
"""So many pages of one process are written at the same time, however many parts it follows: whoever answers requests
shares the pool of connections with its readers, and two cores have no more to do at once."""

LONGEST_PAUSE_SECONDS = 5.0
_RELEASE_SECONDS = 5.0

logger = structlog.get_logger(__name__)


def nothing_yet() -> str:
    """Return what a process follows that has declared nothing."""
    return ""


@dataclass(frozen=True)
class Place:
    """Where readers live: their service, its database, the clock, and the bells: `moved` rings when one has moved,
    `ended` when one has stopped.

    `follows`: what this process follows; those that follow the same share it. `at` is told of each step.
    """

    service: str
    engine: AsyncEngine
    clock: Clock
    moved: Bell = field(default_factory=Bell)
    ended: Bell = field(default_factory=Bell)
    follows: Callable[[], str] = nothing_yet
    at: At = nothing_at

    @cached_property
    def stamper(self) -> Stamper:
        """What stores the cursors of all readers here."""
        return Stamper(self.engine, self.service)

    @cached_property
    def turns(self) -> asyncio.Semaphore:
        """What a page's transaction is begun in: the readers here take turns."""
        return asyncio.Semaphore(PAGES_AT_ONCE)

    @cached_property
    def presence(self) -> Presence:
        """This process's sign of life, under which its readers hold their cursors."""
        return Presence(self.engine, lambda: f"{self.service} {self.follows()}")

    @cached_property
    def autocommit(self) -> AsyncEngine:
        """The engine, on which each statement is a transaction of its own."""
        return self.engine.execution_options(isolation_level="AUTOCOMMIT")


class Follower(ABC):
    """One reader's loop over one part of a log. `halted` is why it stopped, `at_head` whether it has once read to the
    head; `leaving` tells it to end after the page that it is at.

    `told`: how far it has come for those who wait for it. That follows the rows, once it is known what they are worth:
    whoever is told that a position has passed may ask at once whether the log was read to its head.
    """

    def __init__(self, place: Place, feed: Feed, key: Key, part: Part = WHOLE) -> None:
        self.place = place
        self.feed = feed
        self.key = key
        self.lane = Lane(key, feed.owner, part)
        self.track = Track(self.lane)
        self.steps = Steps(key.reader, feed)
        self.holder: int | None = None
        self.told = -1
        self.at_head = False
        self.halted: str | None = None
        self.leaving = False
        self.idle = False
        self._rested = False

    @property
    def name(self) -> str:
        """Which reader it is, of which part of which log."""
        part = self.lane.part
        return f"{self.key.reader}:{self.feed.owner}" + (f":{part.number}/{part.of}" if part.of > 1 else "")

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
        """The last moment, of those that are stored, at which it had read all of its part."""
        return self.track.checked_at

    @property
    def is_here(self) -> bool:
        """Whether this process is the one that moves the cursor, so that it knows best how far the reader is."""
        return self.track.fence is not None

    async def run(self) -> None:
        """Follow until told to leave, cancelled or halted, or until another has the part; then let others have it.

        An outage is waited out, with growing pauses.
        """
        self.place.stamper.follow(self.track)
        self.steps.begun()
        try:
            await self._follow()
        finally:
            self.place.stamper.leave(self.track)
            await self._release()

    async def _follow(self) -> None:
        opened, pause = False, 0.05
        while self.halted is None and not self.leaving:
            try:
                if not opened:
                    await self._open()
                    opened = True
                await self._step()
                pause = 0.05
            except Taken:
                opened = False
            except Held:
                return
            except Superseded as end:
                self.halted = end.reason
                self.place.ended.ring()
            except (Halt, LogDiffers) as halt:
                self._halt(halt.reason)
            except (Exception, asyncio.CancelledError) as error:
                if _is_cancelled():
                    raise
                if is_of_tables(error):
                    self._halt("tables_missing")
                    continue
                opened = False
                where, said = {"reader": self.key.reader, "log": self.feed.owner}, name_of(error)
                logger.warning("reader_waits", **where, error=said, alarm=may_last(error))
                await self._idle(asyncio.sleep(pause))
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    @abstractmethod
    async def _apply(self, page: Page) -> None:
        """Apply the events of a page, and move the cursor to the page's. Raises Taken, Halt, an outage."""

    async def _step(self) -> None:
        if self.track.rests:
            await self._rest()
            return
        moment, before = self.place.clock(), self.track.reached
        began = asyncio.get_running_loop().time()
        page = _cut(await self._page(), self.track.until)
        await self.place.at("read")
        if page.rows:
            await self._apply(page)
        else:
            self.track.reached = page.cursor
        if page.ended:
            self.track.moment = min(moment, page.ended_at or moment)
        await self.place.stamper.stamp(self.track)
        await self.place.at("stamped")
        self._moved(at_head=page.ended)
        self.steps.made()
        if page.cursor == before or (page.ended and not page.rows):
            await self._idle(self.feed.more(self.lane.part, page.cursor, self.place.stamper.pause_seconds))
        elif page.ended:  # what comes meanwhile goes into one transaction; the first event waited for nothing
            which, now = (self.place.service, self.key), asyncio.get_running_loop().time()
            await self._idle(asyncio.sleep(of_this_process().until_gathered(which, began, now)))
        else:
            await asyncio.sleep(0)

    async def _rest(self) -> None:
        """Wait, at the end of what may be read, until the log is cut into other parts."""
        await self.place.stamper.stamp(self.track)
        self._moved()
        self.steps.made()
        if not self._rested:
            self._rested = True
            self.place.presence.heard.ring()
        await self._idle(heard(self.place.presence.heard.hearing, LONGEST_PAUSE_SECONDS))

    async def _open(self) -> None:
        """Take the cursor. Raises Held."""
        me = (await self.place.presence.here()).me
        async with self.place.stamper.holding(self.track):
            self.track.closed()
            async with bare(self.place.engine) as driver:
                taken = await cursors.take(driver, self.place.service, self.lane, self.feed.transport, me)
            self.track.opened(taken)
            self.holder, self._rested = me, False
        await self.place.at("opened")
        self._moved()

    async def _page(self) -> Page:
        """Return what follows the cursor. Raises LogDiffers."""
        return await self._read(self.track.reached)

    async def _read(self, cursor: Cursor) -> Page:
        return await self.feed.page(self.lane.part, cursor, self.page)

    async def _idle(self, waiting: Awaitable[object]) -> None:
        """Wait; whoever wants this loop to end need not let it wait any longer."""
        self.idle = True
        try:
            await waiting
        finally:
            self.idle = False

    async def _release(self) -> None:
        """Let others have the part; where that cannot be said, they find out that this process is gone."""
        me, self.holder = self.holder, None
        self.track.closed()
        if me is None:
            return
        try:
            async with asyncio.timeout(_RELEASE_SECONDS), bare(self.place.engine) as driver:
                await cursors.release(driver, self.place.service, self.lane, me)
        except Exception as error:
            logger.warning("reader_not_released", reader=self.key.reader, error=type(error).__name__)
        await self.place.at("released")

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
        self.place.ended.ring()


def _cut(page: Page, until: int | None) -> Page:
    """Return what of a page stands up to a position; a page that is cut says nothing about the log's end."""
    if until is None or page.cursor.position < until:
        return page
    rows = [row for row in page.rows if row.position <= until]
    event_id = rows[-1].id if rows and rows[-1].position == until else None
    cursor = page.cursor if page.cursor.position == until else Cursor(page.cursor.epoch, until, event_id)
    return Page(rows, cursor, ended=False)


def _is_cancelled() -> bool:
    """Return whether this task was told to end, whatever a driver on the way made of it; not what it waited for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0

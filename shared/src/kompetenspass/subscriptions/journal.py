"""The service's own log as an audience sees it: pages of CloudEvents, waiting for more, and places by time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from kompetenspass.core.errors import Problem
from kompetenspass.events.base import Audience
from kompetenspass.events.codec import EVENTS, UPCASTS, UnknownEventType
from kompetenspass.log.api import LogDiffers, NoLongerKept, Recorded, WholeLog
from kompetenspass.log.detached.files import FileBroken
from kompetenspass.subscriptions import refusals
from kompetenspass.subscriptions.rendering import Rendering, Sent
from kompetenspass.subscriptions.starts import At, at
from kompetenspass.web.telemetry import logger

_ROWS = 500
_LOOKS = 10
_AT_ONCE = 100
_SLICE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Asked:
    """What a reader wants to see: events of some types, in the parts that are for its audience."""

    audience: Audience
    types: frozenset[str]


@dataclass(frozen=True, slots=True)
class Page:
    """Events in order. `cursor` is where the next page begins; `ended`: there was no more when this was read."""

    events: Sequence[Sent]
    cursor: At
    ended: bool


class Journal:
    """Reads one log for those outside. `source` is the public base URL of its owner; `stopping` ends all waiting.

    Whoever follows the log's end shares what is read there. Those who read what is older take turns, so that the
    service's own readers, on the same connection, wait for one page of theirs at most.
    """

    def __init__(self, log: WholeLog, source: str, stopping: asyncio.Event) -> None:
        self.log = log
        self.owner = log.owner
        self.stopping = stopping
        self._rendering = Rendering(source)
        self._turn = asyncio.Lock()
        self._end = 0
        self._alarmed = -1

    def is_wanted(self, recorded: Recorded, asked: Asked) -> bool:
        """Return whether the event is of a type that was asked for, without decoding it. Raises UnknownEventType."""
        return newest(recorded.type) in asked.types

    def shown(self, recorded: Recorded, asked: Asked) -> Sent | None:
        """Return the event as the audience sees it, None for one that it does not see or did not ask for.

        Raises UnknownEventType for one of a newer version of the platform, ValueError for broken bytes.
        """
        return self._rendering.of(recorded, asked.audience) if self.is_wanted(recorded, asked) else None

    async def page(self, after: At, asked: Asked, limit: int) -> Page:
        """Return up to `limit` events after a place. What is not shown is passed over; of that, only so much.

        Raises Problem `cursor_ahead` (409) for a position that the log does not reach, `log_restored` (409) for a
        cursor of another life of the log, `events_detached` (410) where what follows is no longer in the log, and
        `event_unreadable` (503) where the next event is one that this version of the platform cannot read.
        """
        epoch = await self._epoch(after)
        if not asked.types:
            return await self._nothing(after, epoch)
        found: list[Sent] = []
        reached = after.position
        for _ in range(_LOOKS):
            rows = await self._read(reached)
            reached, whole = await self._look_through(rows, reached, asked, found, limit)
            ended = whole and len(rows) < _ROWS
            if ended or not whole or len(found) == limit:
                break
        if ended and reached == after.position:
            await self._check_not_ahead(reached)
        await self._epoch(At(reached, epoch))  # as it was when it began, so that all of this was one life of the log
        return Page(found, At(reached, epoch), ended)

    async def follow(self, after: At, asked: Asked, limit: int, wait_seconds: float) -> Page:
        """Return the first page with an event on it, an empty one when the time is over or the service stops."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait_seconds
        while True:
            page = await self.page(after, asked, limit)
            if page.events or not await self.grown(page, deadline - loop.time()):
                return page
            after = page.cursor

    async def grown(self, page: Page, seconds: float) -> bool:
        """Return whether there may be more after a page; False when the time is over or the service stops.

        Nothing is read meanwhile but the log's head, once for all who wait.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while not self.stopping.is_set() and (left := deadline - loop.time()) > 0:
            if not page.ended:
                return True
            begun, slice_seconds = loop.time(), min(left, _SLICE_SECONDS)
            await self.log.wait(page.cursor.position, slice_seconds)
            if loop.time() - begun < slice_seconds:
                return True
        return False

    async def place(self, start: int | str | datetime) -> At:
        """Return where to begin: after a position, a cursor, at a time, or at `now`, the end of the log.

        Raises Problem `cursor_ahead` and `log_restored` (409), and `events_detached` (410) where it looks at a damaged
        file.
        """
        if isinstance(start, datetime):
            return At(await self._before(start), await self.log.epoch())
        head = await self.log.head()
        if start == "now":
            return At(head, await self.log.epoch())
        begin = at(str(start))
        epoch = await self._epoch(begin)
        if begin.position > head:
            raise refusals.ahead(head)
        return At(begin.position, epoch)

    async def _before(self, moment: datetime) -> int:
        """Return the position after which the events stand that the log took at `moment` or later.

        By bisection: some thirty looks for a billion events.
        """
        low, high = 0, await self.log.head()
        async with self._turn:
            while low < high:
                middle = (low + high) // 2
                rows = await self._one_after(middle)
                if rows and rows[0].recorded < moment:
                    low = rows[0].position
                else:
                    high = middle
        return low

    async def _one_after(self, position: int) -> Sequence[Recorded]:
        """Return the event after a position; where that was detached and is not at hand, the first that is there."""
        try:
            return await self.log.read(position, 1)
        except NoLongerKept as gone:
            return await self.log.read(gone.first - 1, 1)
        except FileBroken as error:
            raise self._broken(error) from error

    async def kept(self, after: int, limit: int) -> Sequence[Recorded]:
        """Return what the log has after a position.

        Raises Problem `events_detached` where what follows is missing, or its file is damaged.
        """
        try:
            rows = await self.log.read(after, limit)
        except LogDiffers as error:
            raise refusals.detached() from error
        except FileBroken as error:
            raise self._broken(error) from error
        if rows and rows[0].position != after + 1:
            raise refusals.detached()
        return rows

    async def _epoch(self, after: At) -> UUID:
        epoch = await self.log.epoch()
        if after.epoch not in (None, epoch):
            raise refusals.restored(await self.log.head())
        return epoch

    async def _read(self, after: int) -> Sequence[Recorded]:
        if after + _ROWS >= self._end:
            rows = await self.kept(after, _ROWS)
        else:
            async with self._turn:
                rows = await self.kept(after, _ROWS)
        if rows:
            self._end = rows[-1].position if len(rows) < _ROWS else max(self._end, rows[-1].position)
        return rows

    async def _look_through(
        self, rows: Sequence[Recorded], reached: int, asked: Asked, found: list[Sent], limit: int
    ) -> tuple[int, bool]:
        """Add what is shown of the rows to `found`; return how far that went, and whether it was all of them."""
        for number, row in enumerate(rows, 1):
            try:
                event = self.shown(row, asked)
            except (UnknownEventType, ValueError) as error:
                self.alarm(row.position, type(error).__name__)
                if not found:
                    raise refusals.unreadable(row.position) from error
                return reached, False
            reached = row.position
            if event is not None:
                found.append(event)
                if len(found) == limit:
                    return reached, row is rows[-1]
            if not number % _AT_ONCE:
                await asyncio.sleep(0)  # so that other requests are answered in between
        return reached, True

    async def _nothing(self, after: At, epoch: UUID) -> Page:
        """Return the page of a reader to whom this log has nothing to show: it need not be looked through."""
        head = await self.log.head()
        if after.position > head:
            raise refusals.ahead(head)
        return Page((), At(head, epoch), ended=True)

    async def _check_not_ahead(self, position: int) -> None:
        if position > 0 and (head := await self.log.head()) < position:
            raise refusals.ahead(head)

    def _broken(self, error: FileBroken) -> Problem:
        self.alarm(error.position, str(error))
        return refusals.detached()

    def alarm(self, position: int, why: str) -> None:
        """Let the operator know, once for each event."""
        if position != self._alarmed:
            self._alarmed = position
            logger().error("event_unreadable", log=self.owner, position=position, why=why, alarm=True)


def newest(event_type: str) -> str:
    """Return the newest version of a type. Raises UnknownEventType."""
    while event_type in UPCASTS:
        event_type = UPCASTS[event_type][0]
    if event_type not in EVENTS:
        raise UnknownEventType(event_type)
    return event_type

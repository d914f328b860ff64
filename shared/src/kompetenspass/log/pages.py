"""What was read of a log last: readers of one process at the same place share a SELECT, the rows and their decoding."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import Awaitable, Callable, Sequence
from operator import attrgetter

from kompetenspass.log.api import Recorded

REMEMBERED = 1000
GROWTH = 500

_position = attrgetter("position")


class Pages:
    """The newest events that were read, at most `REMEMBERED`, one after the other as the log has them.

    An event never changes, so that it may be given out again for as long as the log is the same one: whoever loses
    the connection to it calls `forget`. That nothing stands after an event is only said after asking, and then the
    event is read again: where another stands in its place, all is forgotten, and `rewritten` is called.

    `select` is asked by several at a time, and has to answer them one after the other.
    """

    def __init__(
        self, select: Callable[[int, int], Awaitable[Sequence[Recorded]]], rewritten: Callable[[], None]
    ) -> None:
        self._select = select
        self._rewritten = rewritten
        self._rows: list[Recorded] = []
        self._after = 0
        self._turn = asyncio.Lock()
        self._begun = 0
        self._ended = False

    def forget(self) -> None:
        """Remember nothing: the log may be another one."""
        self._rows = []

    async def read(self, after: int, limit: int) -> Sequence[Recorded]:
        """Return up to `limit` events after a position, in order; fewer only if the log ended there after the call."""
        begun, ended = self._begun, False
        while limit <= REMEMBERED and self._covers(after):
            rows = self._following(after, limit)
            if ended or len(rows) == limit:
                return rows
            ended = await self._grown(begun)
            begun = self._begun
        rows = await self._select(after, limit)
        if rows and limit <= REMEMBERED and not (self._rows and rows[-1].position <= self._rows[-1].position):
            self._rows, self._after = list(rows), after
        return rows

    def _covers(self, after: int) -> bool:
        return bool(self._rows) and self._after <= after <= self._rows[-1].position

    def _following(self, after: int, limit: int) -> Sequence[Recorded]:
        first = bisect_right(self._rows, after, key=_position)
        return self._rows[first : first + limit]

    async def _grown(self, begun: int) -> bool:
        """Read on after the last event; return whether the log ended there. One SELECT does for all who wait for it.

        `begun` SELECTs had begun when the caller came: one that began since then knows all that the caller may know.
        """
        async with self._turn:
            await asyncio.sleep(0)  # whoever was woken at the same time comes along
            if self._begun > begun or not self._rows:
                return self._ended
            self._begun, self._ended = self._begun + 1, False
            last = self._rows[-1]
            rows = await self._select(last.position - 1, GROWTH + 1)
            if self._rows and self._rows[-1] is last:  # else others came in between, and it is asked again
                self._follow(last, rows)
            return self._ended

    def _follow(self, last: Recorded, rows: Sequence[Recorded]) -> None:
        """Add what follows the last event, which comes with it."""
        if not rows or (rows[0].position, rows[0].id) != (last.position, last.id):
            self.forget()
            self._rewritten()
            return
        self._add(rows[1:])
        self._ended = len(rows) <= GROWTH

    def _add(self, rows: Sequence[Recorded]) -> None:
        self._rows += rows
        surplus = len(self._rows) - REMEMBERED
        if surplus > 0:
            self._after = self._rows[surplus - 1].position
            del self._rows[:surplus]

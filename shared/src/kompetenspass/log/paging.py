"""Parts of a log that is there as a whole: its rows, sifted by their streams."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from uuid import UUID

from kompetenspass.log.api import Cursor, LogDiffers, Page, Part, Recorded, Transport
from kompetenspass.log.parts import part_of


class WholeFeed(ABC):
    """What makes a feed of a log that can be read as a whole, in its one order."""

    transport: Transport = "postgres"

    @abstractmethod
    async def epoch(self) -> UUID:
        """Return the log's epoch; a restored log has a new one."""

    @abstractmethod
    async def read(self, after: int, limit: int) -> Sequence[Recorded]:
        """Return up to `limit` events after a position, in order."""

    @abstractmethod
    async def wait(self, after: int, timeout_seconds: float) -> None:
        """Return when there may be something after a position, or when the time is over."""

    async def parts(self) -> int:
        """Return 1: one reader is enough until a person splits it."""
        return 1

    async def page(self, part: Part, cursor: Cursor, limit: int) -> Page:
        """Return what of a part stands among the `limit` events after a cursor. Raises LogDiffers."""
        rows = await self._following(cursor, limit)
        if not rows:
            return Page((), cursor, ended=True)
        after = Cursor(cursor.epoch, rows[-1].position, rows[-1].id)
        own = rows if part.of == 1 else [row for row in rows if part_of(row.stream, part.of) == part.number]
        return Page(own, after, ended=len(rows) < limit)

    async def find(self, position: int) -> Recorded | None:
        """Return the event at a position, None if there is none."""
        rows = await self.read(position - 1, 1)
        return rows[0] if rows and rows[0].position == position else None

    async def more(self, part: Part, cursor: Cursor, timeout_seconds: float) -> None:
        """Return when there may be something after a cursor, or when the time is over."""
        await self.wait(cursor.position, timeout_seconds)

    async def _following(self, cursor: Cursor, limit: int) -> Sequence[Recorded]:
        """Return what follows a cursor. Its own event is read again: a restored log has another one."""
        if await self.epoch() != cursor.epoch:
            raise LogDiffers("log_has_another_epoch")
        if cursor.position == 0:
            return await self.read(0, limit)
        rows = await self.read(cursor.position - 1, limit + 1)
        if not rows or rows[0].position != cursor.position:
            raise LogDiffers("cursor_ahead_of_log")
        if cursor.event_id not in (None, rows[0].id):
            raise LogDiffers("log_has_another_event")
        return rows[1:]

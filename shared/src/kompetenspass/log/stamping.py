"""The stored cursors of all readers of one process: moved and stamped together, in one statement a second."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from kompetenspass.log import cursors
from kompetenspass.log.api import Cursor
from kompetenspass.log.bare import bare
from kompetenspass.log.cursors import Lane, Opened, Stamp, Taken

STAMP_SECONDS = 1.0
NOWHERE = Cursor(UUID(int=0), 0, None)  # before it is opened


@dataclass(eq=False)
class Track:
    """One reader's way through a part of a log: the cursor as it is stored, and how far it has come since.

    What lies between the two did not concern the reader: a crash costs no more than reading it again. `moment`: when
    nothing stood after `reached`; `checked_at`: what of that is stored. `skipped`: another transaction held the row.
    `fence`: by which the cursor is this process's own, None while it is not; `until`: where it rests.
    """

    lane: Lane
    stored: Cursor = NOWHERE
    reached: Cursor = NOWHERE
    moment: datetime | None = None
    checked_at: datetime | None = None
    fence: int | None = None
    until: int | None = None
    held: bool = False
    taken: bool = False
    skipped: bool = False

    def opened(self, opened: Opened) -> None:
        """Begin at a stored cursor."""
        self.stored = self.reached = opened.cursor
        self.fence, self.until = opened.fence, opened.until
        self.moment, self.taken = None, False

    def closed(self) -> None:
        """Note that the cursor is not this process's own any more."""
        self.fence, self.moment = None, None

    @property
    def is_due(self) -> bool:
        """Whether there is something to store."""
        is_own = self.fence is not None and not self.held and not self.taken
        return is_own and (self.moment is not None or self.reached != self.stored)

    @property
    def is_pressing(self) -> bool:
        """Whether others wait for it: for the first news of this reader, or for a part that has come to its end."""
        if self.skipped:
            return False
        return (self.checked_at is None and self.moment is not None) or (self.rests and self.reached != self.stored)

    @property
    def rests(self) -> bool:
        """Whether it has come as far as it may go."""
        return self.until is not None and self.reached.position >= self.until

    def stamp(self) -> Stamp:
        """Return what is to be stored."""
        assert self.fence is not None
        return Stamp(self.lane, self.fence, self.stored, self.reached, self.moment)


class Stamper:
    """Keeps the tracks of one process. Whichever reader finds that a second has passed stores them all."""

    def __init__(self, engine: AsyncEngine, service: str) -> None:
        self._engine = engine
        self._service = service
        self._tracks: set[Track] = set()
        self._turn = asyncio.Lock()
        self._begun = float("-inf")

    def follow(self, track: Track) -> None:
        """Store this track with the others from now on."""
        self._tracks.add(track)

    def leave(self, track: Track) -> None:
        """Store it no longer."""
        self._tracks.discard(track)

    @property
    def pause_seconds(self) -> float:
        """How long it is until the next time."""
        return min(max(self._begun + STAMP_SECONDS - asyncio.get_running_loop().time(), 0.01), STAMP_SECONDS)

    async def stamp(self, track: Track) -> None:
        """Store what is due of all tracks, if it is time, or if others wait for this one.

        Raises Taken when this track's cursor is not where it left it; another's reader hears of its own by `taken`.
        """
        now = asyncio.get_running_loop().time()
        if track.is_pressing or now - self._begun >= STAMP_SECONDS:
            self._begun = now
            await self._store()
        if track.taken:
            raise Taken(track.lane.key.reader)

    @asynccontextmanager
    async def holding(self, track: Track) -> AsyncIterator[None]:
        """Leave the track alone while a transaction of its own moves it."""
        async with self._turn:
            track.held = True
        try:
            yield
        finally:
            track.held = False

    async def _store(self) -> None:
        if not any(track.is_due for track in self._tracks):
            return
        async with bare(self._engine) as driver, self._turn:  # whoever holds a track waits for no connection
            due = [track for track in self._tracks if track.is_due]
            if not due:
                return
            stamps = [track.stamp() for track in due]
            stored = await cursors.store(driver, self._service, stamps)
            for track, stamp in zip(due, stamps, strict=True):
                _told(track, stamp, stored.get(stamp.lane))


def _told(track: Track, stamp: Stamp, is_stored: bool | None) -> None:
    """Note what became of a stamp: stored, not now because another held the row, or None: the cursor is elsewhere."""
    track.taken, track.skipped = is_stored is None, is_stored is False
    if is_stored:
        track.stored = stamp.after
        track.checked_at = stamp.moment or track.checked_at
        if track.moment is stamp.moment:
            track.moment = None

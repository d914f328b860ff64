"""The runner of projections: a page's rows and the cursor in one transaction, into live tables or new ones."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection

from kompetenspass.log import cursors
from kompetenspass.log.api import Feed, Recorded
from kompetenspass.log.bare import both
from kompetenspass.log.cursors import Cursor, Key, Taken, schemas
from kompetenspass.log.dispatch import Dispatch
from kompetenspass.log.fates import Fate, Halt, Superseded, Unhandled, fate_of, settle
from kompetenspass.log.generations import Generation, generations
from kompetenspass.log.parked import BEHIND, park
from kompetenspass.log.project import Handler, Projection
from kompetenspass.log.runner import PAGE, Follower, Place
from kompetenspass.log.writing import Writing

FILLING_PAGE = 1000
_AT_A_TIME = 100  # events, before the loop may look after others


class ProjectionFollower(Follower):
    """Applies a log's events to one generation of a projection: rows and cursor in one transaction."""

    def __init__(self, place: Place, feed: Feed, projection: Projection, generation: Generation) -> None:
        super().__init__(place, feed, Key("projection", projection.name, generation.number))
        self.live = generation.live
        self._dispatch: Dispatch[Handler] = Dispatch(projection.handlers)
        self._translate = schemas(place.service, generation.schema(place.service))
        self._copying = not generation.live
        self._ahead: tuple[Cursor, asyncio.Task[Sequence[Recorded]]] | None = None

    @property
    def page(self) -> int:
        """How many events are read at once: of tables that nobody reads yet, many."""
        return PAGE if self.live else FILLING_PAGE

    async def run(self) -> None:
        """Follow the log until cancelled or halted; an outage is waited out, with growing pauses."""
        try:
            await super().run()
        finally:
            self._give_up_ahead()

    async def _page(self) -> Sequence[Recorded]:
        """Return what follows the cursor; of tables that are being filled, the next page is read meanwhile."""
        cursor, ahead = self._ahead or (None, None)
        if ahead is None or cursor != self.track.reached:
            self._give_up_ahead()
            return await self._read(self.track.reached)
        self._ahead = None
        rows = await ahead
        # a short one says that the log ends there, which it did when it was read: the step says it of now
        return rows if len(rows) >= self.page else await self._read(self.track.reached)

    async def _apply(self, rows: Sequence[Recorded]) -> None:
        """Apply a page at once; where a handler or the database refuses it, its events one by one."""
        if not self.live and len(rows) == self.page:
            after = self.track.reached.at(rows[-1])
            self._ahead = after, asyncio.create_task(self._decoded(after))
        try:
            await self._transaction(rows, copying=self._copying)
            return
        except asyncpg.UniqueViolationError:
            self._copying = False  # something was there already: it is put, from now on, where it is not
        except (Taken, Halt):
            raise
        except Exception as error:
            if fate_of(error) is Fate.OUTAGE:
                raise
        for row in rows:
            await self._apply_one(row)

    async def _decoded(self, after: Cursor) -> Sequence[Recorded]:
        """Return a page whose events are decoded, some at a time: the loop has more to do."""
        rows = await self._read(after)
        for number, row in enumerate(rows):
            if self._dispatch.concerns(row):
                with suppress(LookupError, ValueError):  # to be raised where the event is applied
                    _ = row.envelope
            if number % _AT_A_TIME == 0:
                await asyncio.sleep(0)
        return rows

    def _give_up_ahead(self) -> None:
        if self._ahead is not None:
            self._ahead[1].cancel()
            self._ahead = None

    async def _exists(self, connection: AsyncConnection) -> bool:
        known = await generations(connection, self.key.reader)
        return any(generation.number == self.key.generation for generation in known)

    async def _apply_one(self, row: Recorded) -> None:
        try:
            await settle(lambda: self._transaction([row]))
        except Unhandled as unhandled:
            await self._transaction([row], parking=unhandled.error)

    async def _transaction(
        self, rows: Sequence[Recorded], *, parking: str | None = None, copying: bool = False
    ) -> None:
        """Apply events and move the cursor, in one transaction; what does not concern the reader moves it in memory."""
        track, after = self.track, self.track.reached.at(rows[-1])
        if not any(map(self._dispatch.concerns, rows)):
            track.reached = after
            return
        async with (
            self.place.stamper.holding(track),
            both(self.place.autocommit) as (connection, driver),
        ):
            await cursors.advance(driver, self.place.service, self.key, track.log, track.stored, after)
            aside = await self._standing(driver)
            writing = Writing(connection, self._translate, copying=copying)
            for row in rows:
                if parking or row.stream in aside:
                    await park(await writing.connection(), self.key, track.log, row, parking or BEHIND)
                elif handler := self._dispatch.handler(row):
                    await handler(writing, row)
            await writing.flush()
        track.stored = track.reached = after

    async def _standing(self, driver: asyncpg.Connection) -> frozenset[str]:
        """Return the parked streams; go no further once another generation has taken over: nobody reads these tables.

        The switch, and whoever unparks, holds the cursor's row, so that this is asked either before or after it.
        """
        live, aside = await cursors.standing(driver, self.place.service, self.key, self.track.log)
        if self.live and not live:
            raise Superseded("superseded")
        self.live = live
        return aside

"""The runner of projections: a page's rows and the cursor in one transaction, into live tables or new ones."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import asyncpg

from kompetenspass.log import cursors
from kompetenspass.log.api import WHOLE, Cursor, Feed, Page, Part, Recorded
from kompetenspass.log.bare import both
from kompetenspass.log.cursors import Key, Taken, after
from kompetenspass.log.dispatch import Dispatch
from kompetenspass.log.fates import Fate, Halt, Superseded, Unhandled, fate_of, is_in_anothers_way, settle
from kompetenspass.log.generations import Generation
from kompetenspass.log.parked import BEHIND, park
from kompetenspass.log.project import Handler, Projection
from kompetenspass.log.runner import PAGE, Follower, Place
from kompetenspass.log.tables import schemas
from kompetenspass.log.writing import Writing

FILLING_PAGE = 1000
_AT_A_TIME = 100  # events, before the loop may look after others


class ProjectionFollower(Follower):
    """Applies the events of a log's part to one generation of a projection: rows and cursor in one transaction."""

    def __init__(
        self, place: Place, feed: Feed, projection: Projection, generation: Generation, part: Part = WHOLE
    ) -> None:
        super().__init__(place, feed, Key("projection", projection.name, generation.number), part)
        self.live = generation.live
        self._dispatch: Dispatch[Handler] = Dispatch(projection.handlers)
        self._translate = schemas(place.service, generation.schema(place.service))
        self._copying = not generation.live
        self._ahead: tuple[Cursor, asyncio.Task[Page]] | None = None

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

    async def _page(self) -> Page:
        """Return what follows the cursor; of tables that are being filled, the next page is read meanwhile."""
        cursor, ahead = self._ahead or (None, None)
        if ahead is None or cursor != self.track.reached:
            self._give_up_ahead()
            return await self._read(self.track.reached)
        self._ahead = None
        page = await ahead
        # the last one says that the log ends there, which it did when it was read: the step says it of now
        return await self._read(self.track.reached) if page.ended else page

    async def _apply(self, page: Page) -> None:
        """Apply a page at once; where a handler or the database refuses it, its events one by one.

        So too where it and a page of another part wait for each other's rows: one event holds but its own.
        """
        if not self.live and not page.ended and self.track.until is None:
            self._ahead = page.cursor, asyncio.create_task(self._decoded(page.cursor))
        try:
            await self._transaction(page.rows, page.cursor, copying=self._copying)
            return
        except asyncpg.UniqueViolationError:
            self._copying = False  # something was there already: it is put, from now on, where it is not
        except (Taken, Halt):
            raise
        except Exception as error:
            if fate_of(error) is Fate.OUTAGE and not is_in_anothers_way(error):
                raise
        for row in page.rows:
            await self._apply_one(row)
        self.track.reached = page.cursor

    async def _decoded(self, cursor: Cursor) -> Page:
        """Return a page whose events are decoded, some at a time: the loop has more to do."""
        page = await self._read(cursor)
        for number, row in enumerate(page.rows):
            if self._dispatch.concerns(row):
                with suppress(LookupError, ValueError):  # to be raised where the event is applied
                    _ = row.envelope
            if number % _AT_A_TIME == 0:
                await asyncio.sleep(0)
        return page

    def _give_up_ahead(self) -> None:
        if self._ahead is not None:
            self._ahead[1].cancel()
            self._ahead = None

    async def _apply_one(self, row: Recorded) -> None:
        cursor = after(self.track.reached, row)
        try:
            await settle(lambda: self._transaction([row], cursor))
        except Unhandled as unhandled:
            await self._transaction([row], cursor, parking=unhandled.error)

    async def _transaction(
        self, rows: Sequence[Recorded], cursor: Cursor, *, parking: str | None = None, copying: bool = False
    ) -> None:
        """Apply events and move the cursor, in one transaction; what does not concern the reader moves it in memory."""
        track, at = self.track, self.place.at
        if not any(map(self._dispatch.concerns, rows)):
            track.reached = cursor
            return
        await at("before_apply")
        async with (
            self.place.turns,  # first: whoever waits for it keeps nobody from a stamp or a connection
            self.place.stamper.holding(track),
            both(self.place.autocommit) as (connection, driver),
        ):
            assert track.fence is not None
            await cursors.advance(driver, self.place.service, self.lane, track.fence, track.stored, cursor)
            await at("advanced")
            aside = await self._standing(driver)
            writing = Writing(connection, self._translate, copying=copying)
            for row in rows:
                if parking or row.stream in aside:
                    await park(await writing.connection(), self.key, self.feed.owner, row, parking or BEHIND)
                elif handler := self._dispatch.handler(row):
                    await handler(writing, row)
            await writing.flush()
            await at("applied")
        track.stored = track.reached = cursor
        await at("committed")

    async def _standing(self, driver: asyncpg.Connection) -> frozenset[str]:
        """Return the parked streams; go no further once another generation has taken over: nobody reads these tables.

        The switch, and whoever unparks, holds the cursor's row, so that this is asked either before or after it.
        """
        live, aside = await cursors.standing(driver, self.place.service, self.key, self.feed.owner)
        if self.live and not live:
            raise Superseded("superseded")
        self.live = live
        return aside

"""The runner of reactions: the service's own projections first, then the handler, then the cursor."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from collections.abc import Set as AbstractSet

from kompetenspass.log import cursors
from kompetenspass.log.api import WHOLE, Cursor, Feed, Page, Part, Recorded
from kompetenspass.log.bare import bare, both
from kompetenspass.log.beside import Beside
from kompetenspass.log.cursors import Key, after
from kompetenspass.log.dispatch import Dispatch
from kompetenspass.log.fates import Unhandled, settle
from kompetenspass.log.parked import BEHIND, park
from kompetenspass.log.project import Reaction, ReactionHandler
from kompetenspass.log.runner import Follower, Place
from kompetenspass.log.tables import schemas

_CHUNK = 64
_MOVE_SECONDS = 1.0
"""A crash repeats no more than a chunk of events, and what was begun within this time, however long a page takes."""

Passed = Callable[[tuple[str, ...], str, int], Awaitable[None]]
"""Returns once the named projections have passed a position of a log."""


class ReactionFollower(Follower):
    """Calls a reaction's handlers for the events of a log's part, each at least once: the ids of its own events make
    the repeat harmless."""

    def __init__(self, place: Place, feed: Feed, reaction: Reaction, passed: Passed, part: Part = WHOLE) -> None:
        super().__init__(place, feed, Key("reaction", reaction.name), part)
        self._reaction = reaction
        self._passed = passed
        self._dispatch: Dispatch[ReactionHandler] = Dispatch(reaction.handlers)

    async def _apply(self, page: Page) -> None:
        """React to a page, moving the cursor after each chunk: what a crash repeats has the same ids."""
        if any(map(self._dispatch.concerns, page.rows)):
            await self.place.at("before_apply")
            async with self.place.stamper.holding(self.track):
                await self._react(page)
        self.track.reached = page.cursor

    async def _react(self, page: Page) -> None:
        async with bare(self.place.engine) as driver:
            _, parked = await cursors.standing(driver, self.place.service, self.key, self.feed.owner)
        aside, left = set(parked), [row for row in page.rows if self._dispatch.concerns(row)]
        while left:
            chunk = left[:_CHUNK]
            await self._passed(self._reaction.after, self.feed.owner, chunk[-1].position)
            done = await self._beside(aside).handled(chunk)
            await self.place.at("reacted")
            left = left[len(done) :]
            for row, error in done:
                if error:
                    await self._advance(after(self.track.reached, row), (row, error))
            end = after(self.track.reached, done[-1][0]) if left else page.cursor
            if self.position < end.position:
                await self._advance(end)

    def _beside(self, aside: set[str]) -> Beside:
        """Return what handles a chunk; `aside`: the streams of which something is parked, here or before."""

        async def handle(row: Recorded) -> str | None:
            error = await self._refused(row, aside)
            if error:
                aside.add(row.stream)
            return error

        return Beside(handle, at_once=self._reaction.at_once, seconds=_MOVE_SECONDS)

    async def _refused(self, row: Recorded, aside: AbstractSet[str]) -> str | None:
        """Return why the event is to be parked, None once its handler took it."""
        if row.stream in aside:
            return BEHIND
        try:
            await settle(lambda: self._handled(row))
        except Unhandled as unhandled:
            return unhandled.error
        return None

    async def _handled(self, row: Recorded) -> None:
        handler = self._dispatch.handler(row)
        assert handler is not None
        await handler(row)

    async def _advance(self, cursor: Cursor, parking: tuple[Recorded, str] | None = None) -> None:
        track, service = self.track, self.place.service
        assert track.fence is not None
        move = (service, self.lane, track.fence, track.stored, cursor)
        if parking:
            async with both(self.place.autocommit) as (connection, driver):
                await cursors.advance(driver, *move)
                here = await connection.execution_options(schema_translate_map=schemas(service))
                await park(here, self.key, self.feed.owner, *parking)
        else:
            async with bare(self.place.engine) as driver:
                await cursors.advance(driver, *move)
        track.stored = track.reached = cursor
        await self.place.at("committed")

"""The runner of reactions: the service's own projections first, then the handler, then the cursor."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from collections.abc import Set as AbstractSet

from kompetenspass.log import cursors
from kompetenspass.log.api import Feed, Recorded
from kompetenspass.log.bare import bare, both
from kompetenspass.log.beside import Beside
from kompetenspass.log.cursors import Key, schemas
from kompetenspass.log.dispatch import Dispatch
from kompetenspass.log.fates import Unhandled, settle
from kompetenspass.log.parked import BEHIND, park
from kompetenspass.log.project import Reaction, ReactionHandler
from kompetenspass.log.runner import Follower, Place

_CHUNK = 64
_MOVE_SECONDS = 1.0
"""A crash repeats no more than a chunk of events, and what was begun within this time, however long a page takes."""

Passed = Callable[[tuple[str, ...], str, int], Awaitable[None]]
"""Returns once the named projections have passed a position of a log."""


class ReactionFollower(Follower):
    """Calls a reaction's handlers for a log's events, each at least once: its events' ids make the repeat harmless."""

    def __init__(self, place: Place, feed: Feed, reaction: Reaction, passed: Passed) -> None:
        super().__init__(place, feed, Key("reaction", reaction.name))
        self._reaction = reaction
        self._passed = passed
        self._dispatch: Dispatch[ReactionHandler] = Dispatch(reaction.handlers)

    async def _apply(self, rows: Sequence[Recorded]) -> None:
        """React to a page, moving the cursor after each chunk: what a crash repeats has the same ids."""
        if any(map(self._dispatch.concerns, rows)):
            async with self.place.stamper.holding(self.track):
                await self._react(rows)
        self.track.reached = self.track.reached.at(rows[-1])

    async def _react(self, rows: Sequence[Recorded]) -> None:
        async with bare(self.place.engine) as driver:
            _, parked = await cursors.standing(driver, self.place.service, self.key, self.track.log)
        aside, left = set(parked), [row for row in rows if self._dispatch.concerns(row)]
        while left:
            chunk = left[:_CHUNK]
            await self._passed(self._reaction.after, self.feed.owner, chunk[-1].position)
            done = await self._beside(aside).handled(chunk)
            left = left[len(done) :]
            for row, error in done:
                if error:
                    await self._advance(row, parking=error)
            end = done[-1][0] if left else rows[-1]
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

    async def _advance(self, row: Recorded, parking: str | None = None) -> None:
        track, service, after = self.track, self.place.service, self.track.reached.at(row)
        if parking:
            async with both(self.place.autocommit) as (connection, driver):
                await cursors.advance(driver, service, self.key, track.log, track.stored, after)
                here = await connection.execution_options(schema_translate_map=schemas(service))
                await park(here, self.key, track.log, row, parking)
        else:
            async with bare(self.place.engine) as driver:
                await cursors.advance(driver, service, self.key, track.log, track.stored, after)
        track.stored = track.reached = after

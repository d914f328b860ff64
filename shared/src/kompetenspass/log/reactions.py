"""The runner of reactions: the service's own projections first, then the handler, then the cursor."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from collections.abc import Set as AbstractSet

from kompetenspass.log import cursors
from kompetenspass.log.api import Feed, Recorded
from kompetenspass.log.cursors import Cursor, Key, schemas
from kompetenspass.log.fates import Unhandled, settle
from kompetenspass.log.generations import statements, transaction
from kompetenspass.log.parked import BEHIND, park, parked_streams
from kompetenspass.log.project import Reaction, ReactionHandler
from kompetenspass.log.runner import Dispatch, Follower, Place

_MOVE_SECONDS = 1.0  # a crash repeats no more than this, however long a page takes

Passed = Callable[[tuple[str, ...], str, int], Awaitable[None]]
"""Returns once the named projections have passed a position of a log."""


class ReactionFollower(Follower):
    """Calls a reaction's handlers for a log's events, each at least once: its events' ids make the repeat harmless."""

    def __init__(self, place: Place, feed: Feed, reaction: Reaction, passed: Passed) -> None:
        super().__init__(place, feed, Key("reaction", reaction.name))
        self._reaction = reaction
        self._passed = passed
        self._dispatch: Dispatch[ReactionHandler] = Dispatch(reaction.handlers)

    async def _apply(self, cursor: Cursor, rows: Sequence[Recorded]) -> Cursor:
        """React to a page, moving the cursor at its end, and at times before: what a crash repeats has the same ids."""
        if not any(map(self._dispatch.concerns, rows)):
            return await self._advance(cursor, rows[-1])
        async with statements(self.place.engine, schemas(self.place.service)) as connection:
            aside = set(await parked_streams(connection, self.key, self.feed.owner))
        clock = asyncio.get_running_loop().time
        moved = clock()
        for row in rows:
            error = await self._refused(row, aside) if self._dispatch.concerns(row) else None
            if error or clock() - moved > _MOVE_SECONDS:
                cursor, moved = await self._advance(cursor, row, parking=error), clock()
            if error:
                aside.add(row.stream)
        return cursor if cursor.position == rows[-1].position else await self._advance(cursor, rows[-1])

    async def _refused(self, row: Recorded, aside: AbstractSet[str]) -> str | None:
        """Return why the event is to be parked, None once its handler took it."""
        await self._passed(self._reaction.after, self.feed.owner, row.position)
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

    async def _advance(self, cursor: Cursor, row: Recorded, parking: str | None = None) -> Cursor:
        after = cursor.at(row)
        begun = transaction if parking else statements
        async with begun(self.place.engine, schemas(self.place.service)) as connection:
            await cursors.advance(connection, self.key, self.feed.owner, cursor, after)
            if parking:
                await park(connection, self.key, self.feed.owner, row, parking)
        return after

"""Keeps one projection: follows its logs for the generation that its code is for, fills a new one and switches."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import structlog

from kompetenspass.log import generations
from kompetenspass.log.api import Feed, Part
from kompetenspass.log.bare import bare
from kompetenspass.log.cursors import Key
from kompetenspass.log.fates import may_last, name_of
from kompetenspass.log.generations import Generation
from kompetenspass.log.project import Projection
from kompetenspass.log.projecting import ProjectionFollower
from kompetenspass.log.runner import Place
from kompetenspass.log.shares import Following, Sharing, ended
from kompetenspass.log.waking import heard
from kompetenspass.log.watching import kept

LOOK_SECONDS = 0.5
_FILL_POLL_SECONDS = 0.05

logger = structlog.get_logger(__name__)


class Supervisor:
    """One projection in this process; a replay elsewhere switches, and what is followed here follows it."""

    def __init__(self, place: Place, feeds: Mapping[str, Feed], projection: Projection, sharing: Sharing) -> None:
        self.place = place
        self.projection = projection
        self.generation: Generation | None = None
        self.followings: Sequence[Following] = ()
        self._feeds = feeds
        self._sharing = sharing
        self._was_live = False

    @property
    def is_live(self) -> bool:
        """Whether what is followed here is what is read."""
        return self.generation is not None and self.generation.live

    async def run(self) -> None:
        """Follow until cancelled."""
        try:
            while True:
                hearing = self.place.ended.hearing
                try:
                    await self._look()
                except Exception as error:
                    where, said = {"reader": self.projection.name}, name_of(error)
                    logger.warning("supervisor_waits", **where, error=said, alarm=may_last(error))
                await heard(hearing, LOOK_SECONDS)
        finally:
            await self._sharing.leave(self.followings)
            self.generation, self.followings = None, ()

    async def _look(self) -> None:
        generation = await self._wanted()
        if not generation.live and self._was_live:
            return  # another version of the code took over; the one that starts last has the views
        if self.generation is None or generation.number != self.generation.number:
            await self._sharing.leave(self.followings)
            self.followings = followings_of(self.place, self._feeds, self.projection, generation)
            self._sharing.follow(self.followings)
        self.generation = generation
        if not generation.live and not any(f.halted for f in self.followings):
            await fill(self.place, self.projection, generation, self.followings)
            self.generation = await self._wanted()
        self._was_live = self.generation.live

    async def _wanted(self) -> Generation:
        """Return the generation to follow: the live one of this code, which is the usual case, or one to fill."""
        async with bare(self.place.engine) as driver:
            live = await generations.live_one(driver, self.place.service, self.projection)
        return live or await generations.prepare(self.place.engine, self.place.service, self.projection)


async def replay(place: Place, feeds: Mapping[str, Feed], projection: Projection) -> Generation:
    """Fill new tables beside the live ones from the first event on, switch to them, and return their generation.

    `place` is the replay's alone. Raises Problem `move_under_way`, or `replay_halted` when a reader stopped on the way,
    or the live tables' log comes by another transport by now; the live tables then stay.
    """
    await generations.prepare(place.engine, place.service, projection)
    generation = await generations.begin_replay(place.engine, place.service, projection)
    followings, sharing = followings_of(place, feeds, projection, generation), Sharing(place)
    sharing.follow(followings)
    running = asyncio.create_task(kept(f"replay of {projection.name}", sharing.run))
    try:
        await fill(place, projection, generation, followings)
    finally:
        await ended([running])
    if halted := next((following.halted for following in followings if following.halted), None):
        raise generations.replay_halted(halted)
    return generation


async def fill(place: Place, projection: Projection, generation: Generation, followings: Sequence[Following]) -> None:
    """Return once the readers have caught up and their generation is live, or one of them has halted."""
    indexed = False
    while not any(following.halted for following in followings):
        hearing = place.moved.hearing
        full = all(following.at_head for following in followings)
        if full and not indexed:
            await generations.index(place.engine, place.service, projection, generation)
            indexed = True
        if full and await generations.switch(place.engine, place.service, projection, generation):
            for follower in (follower for following in followings for follower in following.followers):
                assert isinstance(follower, ProjectionFollower)
                follower.live = True
            logger.info("projection_switched", projection=projection.name, generation=generation.number)
            return
        await heard(hearing, _FILL_POLL_SECONDS)


def followings_of(
    place: Place,
    feeds: Mapping[str, Feed],
    projection: Projection,
    generation: Generation,
    logs: Sequence[str] | None = None,
) -> Sequence[Following]:
    """Return what follows each log that the projection reads, or some of them."""
    key = Key("projection", projection.name, generation.number)

    def followed(feed: Feed) -> Following:
        def follower(part: Part) -> ProjectionFollower:
            return ProjectionFollower(place, feed, projection, generation, part)

        return Following(place, feed, key, follower)

    return [followed(feeds[log]) for log in (projection.logs if logs is None else logs)]

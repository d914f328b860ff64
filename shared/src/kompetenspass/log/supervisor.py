"""Keeps one projection: follows its logs for the generation that its code is for, fills a new one and switches."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import structlog

from kompetenspass.core.errors import Kind, Problem
from kompetenspass.log import generations
from kompetenspass.log.api import Feed
from kompetenspass.log.bare import bare
from kompetenspass.log.generations import Generation
from kompetenspass.log.project import Projection
from kompetenspass.log.projecting import ProjectionFollower
from kompetenspass.log.runner import Place
from kompetenspass.log.waking import heard
from kompetenspass.log.watching import kept

LOOK_SECONDS = 0.5
_FILL_POLL_SECONDS = 0.05

logger = structlog.get_logger(__name__)


class Supervisor:
    """The loops of one projection in this process; a replay elsewhere switches, and the loops follow it."""

    def __init__(self, place: Place, feeds: Mapping[str, Feed], projection: Projection) -> None:
        self.place = place
        self.projection = projection
        self.generation: Generation | None = None
        self.followers: Sequence[ProjectionFollower] = ()
        self._feeds = feeds
        self._tasks: list[asyncio.Task[None]] = []
        self._was_live = False

    async def run(self) -> None:
        """Follow until cancelled."""
        try:
            while True:
                try:
                    await self._look()
                except Exception as error:
                    logger.warning("supervisor_waits", reader=self.projection.name, error=type(error).__name__)
                await self._pause()
        finally:
            await ended(self._tasks)
            self.generation, self.followers = None, ()

    async def _look(self) -> None:
        generation = await self._wanted()
        if not generation.live and self._was_live:
            return  # another version of the code took over; the one that starts last has the views
        if self.generation is None or generation.number != self.generation.number:
            await ended(self._tasks)
            self.followers = followers_of(self.place, self._feeds, self.projection, generation)
            self._tasks = [asyncio.create_task(kept(f.name, f.run)) for f in self.followers]
        self.generation = generation
        if not generation.live and not any(f.halted for f in self.followers):
            await fill(self.place, self.projection, generation, self.followers)
            self.generation = await self._wanted()
        self._was_live = self.generation.live

    async def _pause(self) -> None:
        """Return after a while, or when one of the loops has ended."""
        running = [task for task in self._tasks if not task.done()]
        if running:
            await asyncio.wait(running, timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        else:
            await asyncio.sleep(LOOK_SECONDS)

    async def _wanted(self) -> Generation:
        """Return the generation to follow: the live one of this code, which is the usual case, or one to fill."""
        async with bare(self.place.engine) as driver:
            live = await generations.live_one(driver, self.place.service, self.projection)
        return live or await generations.prepare(self.place.engine, self.place.service, self.projection)


async def replay(place: Place, feeds: Mapping[str, Feed], projection: Projection) -> Generation:
    """Fill new tables beside the live ones from the first event on, switch to them, and return their generation.

    Raises Problem `replay_halted` when a reader stopped on the way; the live tables then stay.
    """
    await generations.prepare(place.engine, place.service, projection)
    generation = await generations.begin_replay(place.engine, place.service, projection)
    followers = followers_of(place, feeds, projection, generation)
    tasks = [asyncio.create_task(kept(follower.name, follower.run)) for follower in followers]
    try:
        await fill(place, projection, generation, followers)
    finally:
        await ended(tasks)
    if halted := next((follower.halted for follower in followers if follower.halted), None):
        raise Problem(
            "replay_halted",
            "The replay stopped; the live tables stay.",
            kind=Kind.CONFLICT,
            remedy="Look at the alarm in the log, then replay again.",
            members={"reason": halted},
        )
    return generation


async def fill(
    place: Place, projection: Projection, generation: Generation, followers: Sequence[ProjectionFollower]
) -> None:
    """Return once the followers have caught up and their generation is live, or one of them has halted."""
    indexed = False
    while not any(follower.halted for follower in followers):
        hearing = place.moved.hearing
        full = all(follower.at_head for follower in followers)
        if full and not indexed:
            await generations.index(place.engine, place.service, projection, generation)
            indexed = True
        if full and await generations.switch(place.engine, place.service, projection, generation):
            for follower in followers:
                follower.live = True
            logger.info("projection_switched", projection=projection.name, generation=generation.number)
            return
        await heard(hearing, _FILL_POLL_SECONDS)


def followers_of(
    place: Place, feeds: Mapping[str, Feed], projection: Projection, generation: Generation
) -> Sequence[ProjectionFollower]:
    """Return a follower for each log that the projection reads."""
    return [ProjectionFollower(place, feeds[log], projection, generation) for log in projection.logs]


async def ended(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Cancel the tasks and return when they are over."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

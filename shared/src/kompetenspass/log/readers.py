"""All readers of one service: starts and stops them, replays, and says how far they are."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncEngine

from kompetenspass.core.clock import Clock
from kompetenspass.core.errors import not_found
from kompetenspass.core.ids import random_token
from kompetenspass.log import generations, restarting, supervisor
from kompetenspass.log.api import Feed, Part, Transport
from kompetenspass.log.cursors import Key, Stand
from kompetenspass.log.parked import Parked
from kompetenspass.log.progress import Lag, Progress
from kompetenspass.log.project import Projection, Reaction
from kompetenspass.log.reactions import ReactionFollower
from kompetenspass.log.runner import Place
from kompetenspass.log.shares import Following, Sharing, ended
from kompetenspass.log.steps import At, nothing_at
from kompetenspass.log.supervisor import Supervisor
from kompetenspass.log.tables import install_runner_tables
from kompetenspass.log.unparking import Unparking
from kompetenspass.log.visiting import Feeds, Visitor
from kompetenspass.log.watching import kept, watch

__all__ = ["Lag", "Readers"]


class Readers:
    """Declare with `project` and `react`; `prepare` makes tables and views, `start` prepares and runs the loops."""

    def __init__(
        self, service: str, engine: AsyncEngine, feeds: Mapping[str, Feed], clock: Clock, *, at: At = nothing_at
    ) -> None:
        self._place = Place(service, engine, clock, follows=self._follows, at=at)
        self._feeds = feeds
        self._projections: dict[str, Projection] = {}
        self._reactions: dict[str, Reaction] = {}
        self._progress = Progress(self._place, feeds, self._projections, self._reactions)
        self._tasks: list[asyncio.Task[None]] = []
        self.parked = Unparking(self._place, feeds, self._projections, self._reactions)

    def project(self, projection: Projection) -> None:
        """Declare a projection."""
        self._projections[projection.name] = projection

    def react(self, reaction: Reaction) -> None:
        """Declare a reaction; the projections that it comes after are declared as well before the start."""
        self._reactions[reaction.name] = reaction

    @property
    def names(self) -> Sequence[str]:
        """The declared projections."""
        return tuple(self._projections)

    def follows(self, log: str) -> bool:
        """Return whether any projection reads the log."""
        return any(log in projection.logs for projection in self._projections.values())

    async def prepare(self) -> None:
        """Make the runner's tables, and first generations with their views; a process without loops needs them too."""
        unknown = {name for r in self._reactions.values() for name in r.after} - self._projections.keys()
        if unknown:
            raise ValueError(f"reactions come after projections that are not declared: {sorted(unknown)}")
        await install_runner_tables(self._place.engine, self._place.service)
        for projection in self._projections.values():
            await generations.prepare(self._place.engine, self._place.service, projection)

    async def start(self) -> None:
        """Prepare, then follow the logs until stopped, sharing them with the processes that follow the same."""
        await self.prepare()
        place, progress, sharing = self._place, self._progress, Sharing(self._place)
        progress.supervisors = [Supervisor(place, self._feeds, p, sharing) for p in self._projections.values()]
        progress.reacting = [self._reacting(r, log) for r in self._reactions.values() for log in r.logs]
        sharing.follow(progress.reacting)
        runs = [(s.projection.name, s.run) for s in progress.supervisors]
        runs += [("shares", sharing.run), ("watch", lambda: watch(self._looks))]
        self._tasks = [asyncio.create_task(kept(name, run), name=name) for name, run in runs]

    async def stop(self) -> None:
        """End the loops; what was not committed is done again after the next start."""
        await ended(self._tasks)
        self._tasks = []
        self._progress.supervisors = self._progress.reacting = ()

    async def replay(self, name: str) -> int:
        """Fill new tables beside the live ones, switch to them, and return the number of their generation.

        Raises Problem `not_found`, `replay_halted`, `move_under_way`.
        """
        projection = self._declared(name)
        place = self._apart(f"replay {random_token()}")
        await install_runner_tables(place.engine, place.service)
        return (await supervisor.replay(place, self._feeds, projection)).number

    async def move(self, feeds: Feeds, *, parts: int | None = None, transport: Transport | None = None) -> int:
        """Cut the logs of `feeds` into so many parts for each reader, or have them come by another transport, and
        return how many of them were moved, once all are.

        A log comes by each transport that it has to leave. Raises Problem as `Visitor.move` does.
        """
        visitor = Visitor(self._apart("visitors"), feeds, self._progress.passed)
        await self.prepare()
        readers = [*self._projections.values()], [*self._reactions.values()]
        return await visitor.move(*readers, parts=parts, transport=transport)

    async def restart(self, reaction: str, log: str) -> None:
        """Have a reaction begin a log anew that was restored from a backup. Raises Problem as `restarting.restart`."""
        await restarting.restart(self._place, Key("reaction", reaction), log)

    async def drop_old(self, name: str) -> int:
        """Drop the tables that a replay or a new version has replaced; return how many generations there were."""
        return await generations.drop_old(self._place.engine, self._place.service, self._declared(name).name)

    async def lags(self) -> list[Lag]:
        """Return how far each reader is: this process's own, or, where it runs none, what the others stored."""
        return await self._progress.lags()

    def judging(self, parked: Iterable[Parked]) -> int:
        """Return how many of these are parked where validity is judged: above 0 the service is not ready."""
        judging = {name for name, projection in self._projections.items() if projection.judges_validity}
        return sum(e.key.kind == "projection" and e.key.reader in judging for e in parked)

    async def stands(self) -> Sequence[Stand]:
        """Return the stored cursors of what is live."""
        return await self._progress.stands()

    async def caught_up(self, log: str, position: int, timeout_seconds: float) -> bool:
        """Return whether within the time every projection that reads the log has passed the position.

        Where none reads it, the log itself must have come that far.
        """
        names, progress = [n for n, projection in self._projections.items() if log in projection.logs], self._progress
        try:
            async with asyncio.timeout(timeout_seconds):
                await (progress.passed(names, log, position) if names else progress.written(log, position))
        except TimeoutError:
            return False
        return True

    async def checked_at(self, log: str) -> datetime | None:
        """Return since when all projections that read the log are known to have read all of it; None: never yet."""
        return await self._progress.checked_at(log)

    def _follows(self) -> str:
        """Return what this process follows, in which versions, over which transports."""
        projections = [(p.name, p.version, p.logs) for p in self._projections.values()]
        reactions = [(r.name, r.logs) for r in self._reactions.values()]
        transports = [(log, feed.transport) for log, feed in self._feeds.items()]
        return repr((sorted(projections), sorted(reactions), sorted(transports)))

    def _apart(self, name: str) -> Place:
        """Return a place that shares nothing with what follows here."""
        place = self._place
        return Place(place.service, place.engine, place.clock, follows=lambda: name, at=place.at)

    def _reacting(self, reaction: Reaction, log: str) -> Following:
        def follower(part: Part) -> ReactionFollower:
            return ReactionFollower(self._place, self._feeds[log], reaction, self._progress.passed, part)

        return Following(self._place, self._feeds[log], Key("reaction", reaction.name), follower)

    def _looks(self) -> Sequence[Awaitable[None]]:
        return [f.steps.look(f.position) for f in self._progress.followers() if f.is_here and f.halted is None]

    def _declared(self, name: str) -> Projection:
        if name not in self._projections:
            raise not_found("projection")
        return self._projections[name]

"""All readers of one service: starts and stops them, replays, and says how far they are."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from kompetenspass.core.clock import Clock
from kompetenspass.core.errors import not_found
from kompetenspass.log import generations, supervisor
from kompetenspass.log.api import Feed
from kompetenspass.log.cursors import Stand, install_runner_tables, schemas, stands
from kompetenspass.log.fates import Fate, fate_of
from kompetenspass.log.gathering import Gathering
from kompetenspass.log.generations import transaction
from kompetenspass.log.project import Projection, Reaction
from kompetenspass.log.reactions import ReactionFollower
from kompetenspass.log.runner import Follower, Place
from kompetenspass.log.supervisor import Supervisor, ended
from kompetenspass.log.unparking import Unparking
from kompetenspass.log.waking import heard
from kompetenspass.log.watching import kept, watch

_FIRST_POLL_SECONDS, _LONGEST_POLL_SECONDS = 0.01, 0.25
_RECENT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Lag:
    """How far one reader is in one log. `started`: it has once been at the head; `halted`: why it stopped, or None.

    `stalled`: it makes no step although its log has more.
    """

    reader: str
    log: str
    position: int
    head: int
    started: bool
    halted: str | None
    stalled: bool = False

    @property
    def lag(self) -> int:
        """How many events it has not applied yet."""
        return max(0, self.head - self.position)


class Readers:
    """Declare with `project` and `react`; `prepare` makes tables and views, `start` prepares and runs the loops."""

    def __init__(self, service: str, engine: AsyncEngine, feeds: Mapping[str, Feed], clock: Clock) -> None:
        self._place = Place(service, engine, clock)
        self._feeds = feeds
        self._projections: dict[str, Projection] = {}
        self._reactions: dict[str, Reaction] = {}
        self._supervisors: list[Supervisor] = []
        self._reacting: list[ReactionFollower] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._stored: tuple[float, Sequence[Stand]] = (float("-inf"), ())
        self._asking: Gathering[None, Sequence[Stand]] = Gathering(self._stored_again)
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
        """Prepare, then follow the logs until stopped."""
        await self.prepare()
        self._supervisors = [Supervisor(self._place, self._feeds, p) for p in self._projections.values()]
        self._reacting = [
            ReactionFollower(self._place, self._feeds[log], reaction, self._passed)
            for reaction in self._reactions.values()
            for log in reaction.logs
        ]
        runs = {s.projection.name: s.run for s in self._supervisors}
        runs |= {f.name: f.run for f in self._reacting}
        self._tasks = [asyncio.create_task(kept(name, run), name=name) for name, run in runs.items()]
        self._tasks.append(asyncio.create_task(kept("watch", lambda: watch(self._looks)), name="watch"))

    async def stop(self) -> None:
        """End the loops; what was not committed is done again after the next start."""
        await ended(self._tasks)
        self._tasks, self._supervisors, self._reacting = [], [], []

    async def replay(self, name: str) -> int:
        """Fill new tables beside the live ones, switch to them, and return the number of their generation.

        Raises Problem `not_found`, `replay_halted`.
        """
        projection = self._declared(name)
        await install_runner_tables(self._place.engine, self._place.service)
        return (await supervisor.replay(self._place, self._feeds, projection)).number

    async def drop_old(self, name: str) -> int:
        """Drop the tables that a replay or a new version has replaced; return how many generations there were."""
        return await generations.drop_old(self._place.engine, self._place.service, self._declared(name).name)

    async def lags(self) -> list[Lag]:
        """Return how far each reader is: this process's own, or, where it runs none, what the others stored."""
        if self._tasks:
            beginning = [
                Lag(s.projection.name, log, 0, 0, started=False, halted=None)
                for s in self._supervisors
                if not s.followers
                for log in s.projection.logs
            ]
            return beginning + [await self._lag_of(follower) for follower in self._followers()]
        return [
            Lag(s.key.reader, s.log, s.position, await self._feeds[s.log].head(), started=True, halted=None)
            for s in await self.stands()
            if self._reads(s)
        ]

    async def judging_parked(self) -> int:
        """Return how many events are parked in projections that judge validity: above 0 the service is not ready."""
        judging = {name for name, projection in self._projections.items() if projection.judges_validity}
        return sum(e.key.kind == "projection" and e.key.reader in judging for e in await self.parked.list())

    async def stands(self) -> Sequence[Stand]:
        """Return the stored cursors of what is live."""
        async with transaction(self._place.engine, schemas(self._place.service)) as connection:
            return await stands(connection)

    async def caught_up(self, log: str, position: int, timeout_seconds: float) -> bool:
        """Return whether within the time every projection that reads the log has passed the position.

        Where none reads it, the log itself must have come that far.
        """
        names = tuple(name for name, projection in self._projections.items() if log in projection.logs)
        try:
            async with asyncio.timeout(timeout_seconds):
                await (self._passed(names, log, position) if names else self._written(log, position))
        except TimeoutError:
            return False
        return True

    async def checked_at(self, log: str) -> datetime | None:
        """Return since when all projections that read the log are known to have read all of it; None: never yet."""
        reading = [s for s in self._supervisors if log in s.projection.logs]
        live = [s for s in reading if s.generation is not None and s.generation.live]
        here = [f.checked_at for s in live for f in s.followers if f.feed.owner == log and f.halted is None]
        if here and len(here) == len(reading) and None not in here:
            return min(moment for moment in here if moment is not None)
        stands = self._stored[1] if self._is_recent() else await self._asking.ask(None)
        wanted = {name for name, projection in self._projections.items() if log in projection.logs}
        stored = {s.key.reader: s.checked_at for s in stands if s.key.kind == "projection" and s.log == log}
        moments = [stored.get(name) for name in wanted]
        return None if None in moments else min((moment for moment in moments if moment is not None), default=None)

    def _is_recent(self) -> bool:
        """Return whether the stored cursors were read within the last second."""
        return asyncio.get_running_loop().time() - self._stored[0] <= _RECENT_SECONDS

    async def _stored_again(self, callers: Sequence[None]) -> Sequence[Sequence[Stand]]:
        """Return the stored cursors for each caller: read once for all, unless those just before had it done."""
        if not self._is_recent():
            now = asyncio.get_running_loop().time()
            self._stored = (now, await self.stands())
        return [self._stored[1] for _ in callers]

    async def _written(self, log: str, position: int) -> None:
        """Return once the log holds the position."""
        feed = self._feeds[log]
        while await feed.head() < position:
            await feed.wait(position - 1, _LONGEST_POLL_SECONDS)

    async def _passed(self, names: Sequence[str], log: str, position: int) -> None:
        """Return once the live generations of the named projections, so far as they read the log, have passed it.

        Those that are kept up to date here ring when they move; the cursors of others are looked at now and then.
        """
        missing = {name for name in names if log in self._projections[name].logs}
        poll, rung = _FIRST_POLL_SECONDS, True
        while missing:
            hearing = self._place.moved.hearing
            missing -= self._here(log, position)
            kept_here = missing <= self._kept_here()
            if missing and not (kept_here and rung):
                missing -= await self._elsewhere(log, position)
            if missing:
                rung = await heard(hearing, _LONGEST_POLL_SECONDS if kept_here else poll)
                poll = min(poll * 1.5, _LONGEST_POLL_SECONDS)

    def _kept_here(self) -> set[str]:
        """Return the projections whose live generations are followed in this process."""
        return {
            s.projection.name
            for s in self._supervisors
            if s.generation is not None and s.generation.live and not any(f.halted for f in s.followers)
        }

    def _here(self, log: str, position: int) -> set[str]:
        return {
            s.projection.name
            for s in self._supervisors
            if s.generation is not None and s.generation.live
            if any(f.feed.owner == log and f.told >= position and not f.halted for f in s.followers)
        }

    async def _elsewhere(self, log: str, position: int) -> set[str]:
        """Return the projections that, by their stored cursors, have passed, and have once been at the log's head.

        None while the database is away.
        """
        now = asyncio.get_running_loop().time()
        try:
            found = await self.stands()
        except DBAPIError as error:
            if fate_of(error) is not Fate.OUTAGE:
                raise
            return set()
        self._stored = (now, found)  # whoever heard that a position has passed may ask at once how fresh that is
        kept = {s.key.reader: s.position for s in found if s.key.kind == "projection" and s.log == log and s.checked_at}
        return {name for name, reached in kept.items() if reached >= position}

    def _reads(self, stand: Stand) -> bool:
        """Return whether a stored cursor is of a declared reader; a former version's, that moves no more, is not."""
        declared = self._projections if stand.key.kind == "projection" else self._reactions
        reader: Projection | Reaction | None = declared.get(stand.key.reader)
        return reader is not None and stand.log in reader.logs

    def _looks(self) -> Sequence[Awaitable[None]]:
        return [f.steps.look(f.position) for f in self._followers() if f.halted is None]

    def _followers(self) -> list[Follower]:
        return [*(f for s in self._supervisors for f in s.followers), *self._reacting]

    async def _lag_of(self, follower: Follower) -> Lag:
        log, position = follower.feed.owner, follower.position
        head = await follower.feed.head()
        return Lag(
            follower.key.reader,
            log,
            position,
            max(head, position),
            follower.at_head,
            follower.halted,
            follower.steps.stalled,
        )

    def _declared(self, name: str) -> Projection:
        if name not in self._projections:
            raise not_found("projection")
        return self._projections[name]

"""How far the readers of one service are: what runs in this process is known here, the rest by the stored cursors."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.exc import DBAPIError

from kompetenspass.core.errors import Problem
from kompetenspass.log import cursors
from kompetenspass.log.api import WHOLE, Cursor, Feed, LogDiffers
from kompetenspass.log.cursors import Stand
from kompetenspass.log.fates import Fate, fate_of
from kompetenspass.log.gathering import Gathering
from kompetenspass.log.generations import transaction
from kompetenspass.log.project import Projection, Reaction
from kompetenspass.log.runner import Follower, Place
from kompetenspass.log.shares import Following
from kompetenspass.log.supervisor import Supervisor
from kompetenspass.log.tables import schemas
from kompetenspass.log.waking import heard

_FIRST_POLL_SECONDS, _LONGEST_POLL_SECONDS = 0.01, 0.25
_RECENT_SECONDS = 1.0
_HEAD_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Lag:
    """How far one reader is in one log, all parts of it. `started`: it has once been at the head; `halted`: why it
    stopped, or None.

    `stalled`: it makes no step although its log has more. `reachable`: the log could be asked how far it is; where it
    could not, `head` is no more than `position`.
    """

    reader: str
    log: str
    position: int
    head: int
    started: bool
    halted: str | None
    stalled: bool = False
    reachable: bool = True

    @property
    def lag(self) -> int:
        """How many events it has not applied yet."""
        return max(0, self.head - self.position)


class Progress:
    """Says how far the declared readers are. `supervisors` and `reacting` are what this process runs."""

    def __init__(
        self,
        place: Place,
        feeds: Mapping[str, Feed],
        projections: Mapping[str, Projection],
        reactions: Mapping[str, Reaction],
    ) -> None:
        self.supervisors: Sequence[Supervisor] = ()
        self.reacting: Sequence[Following] = ()
        self._place = place
        self._feeds = feeds
        self._projections = projections
        self._reactions = reactions
        self._stored: tuple[float, Sequence[Stand]] = (float("-inf"), ())
        self._asking: Gathering[None, Sequence[Stand]] = Gathering(self._stored_again)

    async def lags(self) -> list[Lag]:
        """Return how far each reader is; one that this process does not run has started."""
        if self.supervisors or self.reacting:
            beginning = [
                Lag(s.projection.name, log, 0, 0, started=False, halted=None)
                for s in self.supervisors
                if not s.followings
                for log in s.projection.logs
            ]
            heads = await self._heads(following.feed.owner for following in self._followings())
            return beginning + [_lag_of(following, heads[following.feed.owner]) for following in self._followings()]
        furthest: dict[tuple[str, str], int] = {}
        for stand in filter(self._reads, await self.stands()):
            where = stand.key.reader, stand.log
            furthest[where] = min(furthest.get(where, stand.position), stand.position)
        heads = await self._heads(log for _, log in furthest)
        return [
            Lag(reader, log, at, max(heads[log] or 0, at), True, None, reachable=heads[log] is not None)
            for (reader, log), at in furthest.items()
        ]

    async def stands(self) -> Sequence[Stand]:
        """Return the stored cursors of what is live."""
        async with transaction(self._place.engine, schemas(self._place.service)) as connection:
            return await cursors.stands(connection, self._place.service)

    async def checked_at(self, log: str) -> datetime | None:
        """Return since when all projections that read the log are known to have read all of it; None: never yet."""
        wanted = {name for name, projection in self._projections.items() if log in projection.logs}
        here = {name: f for name, f in self._live(log).items() if f.is_here}
        moment = _earliest(follower.checked_at for f in here.values() for follower in f.followers)
        if moment is not None and wanted == here.keys():
            return moment
        stands = self._stored[1] if self._is_recent() else await self._asking.ask(None)
        parts = self._parts(stands, log)
        if not wanted <= parts.keys():
            return None
        return _earliest(stand.checked_at for name in wanted for stand in parts[name])

    async def written(self, log: str, position: int) -> None:
        """Return once the log holds the position."""
        feed, before = self._feeds[log], Cursor(UUID(int=0), position - 1, None)
        while await feed.head() < position:
            await feed.more(WHOLE, before, _LONGEST_POLL_SECONDS)

    async def passed(self, names: Iterable[str], log: str, position: int) -> None:
        """Return once the live generations of the named projections, so far as they read the log, have passed it.

        Those that are kept up to date here ring when they move; the cursors of others are looked at now and then.
        """
        missing = {name for name in names if log in self._projections[name].logs}
        poll, rung = _FIRST_POLL_SECONDS, True
        while missing:
            hearing = self._place.moved.hearing
            here = {name: f for name, f in self._live(log).items() if f.is_here}
            missing -= {name for name, following in here.items() if following.told >= position}
            kept_here = missing <= here.keys()
            if missing and not (kept_here and rung):
                missing -= await self._elsewhere(log, position)
            if missing:
                rung = await heard(hearing, _LONGEST_POLL_SECONDS if kept_here else poll)
                poll = min(poll * 1.5, _LONGEST_POLL_SECONDS)

    def _live(self, log: str) -> Mapping[str, Following]:
        """Return what of this process follows the log for live generations, by the projection's name."""
        live = (s for s in self.supervisors if s.is_live)
        return {s.projection.name: f for s in live for f in s.followings if f.feed.owner == log}

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
        told = {(n, f.lane.part): f.told for n, fs in self._live(log).items() for f in fs.followers if f.is_here}
        return {
            name
            for name, parts in self._parts(found, log).items()
            if all(s.checked_at and max(s.position, told.get((name, s.part), 0)) >= position for s in parts)
        }

    @staticmethod
    def _parts(stands: Iterable[Stand], log: str) -> Mapping[str, Sequence[Stand]]:
        """Return, by a projection's name, what is stored of its parts of a log."""
        parts: defaultdict[str, list[Stand]] = defaultdict(list)
        for stand in stands:
            if stand.key.kind == "projection" and stand.log == log:
                parts[stand.key.reader].append(stand)
        return dict(parts)

    def _is_recent(self) -> bool:
        """Return whether the stored cursors were read within the last second."""
        return asyncio.get_running_loop().time() - self._stored[0] <= _RECENT_SECONDS

    async def _stored_again(self, callers: Sequence[None]) -> Sequence[Sequence[Stand]]:
        """Return the stored cursors for each caller: read once for all, unless those just before had it done."""
        if not self._is_recent():
            now = asyncio.get_running_loop().time()
            self._stored = (now, await self.stands())
        return [self._stored[1] for _ in callers]

    def _reads(self, stand: Stand) -> bool:
        """Return whether a stored cursor is of a declared reader; a former version's, that moves no more, is not."""
        declared = self._projections if stand.key.kind == "projection" else self._reactions
        reader: Projection | Reaction | None = declared.get(stand.key.reader)
        return reader is not None and stand.log in reader.logs

    def followers(self) -> Sequence[Follower]:
        """Return the loops in this process."""
        return [follower for following in self._followings() for follower in following.followers]

    def _followings(self) -> Sequence[Following]:
        return [*(f for s in self.supervisors for f in s.followings), *self.reacting]

    async def _heads(self, logs: Iterable[str]) -> Mapping[str, int | None]:
        """Return how far each log is, None where Kafka does not say: that may be away while the service answers."""
        wanted = sorted(set(logs))
        return dict(zip(wanted, await asyncio.gather(*map(self._head, wanted)), strict=True))

    async def _head(self, log: str) -> int | None:
        feed = self._feeds[log]
        if feed.transport == "postgres":
            return await feed.head()
        try:
            async with asyncio.timeout(_HEAD_SECONDS):
                return await feed.head()
        except (Problem, LogDiffers, TimeoutError):  # of what will not pass by itself, those who follow it tell
            return None


def _lag_of(following: Following, head: int | None) -> Lag:
    position = following.position
    stalled = any(follower.steps.stalled for follower in following.followers)
    known = position if head is None else max(head, position)
    place = (following.key.reader, following.feed.owner, position, known, following.at_head, following.halted)
    return Lag(*place, stalled=stalled, reachable=head is not None)


def _earliest(moments: Iterable[datetime | None]) -> datetime | None:
    """Return the earliest, None where one is not known, or there is none."""
    known = list(moments)
    return None if None in known else min((moment for moment in known if moment is not None), default=None)

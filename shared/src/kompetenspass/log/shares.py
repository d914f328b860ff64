"""Shares: which process follows which part of a log; each finds its own, every second, from who is alive.

Of the processes that follow the same, each part is that one's which scores highest for it: when one comes or goes, only
its own share moves. Who has a part gives it up between two pages; who wants it waits until it is free.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b

import structlog

from kompetenspass.log import cursors, moving
from kompetenspass.log.api import Feed, Part
from kompetenspass.log.bare import bare
from kompetenspass.log.cursors import Key, Lane, Layout, Stand
from kompetenspass.log.fates import may_last, name_of
from kompetenspass.log.generations import transaction
from kompetenspass.log.presence import Beat
from kompetenspass.log.runner import Follower, Place
from kompetenspass.log.tables import schemas
from kompetenspass.log.waking import heard
from kompetenspass.log.watching import kept

LEAVE_SECONDS = 5.0
"""How long a page that is under way may take when its part is to be given up."""
OTHER_TRANSPORT = "other_transport"
_LOOK_SECONDS = 5.0

Wants = Callable[[Stand, Beat], bool]
"""Whether a part, as its cursor is stored, is this process's to follow."""

logger = structlog.get_logger(__name__)


def by_share(stand: Stand, beat: Beat) -> bool:
    """Return whether a part is this process's share."""
    return bool(beat.peers) and beat.me == max(beat.peers, key=lambda peer: _score(peer, stand))


def on_the_move(stand: Stand, _beat: Beat) -> bool:
    """Return whether a part has to come somewhere before its log can be cut into other parts."""
    return stand.until is not None and stand.position < stand.until


class Following:
    """One reader's way through one log, so far as this process goes it: a follower for each part that it wants.

    `stands`: what was stored, of all parts, when it was looked at last.
    """

    def __init__(self, place: Place, feed: Feed, key: Key, make: Callable[[Part], Follower]) -> None:
        self.key = key
        self.feed = feed
        self.stands: Sequence[Stand] = ()
        self._place = place
        self._make = make
        self._followers: dict[Part, Follower] = {}
        self._tasks: dict[Part, asyncio.Task[None]] = {}
        self._leave_by: dict[Part, float] = {}
        self._beginning: asyncio.Task[None] | None = None
        self._since = place.clock()
        self._at_head = False

    @property
    def followers(self) -> Sequence[Follower]:
        """Those in this process."""
        return tuple(self._followers.values())

    @property
    def own(self) -> Sequence[Follower | None]:
        """For each part its follower, None where another process has it; empty while it is not known."""
        return [follower if follower and follower.is_here else None for follower in map(self._of, self.stands)]

    @property
    def is_here(self) -> bool:
        """Whether all parts are followed in this process."""
        return bool(self.stands) and None not in self.own and self.halted is None

    @property
    def position(self) -> int:
        """How far all parts have come."""
        known = zip(self.stands, map(self._of, self.stands), strict=True)
        return min((max(f.position, s.position) if f else s.position for s, f in known), default=0)

    @property
    def told(self) -> int:
        """How far those here have come, for those who wait for them."""
        return min((follower.told for follower in self.own if follower), default=-1)

    @property
    def halted(self) -> str | None:
        """Why it stopped, if it did: a follower here, or all of it, because it goes over another transport."""
        other = OTHER_TRANSPORT if self._is_over_another_transport() else None
        return next((follower.halted for follower in self.followers if follower.halted), other)

    @property
    def at_head(self) -> bool:
        """Whether each part was once at the head since this process follows the log, here or elsewhere."""
        if not self._at_head and self.stands and not self._is_over_another_transport():
            self._at_head = all(map(self._was_at_head, self.stands))
        return self._at_head

    def begin(self) -> None:
        """Make cursors where there are none, in a task of its own: a log that cannot be asked holds up no other."""
        if self._beginning is None or self._beginning.done():
            self._beginning = asyncio.create_task(self._begin(), name=f"begin {self.key.reader}:{self.feed.owner}")

    async def _begin(self) -> None:
        try:
            await self._made_cursors()
        except Exception as error:
            where = {"reader": self.key.reader, "log": self.feed.owner}
            logger.warning("reader_waits", **where, error=name_of(error), alarm=may_last(error))
        else:
            self._place.presence.heard.ring()

    async def _made_cursors(self) -> None:
        layout, epoch = Layout(await self.feed.parts(), self.feed.transport), await self.feed.epoch()
        async with transaction(self._place.engine, schemas(self._place.service)) as connection:
            await cursors.begin(connection, self._place.service, self.key, self.feed.owner, layout, epoch)

    def arrange(self, stands: Sequence[Stand], beat: Beat, wants: Wants) -> None:
        """Begin to follow what is wanted and free, and give up what is wanted no longer."""
        self.stands = stands
        wanted = {s.part: s for s in stands if wants(s, beat) and not self._is_over_another_transport()}
        for part in self._followers.keys() - wanted.keys():
            self._give_up(part)
        for part, stand in wanted.items():
            self._keep(part, stand, beat)

    async def end(self) -> None:
        """End all that runs here."""
        await ended([*self._tasks.values(), *([self._beginning] if self._beginning else [])])
        self._tasks.clear()

    def _keep(self, part: Part, stand: Stand, beat: Beat) -> None:
        if part not in self._followers:
            self._followers[part] = self._make(part)
            self._followers[part].at_head = self._at_head
        follower = self._followers[part]
        if self._runs(part):
            self._open_again(part, is_lost=follower.is_here and not stand.holder == follower.holder == beat.me)
        elif follower.halted is None and (stand.holder in (None, beat.me) or stand.holder not in beat.alive):
            follower.leaving = False
            self._leave_by.pop(part, None)
            self._tasks[part] = asyncio.create_task(kept(follower.name, follower.run), name=follower.name)

    def _open_again(self, part: Part, *, is_lost: bool) -> None:
        """Let a follower whose cursor is another's by now take it again; one that hangs begins anew."""
        if not is_lost:
            self._leave_by.pop(part, None)
            return
        self._followers[part].track.taken = True
        if self._is_overdue(part):
            self._cancel(part)

    def _give_up(self, part: Part) -> None:
        """Let a follower end after its page; one that waits, or takes too long, at once."""
        if not self._runs(part):
            del self._followers[part]
            return
        self._followers[part].leaving = True
        if self._followers[part].idle or self._is_overdue(part):
            self._cancel(part)

    def _cancel(self, part: Part) -> None:
        """End a follower's task; once told, it has the time that it needs to let others have the part."""
        if not self._tasks[part].cancelling():
            self._tasks[part].cancel()

    def _is_overdue(self, part: Part) -> bool:
        now = asyncio.get_running_loop().time()
        return now >= self._leave_by.setdefault(part, now + LEAVE_SECONDS)

    def _runs(self, part: Part) -> bool:
        return part in self._tasks and not self._tasks[part].done()

    def _of(self, stand: Stand) -> Follower | None:
        return self._followers.get(stand.part)

    def _was_at_head(self, stand: Stand) -> bool:
        follower = self._of(stand)
        if follower is not None and follower.at_head:
            return True
        is_here = follower is not None and follower.is_here
        return not is_here and stand.checked_at is not None and stand.checked_at >= self._since

    def _is_over_another_transport(self) -> bool:
        return any(stand.transport != self.feed.transport for stand in self.stands)


class Sharing:
    """Keeps this process's presence, and its share of all that is followed; `wants` says what that is."""

    def __init__(self, place: Place, wants: Wants = by_share) -> None:
        self.followings: list[Following] = []
        self._place = place
        self._wants = wants

    def follow(self, followings: Sequence[Following]) -> None:
        """Follow these as well, from now on."""
        self.followings.extend(followings)
        self._place.presence.heard.ring()

    async def leave(self, followings: Sequence[Following]) -> None:
        """Follow these no longer; return when nothing of them runs here."""
        self.followings = [following for following in self.followings if following not in followings]
        await asyncio.gather(*(following.end() for following in followings))

    async def run(self) -> None:
        """Share until cancelled; then nothing runs here, and the others know."""
        beating = asyncio.create_task(kept("presence", self._place.presence.run), name="presence")
        try:
            while True:
                hearing = self._place.presence.heard.hearing
                try:
                    await self._arrange()
                except Exception as error:
                    logger.warning("shares_wait", error=name_of(error), alarm=may_last(error))
                await heard(hearing, _LOOK_SECONDS)
        finally:
            await asyncio.gather(*(following.end() for following in self.followings))
            await ended([beating])
            await self._place.presence.leave()

    async def _arrange(self) -> None:
        stands = await self._stored()
        known = {(f.key, f.feed.owner): f for f in reversed(self.followings)}  # the first, where there are several
        for following in (following for where, following in known.items() if where not in stands):
            following.begin()
        if await self._swapped(stands):
            stands = await self._stored()
        beat = await self._place.presence.here()
        for following in self.followings:
            following.arrange(stands.get((following.key, following.feed.owner), ()), beat, self._wants)
        await self._release([s for parts in stands.values() for s in parts if s.holder == beat.me], beat.me)

    async def _release(self, held: Sequence[Stand], me: int) -> None:
        """Let others have what this process still has although nothing here follows it: what could not be released."""
        running = {follower.lane for following in self.followings for follower in following.followers}
        left = [lane for lane in (Lane(s.key, s.log, s.part) for s in held) if lane not in running]
        if left:
            async with bare(self._place.engine) as driver:
                for lane in left:
                    await cursors.release(driver, self._place.service, lane, me)

    async def _stored(self) -> Mapping[tuple[Key, str], Sequence[Stand]]:
        async with bare(self._place.engine) as driver:
            return await cursors.all_stands(driver, self._place.service)

    async def _swapped(self, stands: Mapping[tuple[Key, str], Sequence[Stand]]) -> bool:
        """Return whether a log was cut into other parts, because all of a reader's parts have come so far."""
        arrived = [where for where, parts in stands.items() if moving.has_arrived(parts)]
        done = [await self._swap(key, log) for key, log in arrived]
        return any(done)

    async def _swap(self, key: Key, log: str) -> bool:
        try:
            return await moving.swap(self._place, key, log)
        except Exception as error:
            where = {"reader": key.reader, "log": log}
            logger.warning("move_waits", **where, error=name_of(error), alarm=may_last(error))
            return False


async def ended(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Cancel the tasks and return when they are over."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _score(peer: int, stand: Stand) -> tuple[bytes, int]:
    lane = Lane(stand.key, stand.log, stand.part)
    return blake2b(repr((peer, lane.row)).encode(), digest_size=8).digest(), peer

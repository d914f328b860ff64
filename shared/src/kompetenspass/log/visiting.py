"""A visitor: orders a service's logs to be cut into other parts, or to come over another transport, and stays until
that is done.

It works whether the service runs or stands still: it takes what nobody has, over the transport that it still comes by.
It has no share in anything else, but for projections: a reaction may wait for them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence

from kompetenspass.core.errors import Kind, Problem
from kompetenspass.log import generations, moving
from kompetenspass.log.api import Feed, Part, Transport
from kompetenspass.log.bare import bare
from kompetenspass.log.cursors import Key, Layout, Stand, all_stands
from kompetenspass.log.presence import BEAT_SECONDS, Beat
from kompetenspass.log.project import Projection, Reaction
from kompetenspass.log.reactions import Passed, ReactionFollower
from kompetenspass.log.runner import Follower, Place
from kompetenspass.log.shares import Following, Sharing, ended, on_the_move
from kompetenspass.log.supervisor import followings_of
from kompetenspass.log.waking import heard
from kompetenspass.log.watching import kept

Feeds = Mapping[str, Mapping[Transport, Feed]]
"""By the owner of a log and the transport that it comes by."""

STUCK_SECONDS = 60.0
"""So long without any step of any part, and the move says so instead of waiting on."""

_Where = tuple[Key, str]


class Visitor:
    """Moves what follows the logs of `feeds`, which come by the transports that they leave, too; `place` is its own."""

    def __init__(self, place: Place, feeds: Feeds, passed: Passed) -> None:
        self._place = place
        self._feeds = feeds
        self._passed = passed
        self._sharing = Sharing(place, _wants)

    async def move(
        self,
        projections: Sequence[Projection],
        reactions: Sequence[Reaction],
        *,
        parts: int | None,
        transport: Transport | None,
    ) -> int:
        """Return how many readers' logs were moved, when all are; None leaves what is as it is.

        Raises Problem `parts_are_partitions`, `transport_unknown`, `move_under_way`, `replay_under_way`, `move_halted`,
        and `log_unreadable` where nothing came any further for long.
        """
        if parts is not None and parts < 1:
            raise ValueError("a log has at least one part")
        followings = [f for p in projections for f in await self._projecting(p)]
        followings += [f for r in reactions for f in self._reacting(r)]
        self._sharing.follow(followings)
        await self._place.presence.here()
        running = asyncio.create_task(kept("visitor", self._sharing.run))
        try:
            return await self._moved({(f.key, f.feed.owner) for f in followings}, parts, transport)
        finally:
            await ended([running])
            await self._place.presence.leave()

    async def _moved(self, wanted: set[_Where], parts: int | None, transport: Transport | None) -> int:
        targets: dict[_Where, Layout] = {}
        moved, pending, patience = set[_Where](), set(wanted), _Patience()
        while True:
            hearing, stands = self._place.presence.heard.hearing, await self._stored()
            for where in (pending & stands.keys()) - targets.keys():
                targets[where] = await self._target(where[1], stands[where][0], parts, transport)
            if gone := targets.keys() & pending - stands.keys():
                raise _halted("dropped", gone)
            pending -= {w for w in targets.keys() & pending if _is_at(stands[w], targets[w])}
            pending -= {w for w in moved & pending if stands[w][0].until is None}  # and moved on since, by others
            if not pending:
                return len(moved)
            for where in (targets.keys() & pending) - moved:
                if await self._ordered(where, targets[where]):
                    moved.add(where)
            self._look_for_halts(pending)
            patience.check({where: stands.get(where, ()) for where in pending})
            await heard(hearing, BEAT_SECONDS)

    async def _ordered(self, where: _Where, target: Layout) -> bool:
        """Return whether this is moved from now on, by this order or one before."""
        return await moving.order(self._place, *where, target, await self._place.presence.beat())

    async def _target(self, log: str, stand: Stand, parts: int | None, transport: Transport | None) -> Layout:
        """Return how a log is to be followed. In Kafka its parts are the topic's partitions, always."""
        by = transport or stand.transport
        if by not in self._feeds[log]:
            raise Problem(
                "transport_unknown",
                f"The log of {log} does not come here by {by}.",
                kind=Kind.CONFLICT,
                remedy="Check the settings of this service; its own log always comes by postgres.",
            )
        if by == "postgres":
            return Layout(parts or stand.part.of, by)
        partitions = await self._feeds[log][by].parts()
        if parts not in (None, partitions):
            raise Problem(
                "parts_are_partitions",
                f"The topic has {partitions} partitions, and a log that comes by Kafka has as many parts.",
                kind=Kind.CONFLICT,
                remedy="Leave the number of parts out.",
            )
        return Layout(partitions, by)

    async def _projecting(self, projection: Projection) -> Sequence[Following]:
        generation = await generations.prepare(self._place.engine, self._place.service, projection)
        logs = [log for log in projection.logs if log in self._feeds]
        return [
            following
            for log in logs
            for feed in self._feeds[log].values()
            for following in followings_of(self._place, {log: feed}, projection, generation, [log])
        ]

    def _reacting(self, reaction: Reaction) -> Sequence[Following]:
        def followed(feed: Feed) -> Following:
            def follower(part: Part) -> Follower:
                return ReactionFollower(self._place, feed, reaction, self._passed, part)

            return Following(self._place, feed, Key("reaction", reaction.name), follower)

        return [followed(feed) for log in reaction.logs for feed in self._feeds.get(log, {}).values()]

    async def _stored(self) -> Mapping[tuple[Key, str], Sequence[Stand]]:
        async with bare(self._place.engine) as driver:
            return await all_stands(driver, self._place.service)

    def _look_for_halts(self, pending: Collection[_Where]) -> None:
        """Raise Problem `move_halted` where what is on the move has stopped here."""
        halted = [f.halted for following in self._sharing.followings for f in following.followers if f.halted]
        if halted:
            raise _halted(halted[0], pending)


class _Patience:
    """Waits as long as any part comes any further."""

    def __init__(self) -> None:
        self._seen: object = None
        self._since = 0.0

    def check(self, pending: Mapping[_Where, Sequence[Stand]]) -> None:
        """Raise Problem `log_unreadable` if for long nothing has moved of what is still to be moved."""
        seen = {where: [(s.part, s.position, s.until) for s in stands] for where, stands in pending.items()}
        now = asyncio.get_running_loop().time()
        if seen != self._seen:
            self._seen, self._since = seen, now
        if now - self._since < STUCK_SECONDS:
            return
        logs = sorted({log for _, log in pending})
        raise Problem(
            "log_unreadable",
            f"For {STUCK_SECONDS:.0f} s nobody has read any further in {', '.join(logs)}: its parts do not come to one "
            "place, from which they could be cut anew. The order stands, for when they do.",
            kind=Kind.UNAVAILABLE,
            remedy="If the log comes no more by its present transport, move in two steps: first `projections move "
            "--transport postgres` without --parts, which reads nothing, then `projections move --parts`.",
            members={"logs": logs, "readers": sorted({key.reader for key, _ in pending})},
        )


def _halted(reason: str, where: Collection[_Where]) -> Problem:
    return Problem(
        "move_halted",
        "A reader stopped on the way; what was not moved yet goes on as soon as it does.",
        kind=Kind.CONFLICT,
        remedy="Look at the alarm in the log, then move again.",
        members={"reason": reason, "readers": sorted({key.reader for key, _ in where})},
    )


def _wants(stand: Stand, beat: Beat) -> bool:
    return stand.key.kind == "projection" or on_the_move(stand, beat)


def _is_at(stands: Sequence[Stand], target: Layout) -> bool:
    return stands[0].until is None and Layout(stands[0].part.of, stands[0].transport) == target

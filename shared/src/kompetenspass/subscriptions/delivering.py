"""The deliverer: follows the service's own log for every subscription and posts what is due, in one process at a time.

A subscription's cursor says how far deliveries were planned; each planned one is a row until the receiver has it. What
is not recorded as delivered is sent again after a crash: at least once, never lost. Of one key (a stream) the next is
sent when the one before it was delivered or given up; others go on meanwhile. So many wait per subscription, then its
cursor stands, and the log itself keeps the rest.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from kompetenspass.core.clock import Clock
from kompetenspass.core.errors import Kind, Problem
from kompetenspass.events.audiences import key_for
from kompetenspass.events.codec import UnknownEventType
from kompetenspass.log.api import Recorded
from kompetenspass.subscriptions.attempting import Once
from kompetenspass.subscriptions.audience import types_for
from kompetenspass.subscriptions.delivery_log import Deliveries
from kompetenspass.subscriptions.journal import Asked, Journal, newest
from kompetenspass.subscriptions.sending import TIMEOUT_SECONDS
from kompetenspass.subscriptions.tables import Due, Planned, Subscription
from kompetenspass.web.telemetry import logger

_ROWS = 500
_SWEEP_SECONDS = 600.0
Flight = tuple[UUID, str]


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much at once: `flights` attempts and `waiting` planned deliveries per subscription, `total` attempts.

    A subscription that took nothing since an attempt failed has one attempt at a time. All attempts together leave room
    for the service's other calls, which go over the same hundred connections. How often it is looked: `look_seconds` at
    the latest, `least_seconds` at the soonest; `idle_seconds` while there is no active subscription. A delivery is held
    for `hold_seconds`, more than an attempt lasts: of two processes that take themselves for the one, one makes it.
    """

    flights: int = 8
    waiting: int = 1000
    total: int = 64
    hold_seconds: float = TIMEOUT_SECONDS + 10
    look_seconds: float = 0.5
    idle_seconds: float = 2.0
    least_seconds: float = 0.05


class Leads(Protocol):
    """What says whether this process is the one that delivers."""

    async def held(self) -> bool:
        """Return whether it is, trying to become it if not."""

    async def release(self) -> None:
        """Be it no longer."""


class Deliverer:
    """One loop for all subscriptions of a service; only the attempts run beside each other."""

    def __init__(
        self, journal: Journal, deliveries: Deliveries, once: Once, lead: Leads, clock: Clock, bounds: Bounds
    ) -> None:
        self._journal = journal
        self._deliveries = deliveries
        self._once = once
        self._lead = lead
        self._clock = clock
        self._bounds = bounds
        self._flying: dict[Flight, asyncio.Task[None]] = {}
        self._head: int | None = None
        self._done: dict[str, float] = {}
        self._looked: dict[UUID, tuple[int, int]] = {}

    async def run(self) -> None:
        """Deliver for as long as this process leads; return at once if another one does.

        Raises what the database raises; what was under way is given up and sent again.
        """
        try:
            more = False
            while await self._leads():
                if more or self._is_time("plan", self._bounds.least_seconds):
                    more = await self._plan_all()
                await self._send_due()
                await self._pause(more)
        finally:
            await self._land()

    async def _leads(self) -> bool:
        """Return whether this process still leads, asking now and then; once in a while it also clears away."""
        if self._is_time("lead", self._bounds.look_seconds / 2) and not await self._lead.held():
            return False
        if self._is_time("sweep", _SWEEP_SECONDS):
            await self._deliveries.sweep(self._clock())
        return True

    def _is_time(self, what: str, seconds: float) -> bool:
        """Return whether this was last done so long ago; then it counts as done now."""
        now = asyncio.get_running_loop().time()
        if now - self._done.get(what, float("-inf")) < seconds:
            return False
        self._done[what] = now
        return True

    async def _plan_all(self) -> bool:
        """Plan a page for each subscription that has room; return whether there may be more to plan now."""
        more = False
        active = await self._deliveries.active()
        if not active:
            self._head = None
            return False
        epoch, self._head = await self._journal.log.epoch(), await self._journal.log.head()
        self._looked = {one.id: self._looked[one.id] for one, _ in active if one.id in self._looked}
        for subscription, waiting in active:
            if subscription.epoch != epoch or subscription.position > self._head:
                await self._stop(subscription, "log_restored")
            elif subscription.position < self._head and waiting < self._bounds.waiting:
                more = await self._plan(subscription, self._bounds.waiting - waiting) or more
        return more

    async def _plan(self, subscription: Subscription, room: int) -> bool:
        """Plan a page, of at most `room` deliveries; return whether there may be more to plan now.

        The cursor is moved with what is planned; over events that are not sent it is moved by whole pages, and where
        this process has looked in between is remembered here alone.
        """
        limit, begin = min(_ROWS, room), self._begin(subscription)
        try:
            rows = await self._journal.kept(begin, limit)
        except Problem as problem:
            if problem.kind is not Kind.GONE:
                raise
            await self._stop(subscription, problem.code)
            return False
        reached, planned = self._chosen(subscription, begin, rows)
        if not planned and reached - subscription.position < _ROWS:
            self._looked[subscription.id] = subscription.position, reached
            moved = True
        else:
            moved = await self._deliveries.plan(subscription, reached, planned, self._clock())
        return moved and bool(rows) and reached == rows[-1].position and len(rows) == limit and len(planned) < room

    def _begin(self, subscription: Subscription) -> int:
        """Return after which event it has to be looked; a cursor that was set meanwhile is taken as it is."""
        stored, reached = self._looked.get(subscription.id, (-1, 0))
        return reached if stored == subscription.position else subscription.position

    def _chosen(self, subscription: Subscription, begin: int, rows: Sequence[Recorded]) -> tuple[int, list[Planned]]:
        """Return how far the rows were looked at, and what of them is to be delivered.

        An event whose bytes are broken is planned too: its delivery becomes a dead letter, and holds nobody up.
        """
        sent = types_for(self._journal.owner, subscription.audience)
        types = sent if subscription.types is None else sent & frozenset(subscription.types)
        asked, planned, reached = Asked(subscription.audience, types), [], begin
        for row in rows:
            try:
                wanted = self._journal.is_wanted(row, asked)
            except UnknownEventType as error:
                self._journal.alarm(row.position, type(error).__name__)
                break
            reached = row.position
            if wanted:
                key = key_for(row.stream, subscription.audience)
                planned.append(Planned(row.position, row.id, newest(row.type), key))
        return reached, planned

    async def _stop(self, subscription: Subscription, reason: str) -> None:
        """Send nothing more until its owner has said where to go on."""
        logger().error("webhook_stopped", subscription=str(subscription.id), reason=reason, alarm=True)
        await self._deliveries.disable(subscription.id, reason)

    async def _send_due(self) -> None:
        """Begin the attempts that are due, as far as there is room for them."""
        if self._head is None:
            return
        chosen = self._with_room(await self._deliveries.due(self._clock(), 2 * self._bounds.flights))
        for held in await self._deliveries.hold(chosen, self._bounds.hold_seconds) if chosen else ():
            due = held.due
            name = f"webhook {due.subscription.id} {due.position}"
            self._flying[due.subscription.id, due.key] = asyncio.create_task(self._once.deliver(held), name=name)

    def _with_room(self, dues: Sequence[Due]) -> Sequence[Due]:
        flights = Counter(subscription for subscription, _ in self._flying)
        chosen: list[Due] = []
        for due in dues:
            room = self._bounds.flights if due.subscription.failing_since is None else 1
            crowded = flights[due.subscription.id] >= room or flights.total() >= self._bounds.total
            if not crowded and (due.subscription.id, due.key) not in self._flying:
                flights[due.subscription.id] += 1
                chosen.append(due)
        return chosen

    async def _pause(self, more: bool) -> None:
        """Return when an attempt has ended, the log has grown, or it is time to look again. Raises what failed."""
        if not more:
            growth = asyncio.create_task(self._grown())
            try:
                await asyncio.wait({growth, *self._flying.values()}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                growth.cancel()
                await asyncio.gather(growth, return_exceptions=True)
        for flight, task in [(flight, task) for flight, task in self._flying.items() if task.done()]:
            del self._flying[flight]
            task.result()

    async def _grown(self) -> None:
        if self._head is None:
            await asyncio.sleep(self._bounds.idle_seconds)
        else:
            await asyncio.sleep(self._bounds.least_seconds)
            await self._journal.log.wait(self._head, self._bounds.look_seconds)

    async def _land(self) -> None:
        """Give up what is under way, and let another process lead."""
        for task in self._flying.values():
            task.cancel()
        await asyncio.gather(*self._flying.values(), return_exceptions=True)
        self._flying.clear()
        self._done.clear()
        await self._lead.release()

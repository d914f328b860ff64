"""One delivery: the event read from the log again, one attempt, and what follows from it, recorded."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

from kompetenspass.core.clock import Clock
from kompetenspass.log.api import LogDiffers
from kompetenspass.subscriptions.audience import types_for
from kompetenspass.subscriptions.backoff import HELD_FOR, next_attempt
from kompetenspass.subscriptions.delivery_log import Deliveries
from kompetenspass.subscriptions.journal import Asked, Journal
from kompetenspass.subscriptions.rendering import Sent
from kompetenspass.subscriptions.sending import Attempt, Sender
from kompetenspass.subscriptions.tables import Due, Held, Try
from kompetenspass.web.telemetry import logger


class Once:
    """Makes one attempt at a delivery that was taken. `chance` answers a number in [0, 1) for the jitter."""

    def __init__(
        self, journal: Journal, deliveries: Deliveries, sender: Sender, clock: Clock, chance: Callable[[], float]
    ) -> None:
        self._journal = journal
        self._deliveries = deliveries
        self._sender = sender
        self._clock = clock
        self._chance = chance

    async def deliver(self, held: Held) -> None:
        """Make the attempt and record it. Raises what the database raises: then it is made again."""
        try:
            await self._deliver(held)
        except asyncio.CancelledError:  # this process stops: another one need not wait until the time is over
            await self._deliveries.let_go(held)
            raise

    async def _deliver(self, held: Held) -> None:
        event = await self._event(held.due)
        if event is None:
            self._alarm("webhook_event_unreadable", held.due)
            now = self._clock()
            await self._deliveries.unreadable(held, Try(now, "event_unreadable", None, 0), now)
            return
        attempt = await self._attempt(held.due, event)
        now = self._clock()
        if attempt.delivered:
            await self._deliveries.delivered(held, attempt.tried, now)
        else:
            await self._failed(held, attempt, now)

    async def _event(self, due: Due) -> Sent | None:
        """Return what is to be sent, None where the log no longer has it, or where it cannot be read."""
        audience = due.subscription.audience
        try:
            rows = await self._journal.log.read(due.position - 1, 1)
            if not rows or (rows[0].position, rows[0].id) != (due.position, due.event_id):
                return None
            return self._journal.shown(rows[0], Asked(audience, types_for(self._journal.owner, audience)))
        except (ValueError, LookupError, LogDiffers):
            return None

    async def _attempt(self, due: Due, event: Sent) -> Attempt:
        begun = self._clock()
        try:
            return await self._sender.send(due.subscription, str(event.id), event.body)
        except Exception:  # whatever one receiver's address or answer leads to, it holds up no other receiver
            place = {"subscription": str(due.subscription.id), "position": due.position}
            logger().exception("webhook_attempt_failed", log=self._journal.owner, alarm=True, **place)
            return Attempt(Try(begun, "internal_error", None, 0), delivered=False)

    async def _failed(self, held: Held, attempt: Attempt, now: datetime) -> None:
        due = held.due
        failures, pause = due.failures + 1, attempt.pause
        next_at = next_attempt(now, since=due.since, attempts=failures, chance=self._chance(), asked=pause)
        kept = next_at or (now if attempt.gone else None)  # who is gone may come back, and then misses nothing
        not_before = now + pause if pause else None
        failing_since = await self._deliveries.failed(held, attempt.tried, kept, now=now, not_before=not_before)
        if attempt.gone:
            self._alarm("webhook_receiver_gone", due)
            await self._deliveries.disable(due.subscription.id, "gone")
        elif kept is None:
            self._alarm("webhook_dead_letter", due)
            if now - failing_since >= HELD_FOR:
                await self._deliveries.disable(due.subscription.id, "failing")

    def _alarm(self, what: str, due: Due) -> None:
        place = {"subscription": str(due.subscription.id), "position": due.position}
        logger().error(what, log=self._journal.owner, alarm=True, **place)

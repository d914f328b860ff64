"""Why a reaction acts, and the ids of what it writes: the same each time the same cause is handled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID, uuid5

from kompetenspass.core.ids import derived_event_id
from kompetenspass.events.base import Event
from kompetenspass.events.envelope import SYSTEM, Context
from kompetenspass.events.stacking import (
    ConstituentInvalidated,
    ConstituentRestored,
    StackRebound,
    StackReinstated,
    StackReviewOpened,
    StackSuspended,
)
from kompetenspass.log.api import Recorded
from services.issuance.service.stacking_ports import Due


@dataclass(frozen=True, slots=True)
class Cause:
    """An event, or a moment that came: its id, and the context of what follows from it."""

    id: UUID
    context: Context

    def again(self, number: int) -> Cause:
        """Return the same cause for a further look, whose events are others than those of the looks before."""
        return replace(self, id=uuid5(self.id, f"look {number}")) if number else self

    def ids(self, reaction: str, stream: str, events: Sequence[Event]) -> Callable[[int], UUID]:
        """Return what gives the n-th of `events`, read when it is asked, its id.

        Of some types several may come at once: what tells them apart is then part of the id.
        """

        def id_of(n: int) -> UUID:
            parts = (events[n].type, *_told_apart_by(events[n]))
            return derived_event_id(self.id, reaction, stream, "\n".join(parts))

        return id_of


def because_of(recorded: Recorded) -> Cause:
    """Return an event as the cause of what the system does then."""
    before = recorded.context
    context = Context(
        actor=SYSTEM,
        occurred_at=recorded.recorded,
        correlation_id=before.correlation_id,
        causation_id=str(recorded.id),
        traceparent=before.traceparent,
    )
    return Cause(recorded.id, context)


def because_it_is_due(due: Due, stream: str, now: datetime) -> Cause:
    """Return a moment that came as a cause; `stream` is what it is about."""
    id_ = uuid5(_MOMENTS, f"{stream}\n{due.due_at.isoformat()}\n{due.revision}")
    return Cause(id_, Context(actor=SYSTEM, occurred_at=now, correlation_id=str(id_)))


_MOMENTS = UUID("0f5f4b6e-6f2d-5a5e-8f0a-54c8f3a0f4c1")


def _told_apart_by(event: Event) -> Sequence[str]:
    match event:
        case ConstituentInvalidated() | ConstituentRestored():
            return (str(event.credential_id),)
        case StackRebound():
            return (str(event.from_credential_id), str(event.to.credential_id))
        case StackReviewOpened():
            return (str(event.constituent_id),)
        case StackSuspended() | StackReinstated():
            return (event.cause,)
        case _:
            return ()

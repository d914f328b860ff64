"""The context of what a reaction writes: the system acts, when and because something else was recorded."""

from __future__ import annotations

from kompetenspass.events.envelope import SYSTEM, Context
from kompetenspass.log.api import Recorded


def because_of(cause: Recorded) -> Context:
    """Return the context of the events that follow from `cause`."""
    before = cause.context
    return Context(
        actor=SYSTEM,
        occurred_at=cause.recorded,
        correlation_id=before.correlation_id,
        causation_id=str(cause.id),
        traceparent=before.traceparent,
    )

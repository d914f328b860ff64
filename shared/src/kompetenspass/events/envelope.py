"""The envelope of an event: what surrounds the payload in the stored bytes, and how those bytes are made and read."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from kompetenspass.core.clock import rfc3339
from kompetenspass.core.digest import canonical_json
from kompetenspass.core.errors import Problem
from kompetenspass.events.base import Event

_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")  # an escape, and not a backslash before the letters


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acted: an organisation in a role, never a person. `org` and `role` are `system` for timers and reactions."""

    org: str
    role: str


SYSTEM = Actor("system", "system")


@dataclass(frozen=True, slots=True)
class Context:
    """What a command knows about its cause; it goes into the envelope of every event that the command leads to."""

    actor: Actor
    occurred_at: datetime
    correlation_id: str
    causation_id: str | None = None
    traceparent: str | None = None
    policy_version: str = "1"


@dataclass(frozen=True, slots=True)
class Envelope:
    """One event with its context, as read back from the stored bytes."""

    id: UUID
    event: Event
    context: Context


@dataclass(frozen=True, slots=True)
class Draft:
    """One event ready for the log: `data` is the canonical envelope, and the same draft is always the same bytes."""

    id: UUID
    type: str
    data: str


def seal(event_id: UUID, event: Event, context: Context) -> Draft:
    """Return the draft of `event`: its envelope as canonical JSON (RFC 8785).

    Raises Problem `text_unusable` for a NUL character, which a reader's tables could not hold.
    """
    envelope = {
        "actor": {"org": context.actor.org, "role": context.actor.role},
        "causation_id": context.causation_id,
        "correlation_id": context.correlation_id,
        "id": str(event_id),
        "occurred_at": rfc3339(context.occurred_at),
        "payload": event.model_dump(mode="json"),
        "policy_version": context.policy_version,
        "traceparent": context.traceparent,
        "type": event.type,
    }
    data = canonical_json(envelope).decode("utf-8")
    if _NUL.search(data):
        raise Problem("text_unusable", "A text holds a NUL character.", remedy="Leave it out.")
    return Draft(event_id, event.type, data)


def opened(data: str) -> tuple[dict[str, Any], str, Context]:
    """Return the payload, the type string and the context that the stored bytes hold."""
    raw = json.loads(data)
    context = Context(
        actor=Actor(raw["actor"]["org"], raw["actor"]["role"]),
        occurred_at=datetime.fromisoformat(raw["occurred_at"]),
        correlation_id=raw["correlation_id"],
        causation_id=raw["causation_id"],
        traceparent=raw["traceparent"],
        policy_version=raw["policy_version"],
    )
    return raw["payload"], raw["type"], context

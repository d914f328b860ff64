"""The envelope of an event: what surrounds the payload in the stored bytes, and how those bytes are made and read."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar
from uuid import UUID

from pydantic import TypeAdapter
from typing_extensions import TypedDict

from kompetenspass.core.clock import rfc3339
from kompetenspass.core.digest import canonical_json
from kompetenspass.core.errors import Problem
from kompetenspass.events.base import Event

P = TypeVar("P")
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


class ActorRead(TypedDict):
    """An actor as the stored bytes hold it."""

    org: str
    role: str


class Read(TypedDict, Generic[P]):
    """What a reader of facts needs of the stored bytes; `payload` is the event, or what an older one of it holds."""

    payload: P
    type: str


class Surroundings(TypedDict):
    """What else the stored bytes of one event hold."""

    actor: ActorRead
    causation_id: str | None
    correlation_id: str
    occurred_at: datetime
    policy_version: str
    traceparent: str | None


_read_surroundings = TypeAdapter(Surroundings).validator.validate_json


def context_of(data: str) -> Context:
    """Return the context that the stored bytes of an event hold. Raises ValueError.

    It is read apart from the event, since most readers look at the event alone.
    """
    read: Surroundings = _read_surroundings(data, extra="ignore")
    return Context(
        actor=Actor(read["actor"]["org"], read["actor"]["role"]),
        occurred_at=read["occurred_at"],
        correlation_id=read["correlation_id"],
        causation_id=read["causation_id"],
        traceparent=read["traceparent"],
        policy_version=read["policy_version"],
    )


@dataclass(frozen=True, slots=True)
class Envelope:
    """One event as read back from the stored bytes `data`."""

    id: UUID
    event: Event
    data: str = field(repr=False)

    @property
    def context(self) -> Context:
        """The event's context. Raises ValueError."""
        return context_of(self.data)


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
    if "\\u0000" in data and _NUL.search(data):
        raise Problem("text_unusable", "A text holds a NUL character.", remedy="Leave it out.")
    return Draft(event_id, event.type, data)

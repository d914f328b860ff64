"""Events as CloudEvents 1.0: their attributes for an audience, in structured mode and as headers of Kafka.

Internally the data is the stored bytes, the whole envelope, so that nothing is lost on the way and a reader can check
them against the log. For others it is the part of the payload that they may see, in the newest version of the event.
Sources: CloudEvents 1.0.2, sections 3 and 4 of the core; JSON format; binding for Kafka (3.2); the extensions
partitioning, recorded time and distributed tracing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from kompetenspass.core.clock import rfc3339
from kompetenspass.core.digest import canonical_around, canonical_json
from kompetenspass.events.audiences import for_audience, key_for, reaches, stream_is_shown
from kompetenspass.events.base import Audience, Event
from kompetenspass.events.codec import EVENTS
from kompetenspass.events.envelope import Context

STRUCTURED = "application/cloudevents+json"
JSON = "application/json"


class Stated(Protocol):
    """An event as a log holds it."""

    @property
    def position(self) -> int:
        """Its place in the owner's log."""

    @property
    def stream(self) -> str:
        """The stream that it stands in."""

    @property
    def version(self) -> int:
        """Its place in the stream."""

    @property
    def id(self) -> UUID:
        """Its id."""

    @property
    def type(self) -> str:
        """Its type, in the version in which it was stored."""

    @property
    def recorded(self) -> datetime:
        """When the log took it."""

    @property
    def data(self) -> str:
        """The stored bytes: the envelope as canonical JSON."""

    @property
    def event(self) -> Event:
        """The event, lifted to its newest version."""

    @property
    def context(self) -> Context:
        """What surrounds it."""


@dataclass(frozen=True, slots=True)
class CloudEvent:
    """One event as an audience may see it: its attributes, all of them texts, and its data as JSON in UTF-8."""

    attributes: dict[str, str]
    data: bytes

    @property
    def key(self) -> str:
        """The partition key: what has the same key keeps its order."""
        return self.attributes["partitionkey"]

    def structured(self) -> dict[str, Any]:
        """Return the event in structured mode, as JSON values, for the media type `STRUCTURED`."""
        return {**self.attributes, "data": json.loads(self.data)}

    def structured_json(self) -> bytes:
        """Return the event in structured mode as canonical JSON; the data is that already."""
        return canonical_around(self.attributes, "data", self.data)

    def kafka_headers(self) -> list[tuple[str, bytes]]:
        """Return the headers of a Kafka record in binary mode; its value is `data` and its key is `key`."""
        return [(_header(name), value.encode()) for name, value in self.attributes.items()]


def cloud_event(stated: Stated, audience: Audience, *, source: str) -> CloudEvent | None:
    """Return the event for an audience; None where it has nothing to show to it.

    `source` is the public base URL of the service that owns the log. Raises as decoding the event does.
    """
    if audience == "internal":
        return CloudEvent(_internal(stated, source), stated.data.encode())
    known = EVENTS.get(stated.type)
    if known and not reaches(known, audience):
        return None  # without decoding it: most events are not for everybody
    payload = for_audience(stated.event, audience)
    if payload is None:
        return None
    return CloudEvent(_shown(stated, audience, source), canonical_json(payload))


def schema_url(source: str, event_type: str, audience: Audience) -> str:
    """Return where a service publishes the JSON Schema of one of its events."""
    return f"{source}/v1/events/schemas/{event_type}.{audience}.schema.json"


def _internal(stated: Stated, source: str) -> dict[str, str]:
    context = stated.context
    named = _common(stated, stated.type, "internal", source, context)
    named |= {"subject": stated.stream, "streamversion": str(stated.version)}
    return named | ({"traceparent": context.traceparent} if context.traceparent else {})


def _shown(stated: Stated, audience: Audience, source: str) -> dict[str, str]:
    context = stated.context
    named = _common(stated, stated.event.type, audience, source, context)
    if stream_is_shown(stated.stream, audience):
        named |= {"subject": stated.stream, "actororg": context.actor.org, "actorrole": context.actor.role}
    return named


def _common(stated: Stated, event_type: str, audience: Audience, source: str, context: Context) -> dict[str, str]:
    """Return the attributes that all audiences see. `position` is a text: an Integer of CloudEvents has 32 bits."""
    return {
        "specversion": "1.0",
        "id": str(stated.id),
        "source": source,
        "type": event_type,
        "time": rfc3339(context.occurred_at),
        "datacontenttype": JSON,
        "dataschema": schema_url(source, event_type, audience),
        "partitionkey": key_for(stated.stream, audience),
        "position": str(stated.position),
        "recordedtime": rfc3339(stated.recorded),
    }


def _header(name: str) -> str:
    return "content-type" if name == "datacontenttype" else f"ce_{name}"

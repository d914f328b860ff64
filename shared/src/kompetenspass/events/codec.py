"""Type string to class and back; old versions are lifted to the newest by pure upcasts when they are read."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter

from kompetenspass.events import catalog, issuance, registry, stacking, verification, wallet
from kompetenspass.events.base import Event
from kompetenspass.events.envelope import Envelope, Read

_OWNERS = (catalog, issuance, stacking, registry, verification, wallet)

EVENTS: dict[str, type[Event]] = {
    thing.type: thing
    for module in _OWNERS
    for thing in vars(module).values()
    if isinstance(thing, type) and issubclass(thing, Event) and thing.__module__ == module.__name__
}
"""Every event of the platform by its type string."""

Upcast = Callable[[dict[str, Any]], dict[str, Any]]
UPCASTS: dict[str, tuple[str, Upcast]] = {}
"""Old type string to (newer type string, payload -> payload)."""


class UnknownEventType(LookupError):
    """The log holds a type that this version of the platform does not know."""


def decode(event_type: str, payload: dict[str, Any]) -> Event:
    """Return the event, lifted to its newest version. Raises UnknownEventType, or ValueError for a broken payload."""
    while event_type in UPCASTS:
        event_type, upcast = UPCASTS[event_type]
        payload = upcast(payload)
    if event_type not in EVENTS:
        raise UnknownEventType(event_type)
    return EVENTS[event_type].read(payload)


def event_of(event_type: str, data: str) -> Event:
    """Return the event that the stored bytes `data` of a type hold. Raises as `decode` does.

    An event of the newest version is parsed and validated in one go; what surrounds it is passed over.
    """
    newest = None if event_type in UPCASTS else EVENTS.get(event_type)
    read = _reader(newest or dict[str, Any])(data, extra="ignore")
    if read["type"] != event_type:
        raise ValueError(f"the bytes hold {read['type']}, not {event_type}")
    event: Event = read["payload"] if newest else decode(event_type, read["payload"])
    return event


def envelope(event_id: UUID, event_type: str, data: str) -> Envelope:
    """Return the envelope that the stored bytes `data` of a type hold. Raises as `decode` does."""
    return Envelope(event_id, event_of(event_type, data), data)


@cache
def _reader(payload: Any) -> Callable[..., Read[Any]]:
    """Return the validator's own method: the adapter around it costs as much as a small event."""
    return TypeAdapter(Read[payload]).validator.validate_json

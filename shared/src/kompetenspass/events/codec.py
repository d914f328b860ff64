"""Type string to class and back; old versions are lifted to the newest by pure upcasts when they are read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from kompetenspass.events import catalog, issuance, registry, stacking, verification, wallet
from kompetenspass.events.base import Event
from kompetenspass.events.envelope import Envelope, opened

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


def envelope(event_id: UUID, data: str) -> Envelope:
    """Return the envelope that the stored bytes `data` hold."""
    payload, event_type, context = opened(data)
    return Envelope(event_id, decode(event_type, payload), context)

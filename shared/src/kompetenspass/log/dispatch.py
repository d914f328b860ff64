"""Which handler an event goes to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Generic, TypeVar

from kompetenspass.events.base import Event
from kompetenspass.events.codec import UPCASTS, UnknownEventType
from kompetenspass.log.api import Recorded

H = TypeVar("H")


class Dispatch(Generic[H]):
    """Finds the handler of an event by its stored type string, without decoding the event."""

    def __init__(self, handlers: Mapping[type[Event], H]) -> None:
        self._handlers = {event.type: handler for event, handler in handlers.items()}
        self._names = {event_type.rpartition(".")[0] for event_type in self._handlers}
        self._concerned: dict[str, bool] = {}

    def handler(self, recorded: Recorded) -> H | None:
        """Return the handler, None for an event that does not concern the reader.

        Raises UnknownEventType for an event that does, in a version newer than this code.
        """
        event_type = recorded.type
        while event_type in UPCASTS:
            event_type = UPCASTS[event_type][0]
        found = self._handlers.get(event_type)
        if found is None and event_type.rpartition(".")[0] in self._names:
            raise UnknownEventType(event_type)
        return found

    def concerns(self, recorded: Recorded) -> bool:
        """Return whether the reader has something to do with the event, be it to fail."""
        known = self._concerned.get(recorded.type)
        if known is None:
            known = self._concerned[recorded.type] = self._concerns(recorded)
        return known

    def _concerns(self, recorded: Recorded) -> bool:
        try:
            return self.handler(recorded) is not None
        except UnknownEventType:
            return True

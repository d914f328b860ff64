"""What the handlers of all logs begin with: the event, and what is kept of where it stands."""

from __future__ import annotations

from typing import Any, TypeVar

from kompetenspass.events.base import Event
from kompetenspass.log.api import Recorded

_E = TypeVar("_E", bound=Event)


def of(kind: type[_E], recorded: Recorded) -> _E:
    """Return the event of a handler that is called for events of this kind only."""
    event = recorded.event
    assert isinstance(event, kind)
    return event


def when(recorded: Recorded) -> dict[str, Any]:
    """Return which event a row is of, and where that stands in its log."""
    return {"event_id": recorded.id, "at": recorded.recorded, "position": recorded.position}

"""What the handlers of all logs share: the event, the note that facts have changed, the moment of an award."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import TypeVar

from kompetenspass.events.base import Event
from kompetenspass.log.api import Recorded
from kompetenspass.log.project import Handler
from kompetenspass.log.writing import Writing
from services.issuance.tables import changes

_E = TypeVar("_E", bound=Event)


def of(kind: type[_E], recorded: Recorded) -> _E:
    """Return the event of a handler that is called for events of this kind only."""
    event = recorded.event
    assert isinstance(event, kind)
    return event


def noted(handler: Handler) -> Handler:
    """Return the handler, noting as well how far its log has changed the facts: what was read before is then old."""

    async def handle(writing: Writing, recorded: Recorded) -> None:
        await handler(writing, recorded)
        writing.upsert(changes, {"log": recorded.event.owner(), "position": recorded.position})

    return handle


def awarded_at(day: date, recorded: Recorded) -> datetime:
    """Return the moment of an award: when it was made, or the start of its day if that is an earlier one.

    So awards of one day, made one after the other, have an order.
    """
    made = recorded.context.occurred_at.astimezone(UTC)
    return made if made.date() == day else datetime.combine(day, time(), UTC)

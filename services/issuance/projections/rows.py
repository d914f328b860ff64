"""What the handlers of all logs share: the event, the note that facts have changed, the moment of an award."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from typing import TypeVar

from sqlalchemy import select, tuple_
from sqlalchemy.dialects.postgresql import insert

from kompetenspass.events.base import Event
from kompetenspass.log.api import Recorded
from kompetenspass.log.project import Handler
from kompetenspass.log.writing import Writing
from services.issuance.tables import changed_streams, changes

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
        writing.later(_note, recorded)

    return handle


async def _note(writing: Writing, changed: Sequence[Recorded]) -> None:
    """Let each log's number grow by what its streams have moved: the same in whatever order the streams come."""
    newest = {(one.event.owner(), one.stream): one.position for one in sorted(changed)}
    its = changed_streams.c
    known = select(its.log, its.stream, its.position).where(tuple_(its.log, its.stream).in_(list(newest)))
    before = {(one.log, one.stream): one.position for one in await writing.execute(known)}
    grown: dict[str, int] = {}
    for (log, stream), position in newest.items():
        if (by := position - before.get((log, stream), 0)) > 0:
            writing.upsert(changed_streams, {"log": log, "stream": stream, "position": position})
            grown[log] = grown.get(log, 0) + by
    for log, by in grown.items():
        more = insert(changes).values(log=log, moved=by)
        total = {"moved": changes.c.moved + more.excluded.moved}
        await writing.execute(more.on_conflict_do_update(index_elements=["log"], set_=total))


def awarded_at(day: date, recorded: Recorded) -> datetime:
    """Return the moment of an award: when it was made, or the start of its day if that is an earlier one.

    So awards of one day, made one after the other, have an order.
    """
    made = recorded.context.occurred_at.astimezone(UTC)
    return made if made.date() == day else datetime.combine(day, time(), UTC)

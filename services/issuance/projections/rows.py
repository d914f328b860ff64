"""Rows as handlers write them: inserted, or brought up to date."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Any, TypeVar

from sqlalchemy import Table
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from kompetenspass.events.base import Event
from kompetenspass.log.api import Recorded
from kompetenspass.log.project import Handler
from services.issuance.tables import changes

_E = TypeVar("_E", bound=Event)


def of(kind: type[_E], recorded: Recorded) -> _E:
    """Return the event of a handler that is called for events of this kind only."""
    event = recorded.event
    assert isinstance(event, kind)
    return event


async def put(connection: AsyncConnection, table: Table, row: Mapping[str, Any]) -> None:
    """Insert the row, or bring the one with its primary key up to date."""
    changed = {name: value for name, value in row.items() if not table.columns[name].primary_key}
    statement = insert(table).values(**row)
    if changed:
        statement = statement.on_conflict_do_update(index_elements=list(table.primary_key.columns), set_=changed)
    else:
        statement = statement.on_conflict_do_nothing()
    await connection.execute(statement)


def noted(handler: Handler) -> Handler:
    """Return the handler, noting as well how far its log has changed the facts: what was read before is then old."""

    async def handle(connection: AsyncConnection, recorded: Recorded) -> None:
        await handler(connection, recorded)
        await put(connection, changes, {"log": recorded.event.owner(), "position": recorded.position})

    return handle


def awarded_at(day: date, recorded: Recorded) -> datetime:
    """Return the moment of an award: when it was made, or the start of its day if that is an earlier one.

    So awards of one day, made one after the other, have an order.
    """
    made = recorded.context.occurred_at.astimezone(UTC)
    return made if made.date() == day else datetime.combine(day, time(), UTC)

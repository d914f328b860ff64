"""Rows as handlers write them: each event's own, written once however often the event is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from sqlalchemy import Table
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

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


async def put(connection: AsyncConnection, table: Table, row: Mapping[str, Any]) -> None:
    """Insert a row unless it is there."""
    await connection.execute(insert(table).values(**row).on_conflict_do_nothing())


async def put_newest(connection: AsyncConnection, table: Table, row: Mapping[str, Any]) -> None:
    """Insert a row, or bring the one with its primary key up to date if that is of an earlier event of the log."""
    statement = insert(table).values(**row)
    statement = statement.on_conflict_do_update(
        index_elements=list(table.primary_key.columns),
        set_={name: statement.excluded[name] for name in row if not table.columns[name].primary_key},
        where=table.c.position < statement.excluded.position,
    )
    await connection.execute(statement)

"""Events that a reader could not handle, with all later ones of their stream, until a person decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import structlog
from sqlalchemy import ColumnElement, and_, delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from kompetenspass.log.api import Recorded
from kompetenspass.log.cursors import Key
from kompetenspass.log.tables import GENERATIONS, PARKED

BEHIND = "behind"  # the error of an event that waits for an earlier one of its stream

logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Parked:
    """One parked event: whose reader, where it stands, and the class of the error (`behind`: it only waits)."""

    key: Key
    log: str
    position: int
    stream: str
    event_id: UUID
    type: str
    error: str


async def park(connection: AsyncConnection, key: Key, log: str, recorded: Recorded, error: str) -> None:
    """Put the event aside and raise the alarm."""
    await connection.execute(
        insert(PARKED)
        .values(
            kind=key.kind,
            reader=key.reader,
            generation=key.generation,
            log=log,
            position=recorded.position,
            stream=recorded.stream,
            event_id=recorded.id,
            type=recorded.type,
            error=error,
        )
        .on_conflict_do_nothing()
    )
    alarm = {"reader": key.reader, "log": log, "position": recorded.position, "type": recorded.type, "error": error}
    logger.critical("event_parked", alarm=True, **alarm)


async def list_parked(connection: AsyncConnection) -> Sequence[Parked]:
    """Return what is parked of live generations and of reactions, in log order."""
    live = and_(GENERATIONS.c.projection == PARKED.c.reader, GENERATIONS.c.number == PARKED.c.generation)
    rows = await connection.execute(
        select(PARKED)
        .outerjoin(GENERATIONS, and_(live, PARKED.c.kind == "projection"))
        .where((PARKED.c.kind == "reaction") | GENERATIONS.c.live)
        .order_by(PARKED.c.kind, PARKED.c.reader, PARKED.c.log, PARKED.c.position)
    )
    return [
        Parked(Key(r.kind, r.reader, r.generation), r.log, r.position, r.stream, r.event_id, r.type, r.error)
        for r in rows
    ]


async def unpark(connection: AsyncConnection, event: Parked) -> None:
    """Forget that the event was parked: it was handled, or a person decided to leave it out."""
    await connection.execute(
        delete(PARKED).where(_of(event.key), PARKED.c.log == event.log, PARKED.c.position == event.position)
    )


def _of(key: Key) -> ColumnElement[bool]:
    return and_(PARKED.c.kind == key.kind, PARKED.c.reader == key.reader, PARKED.c.generation == key.generation)

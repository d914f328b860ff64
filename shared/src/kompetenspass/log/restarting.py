"""Reactions begin a log anew that was restored from a backup: it lacks events that they had read, or holds others."""

from __future__ import annotations

import structlog
from sqlalchemy import ColumnElement, Table, and_, delete, select, text

from kompetenspass.core.errors import Kind, Problem, not_found
from kompetenspass.log.cursors import Key
from kompetenspass.log.generations import transaction
from kompetenspass.log.presence import ALIVE
from kompetenspass.log.runner import Place
from kompetenspass.log.tables import CURSORS, PARKED, schemas

logger = structlog.get_logger(__name__)


async def restart(place: Place, key: Key, log: str) -> None:
    """Forget how far a reaction has come in a log, and what it parked there: its next process begins with event 1.

    What it did for an event before has the same ids, and is not done twice. Raises Problem `not_found` for one that
    never read the log, `reader_is_followed` while a process has it: one that halted there does not.
    """
    async with transaction(place.engine, schemas(place.service)) as connection:
        holders = select(CURSORS.c.holder).where(_of(CURSORS, key, log)).with_for_update()
        held = set(await connection.scalars(holders))
        if not held:
            raise not_found("reaction")
        if held & {row.id for row in await connection.execute(text(ALIVE))}:
            raise Problem(
                "reader_is_followed",
                f"A process follows {key.reader} just now.",
                kind=Kind.CONFLICT,
                remedy="Only what has halted is begun anew, or what no process runs.",
                members={"reader": key.reader, "log": log},
            )
        for table in (CURSORS, PARKED):
            await connection.execute(delete(table).where(_of(table, key, log)))
    logger.warning("reader_restarted", reader=key.reader, log=log)


def _of(table: Table, key: Key, log: str) -> ColumnElement[bool]:
    c = table.c
    return and_(c.kind == key.kind, c.reader == key.reader, c.generation == key.generation, c.log == log)

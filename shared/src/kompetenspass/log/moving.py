"""Moves: a reader's log is cut into other parts, or comes over another transport, while it is followed or stands still.

First all parts run up to one position, the furthest that any of them has reached, and rest there. Then, in one
transaction, their cursors are replaced by as many new ones at that position. Nobody steps over it unseen: the fences of
the old parts end with the order to move, those of the new ones are higher.

Where only the transport changes nothing runs anywhere: a part of so many holds the same streams over each, and goes on
where it stands. So a log leaves a transport that is gone for good.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import structlog
from sqlalchemy import ColumnElement, and_, delete, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from kompetenspass.core.errors import Kind, Problem
from kompetenspass.log.cursors import Key, Layout, Stand
from kompetenspass.log.generations import transaction
from kompetenspass.log.presence import ALIVE, Beat
from kompetenspass.log.runner import Place
from kompetenspass.log.tables import CURSORS, lock, schemas

ALONE = Beat(0, (), frozenset())
_C = CURSORS.c
_FILLED = f"""
SELECT count(*) FROM {{service}}.runner_cursor
WHERE kind = 'projection' AND reader = :reader AND generation > :generation
AND generation > coalesce(
    (SELECT max(number) FROM {{service}}.runner_generation WHERE projection = :reader AND live), 0)
AND holder <> :me AND holder = ANY (ARRAY(SELECT id FROM ({ALIVE}) AS present))
"""  # noqa: S608  a service's name, that may stand in SQL as it is
"""What others fill, that will take the place of what is moved."""

logger = structlog.get_logger(__name__)


async def order(place: Place, key: Key, log: str, to: Layout, beat: Beat = ALONE) -> bool:
    """Have a reader's log cut into other parts; return False if that is how it is followed already.

    `beat`: who moves logs now. What somebody ordered who is gone leads elsewhere from now on. Raises Problem
    `move_under_way` where somebody who is there has ordered something else, `replay_under_way`.
    """
    async with transaction(place.engine, schemas(place.service)) as connection:
        if key.kind == "projection":
            await lock(connection, f"{place.service} {key.reader}")
        rows = await _locked(connection, key, log)
        if not rows or (rows[0].until is None and Layout(rows[0].parts, rows[0].transport) == to):
            return False
        if rows[0].until is not None and Layout(rows[0].to_parts, rows[0].to_transport) == to:
            return True
        await _check(connection, place, key, rows, beat)
        await connection.execute(update(CURSORS).where(_is(key, log)).values(_ordered(rows, to)))
    await place.at("ordered")
    return True


def has_arrived(stands: Sequence[Stand]) -> bool:
    """Return whether all parts stand where they rest."""
    return all(stand.until is not None and stand.position >= stand.until for stand in stands)


async def swap(place: Place, key: Key, log: str) -> bool:
    """Replace a reader's cursors by those of its new parts; return False if not all have arrived, or it is done.

    A process of the code before knows nothing of where a part rests: what it took further the others come up to first.
    """
    async with transaction(place.engine, schemas(place.service)) as connection:
        rows = await _locked(connection, key, log)
        if not rows or any(row.until is None or row.position < row.until for row in rows):
            return False
        furthest = max(row.position for row in rows)
        if furthest > rows[0].until:
            again = update(CURSORS).where(_is(key, log)).values(until=furthest, fence=_C.fence + 1)
            await connection.execute(again)
            logger.warning("move_goes_further", reader=key.reader, log=log, position=furthest)
            return False
        await connection.execute(delete(CURSORS).where(_is(key, log)))
        await connection.execute(insert(CURSORS), _new_parts(key, log, rows))
        await place.at("swapping")
    to = {"parts": rows[0].to_parts, "transport": rows[0].to_transport}
    logger.info("log_moved", reader=key.reader, log=log, position=rows[0].until, **to)
    await place.at("swapped")
    return True


def _ordered(rows: Sequence[Any], to: Layout) -> dict[Any, Any]:
    """Return what an order writes: the number of parts stays, and they go on at once, or they run to one position."""
    now = Layout(rows[0].parts, rows[0].transport)
    if now.parts != to.parts:
        until = rows[0].until if rows[0].until is not None else max(row.position for row in rows)
        return {"until": until, "to_parts": to.parts, "to_transport": to.transport, "fence": _C.fence + 1}
    offset = {} if now.transport == to.transport else {"next_offset": None}
    nowhere = {"until": None, "to_parts": None, "to_transport": None}
    return {"transport": to.transport, **offset, **nowhere, "holder": None, "fence": _C.fence + 1}


async def _check(connection: AsyncConnection, place: Place, key: Key, rows: Sequence[Any], beat: Beat) -> None:
    """Raise Problem `move_under_way`, `replay_under_way` where what is ordered may not be."""
    if rows[0].until is not None and set(beat.peers) - {beat.me}:
        raise Problem(
            "move_under_way",
            f"Another command moves {key.reader} elsewhere just now.",
            kind=Kind.CONFLICT,
            remedy="Let it end, or end it; then move again.",
            members={"reader": key.reader, "parts": rows[0].to_parts, "transport": rows[0].to_transport},
        )
    its = {"reader": key.reader, "generation": key.generation, "me": beat.me}
    filled = text(_FILLED.format(service=place.service))
    if key.kind == "projection" and await connection.scalar(filled, its):
        raise Problem(
            "replay_under_way",
            f"New tables of {key.reader} are being filled, by a replay or a new version, and take these ones' place.",
            kind=Kind.CONFLICT,
            remedy="Let that end, or end the replay or the new version's processes; then move again.",
            members={"reader": key.reader},
        )


def _new_parts(key: Key, log: str, rows: Sequence[Any]) -> list[dict[str, object]]:
    whose = {"kind": key.kind, "reader": key.reader, "generation": key.generation, "log": log}
    where = {"epoch": rows[0].epoch, "position": rows[0].until}
    where["event_id"] = next((row.event_id for row in rows if row.event_id), None)
    moments = [row.checked_at for row in rows]
    where["checked_at"] = None if None in moments else min(moments)
    how = {"parts": rows[0].to_parts, "transport": rows[0].to_transport, "fence": max(row.fence for row in rows) + 1}
    return [{**whose, **where, **how, "part": part} for part in range(rows[0].to_parts)]


async def _locked(connection: AsyncConnection, key: Key, log: str) -> Sequence[Any]:
    rows = await connection.execute(select(CURSORS).where(_is(key, log)).order_by(_C.part).with_for_update())
    return rows.all()


def _is(key: Key, log: str) -> ColumnElement[bool]:
    return and_(_C.kind == key.kind, _C.reader == key.reader, _C.generation == key.generation, _C.log == log)

"""How far each reader has come in each part of a log: the cursor, that moves in its transaction while it is its own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import asyncpg
from sqlalchemy import ColumnElement, and_, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from kompetenspass.log.api import WHOLE, Cursor, Part, Recorded, Transport
from kompetenspass.log.presence import ALIVE, BEAT_SECONDS, SILENT_SECONDS
from kompetenspass.log.tables import CURSORS, GENERATIONS, lock

_WITHOUT_WAITING = "set_config('synchronous_commit', 'off', true) = 'off'"
"""Always true; for the rest of its transaction, the commit does not wait for the disk."""

_LANE = "(kind, reader, generation, log, part) = ($1, $2, $3, $4, $5)"
_IS_DEAD = f"holder <> ALL (ARRAY(SELECT id FROM ({ALIVE}) AS present))"  # noqa: S608  as below

_ADVANCE = f"""
UPDATE {{service}}.runner_cursor SET position = $9, event_id = $10, next_offset = $11
WHERE {_LANE} AND epoch = $6 AND position = $7 AND fence = $8 AND {_WITHOUT_WAITING}
"""  # noqa: S608  a service's name, that may stand in SQL as it is
_STORE = f"""
WITH said AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::int[], $4::text[], $5::int[], $6::uuid[], $7::bigint[],
                         $8::bigint[], $9::bigint[], $10::uuid[], $11::bigint[], $12::timestamptz[])
    AS s (kind, reader, generation, log, part, epoch, before, fence, position, event_id, next_offset, moment)
), held AS MATERIALIZED (
    SELECT s.* FROM {{service}}.runner_cursor c
    JOIN said s ON (s.kind, s.reader, s.generation, s.log, s.part) = (c.kind, c.reader, c.generation, c.log, c.part)
    WHERE c.epoch = s.epoch AND c.position = s.before AND c.fence = s.fence
    FOR UPDATE OF c SKIP LOCKED
), stored AS (
    UPDATE {{service}}.runner_cursor c
    SET position = h.position, event_id = h.event_id, next_offset = h.next_offset,
        checked_at = coalesce(h.moment, c.checked_at)
    FROM held h
    WHERE (h.kind, h.reader, h.generation, h.log, h.part) = (c.kind, c.reader, c.generation, c.log, c.part)
    AND {_WITHOUT_WAITING}
    RETURNING c.kind, c.reader, c.generation, c.log, c.part
)
SELECT kind, reader, generation, log, part, c.parts, t.kind IS NOT NULL AS is_stored
FROM said s JOIN {{service}}.runner_cursor c USING (kind, reader, generation, log, part)
LEFT JOIN stored t USING (kind, reader, generation, log, part)
WHERE c.epoch = s.epoch AND c.position = s.before AND c.fence = s.fence
"""  # noqa: S608  as above
_TAKE = f"""
UPDATE {{service}}.runner_cursor SET holder = $6, fence = fence + 1
WHERE {_LANE} AND parts = $7 AND transport = $8 AND (holder IS NULL OR holder = $6 OR {_IS_DEAD})
RETURNING epoch, position, event_id, next_offset, fence, until
"""  # noqa: S608  as above
_END_DEAD = f"""
SELECT pg_terminate_backend(a.pid)
FROM {{service}}.runner_cursor c JOIN pg_locks t ON t.transactionid = c.xmax AND t.granted
JOIN pg_stat_activity a ON a.pid = t.pid
WHERE {_LANE} AND {_IS_DEAD} AND a.wait_event_type = 'Client'
AND a.state_change < clock_timestamp() - interval '{SILENT_SECONDS - 2 * BEAT_SECONDS} seconds'
"""  # noqa: S608  as above
_RELEASE = f"""
UPDATE {{service}}.runner_cursor SET holder = NULL WHERE {_LANE} AND holder = $6 AND parts = $7
"""  # noqa: S608  as above
_STANDING = """
SELECT (SELECT live FROM {service}.runner_generation WHERE projection = $2 AND number = $3) AS live,
       ARRAY(SELECT DISTINCT stream FROM {service}.runner_parked
             WHERE kind = $1 AND reader = $2 AND generation = $3 AND log = $4) AS aside
"""
_STANDS = """SELECT c.kind, c.reader, c.generation, c.log, c.part, c.parts, c.transport, c.position, c.checked_at,
       c.holder, c.until, c.kind = 'reaction' OR coalesce(g.live, false) AS live
FROM {service}.runner_cursor c
LEFT JOIN {service}.runner_generation g
ON (c.kind, c.reader, c.generation) = ('projection', g.projection, g.number)
ORDER BY c.kind, c.reader, c.generation, c.log, c.part
"""


class Taken(Exception):
    """The cursor is not where this runner left it, or not its own any more."""


class Held(Exception):
    """Another process has this part of the log, or it is cut into other parts now."""


@dataclass(frozen=True, slots=True)
class Key:
    """Whose cursor it is: a projection's generation, or a reaction (generation 0)."""

    kind: Literal["projection", "reaction"]
    reader: str
    generation: int = 0


@dataclass(frozen=True, slots=True)
class Lane:
    """One reader's way through one part of a log: what has a cursor."""

    key: Key
    log: str
    part: Part = WHOLE

    @property
    def row(self) -> tuple[str, str, int, str, int]:
        """The primary key of its cursor."""
        return self.key.kind, self.key.reader, self.key.generation, self.log, self.part.number


@dataclass(frozen=True, slots=True)
class Layout:
    """In how many parts, and over which transport, a reader follows a log."""

    parts: int
    transport: Transport


@dataclass(frozen=True, slots=True)
class Opened:
    """A cursor that is this process's own as long as `fence` stands; it goes no further than `until`."""

    cursor: Cursor
    fence: int
    until: int | None = None


@dataclass(frozen=True, slots=True)
class Stamp:
    """A cursor that moves from `before` to `after`; `moment`: when nothing stood after that, None: not known."""

    lane: Lane
    fence: int
    before: Cursor
    after: Cursor
    moment: datetime | None


@dataclass(frozen=True, slots=True)
class Stand:
    """What is stored of one cursor; `live`: of a reaction, or of the generation that is read."""

    key: Key
    log: str
    position: int
    checked_at: datetime | None
    part: Part = WHOLE
    transport: Transport = "postgres"
    holder: int | None = None
    until: int | None = None
    live: bool = True


def after(cursor: Cursor, recorded: Recorded) -> Cursor:
    """Return the cursor once all up to an event is done."""
    return Cursor(cursor.epoch, recorded.position, recorded.id, cursor.offset)


async def begin(connection: AsyncConnection, service: str, key: Key, log: str, layout: Layout, epoch: UUID) -> None:
    """Make the cursors of a reader that has none in this log, before the first event of its present epoch.

    A projection's new generation follows in parts as its live one does, whatever `layout` says; one that was dropped
    gets none.
    """
    await lock(connection, f"{service} {key.kind} {key.reader} {log}")
    there = await connection.scalar(select(func.count()).select_from(CURSORS).where(_is(key, log)))
    if there or not await _exists(connection, key):
        return
    layout = await _live_layout(connection, key, log) or layout
    whose = {"kind": key.kind, "reader": key.reader, "generation": key.generation, "log": log}
    how = {"parts": layout.parts, "transport": layout.transport, "epoch": epoch, "position": 0}
    rows = [{**whose, "part": part, **how} for part in range(layout.parts)]
    await connection.execute(insert(CURSORS).values(rows).on_conflict_do_nothing())


async def take(driver: asyncpg.Connection, service: str, lane: Lane, transport: Transport, me: int) -> Opened:
    """Make a cursor this process's own: one that nobody holds, or whose holder is dead. Raises Held.

    A holder that was frozen in the middle of a transaction has the row locked: that transaction is ended.
    """
    await driver.execute(_END_DEAD.format(service=service), *lane.row)
    wanted = (*lane.row, me, lane.part.of, transport)
    row = await driver.fetchrow(_TAKE.format(service=service), *wanted, timeout=SILENT_SECONDS)
    if row is None:
        raise Held(lane.key.reader)
    cursor = Cursor(row["epoch"], row["position"], row["event_id"], row["next_offset"])
    return Opened(cursor, row["fence"], row["until"])


async def release(driver: asyncpg.Connection, service: str, lane: Lane, me: int) -> None:
    """Let others have the cursor, if it is still this process's own."""
    await driver.execute(_RELEASE.format(service=service), *lane.row, me, lane.part.of)


async def advance(
    driver: asyncpg.Connection, service: str, lane: Lane, fence: int, before: Cursor, after: Cursor
) -> None:
    """Move the cursor from where this runner left it, and hold its row. Raises Taken if it is not there any more.

    The transaction need not wait for the disk: lost in a crash, it takes what was applied with it, and is done again.
    """
    moved = (before.epoch, before.position, fence, after.position, after.event_id, after.offset)
    if await driver.execute(_ADVANCE.format(service=service), *lane.row, *moved) != "UPDATE 1":
        raise Taken(lane.key.reader)


async def store(driver: asyncpg.Connection, service: str, stamps: Sequence[Stamp]) -> Mapping[Lane, bool]:
    """Move and stamp many cursors in one statement; return of those that were where this runner left them whether they
    are stored now.

    It waits for nobody, and so holds up nobody: a cursor whose row another transaction holds just now is not stored.
    """
    columns = zip(*((*stamp.lane.row, *_moved(stamp)) for stamp in stamps), strict=True)
    stored = await driver.fetch(_STORE.format(service=service), *columns)
    return {_lane(row): row["is_stored"] for row in stored}


async def standing(driver: asyncpg.Connection, service: str, key: Key, log: str) -> tuple[bool, frozenset[str]]:
    """Return whether the reader's generation is there and behind the views, and the streams that it has parked."""
    row = await driver.fetchrow(_STANDING.format(service=service), key.kind, key.reader, key.generation, log)
    assert row is not None
    return bool(row["live"]), frozenset(row["aside"])


async def hold(connection: AsyncConnection, key: Key, log: str) -> None:
    """Keep the reader's runners from moving the cursors in a log until the transaction ends."""
    held = select(CURSORS.c.position).where(_is(key, log)).order_by(CURSORS.c.part)
    await connection.execute(held.with_for_update())


async def stands(connection: AsyncConnection, service: str) -> list[Stand]:
    """Return the cursors of live generations and of reactions."""
    rows = await connection.execute(text(_STANDS.format(service=service)))
    return [stand for stand in map(_stand, rows.mappings()) if stand.live]


async def all_stands(driver: asyncpg.Connection, service: str) -> Mapping[tuple[Key, str], Sequence[Stand]]:
    """Return all cursors, of each reader in each log its parts in order; asked once a second by each process."""
    found: defaultdict[tuple[Key, str], list[Stand]] = defaultdict(list)
    for stand in map(_stand, await driver.fetch(_STANDS.format(service=service))):
        found[stand.key, stand.log].append(stand)
    return dict(found)


async def _exists(connection: AsyncConnection, key: Key) -> bool:
    its = and_(GENERATIONS.c.projection == key.reader, GENERATIONS.c.number == key.generation)
    return key.kind == "reaction" or bool(await connection.scalar(select(func.count()).where(its)))


async def _live_layout(connection: AsyncConnection, key: Key, log: str) -> Layout | None:
    """Return how a projection's live generation follows a log, or will as soon as a move is over."""
    c, live = CURSORS.c, select(GENERATIONS.c.number).where(GENERATIONS.c.projection == key.reader, GENERATIONS.c.live)
    its = and_(c.kind == "projection", c.reader == key.reader, c.log == log, c.generation.in_(live))
    how = select(func.coalesce(c.to_parts, c.parts), func.coalesce(c.to_transport, c.transport)).where(its).limit(1)
    row = (await connection.execute(how)).one_or_none() if key.kind == "projection" else None
    return row and Layout(*row)


def _is(key: Key, log: str) -> ColumnElement[bool]:
    c = CURSORS.c
    return and_(c.kind == key.kind, c.reader == key.reader, c.generation == key.generation, c.log == log)


def _moved(s: Stamp) -> tuple[Any, ...]:
    after = (s.after.position, s.after.event_id, s.after.offset)
    return (s.before.epoch, s.before.position, s.fence, *after, s.moment)


def _lane(row: Any) -> Lane:
    return Lane(Key(row["kind"], row["reader"], row["generation"]), row["log"], Part(row["part"], row["parts"]))


def _stand(row: Any) -> Stand:
    lane = _lane(row)
    there = (row["position"], row["checked_at"], lane.part, row["transport"], row["holder"], row["until"], row["live"])
    return Stand(lane.key, lane.log, *there)

"""How far each reader has come: the runner's own tables, and the cursor that moves in the reader's transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

import asyncpg
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    DateTime,
    Integer,
    MetaData,
    Table,
    Text,
    Uuid,
    and_,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from kompetenspass.log.api import Recorded

SERVICE = "service"  # stands for the service's own schema in the runner's statements
RUNNER = MetaData(schema=SERVICE)

CURSORS = Table(
    "runner_cursor",
    RUNNER,
    Column("kind", Text, primary_key=True),
    Column("reader", Text, primary_key=True),
    Column("generation", Integer, primary_key=True),
    Column("log", Text, primary_key=True),
    Column("epoch", Uuid, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("event_id", Uuid),
    Column("checked_at", DateTime(timezone=True)),
    postgresql_with={"fillfactor": 50},
)
GENERATIONS = Table(
    "runner_generation",
    RUNNER,
    Column("projection", Text, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("code_version", Integer, nullable=False),
    Column("live", Boolean, nullable=False),
)
PARKED = Table(
    "runner_parked",
    RUNNER,
    Column("kind", Text, primary_key=True),
    Column("reader", Text, primary_key=True),
    Column("generation", Integer, primary_key=True),
    Column("log", Text, primary_key=True),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("stream", Text, nullable=False),
    Column("event_id", Uuid, nullable=False),
    Column("type", Text, nullable=False),
    Column("error", Text, nullable=False),
)


_WITHOUT_WAITING = "set_config('synchronous_commit', 'off', true) = 'off'"
"""Always true; for the rest of its transaction, the commit does not wait for the disk."""

_ADVANCE = f"""
UPDATE {{service}}.runner_cursor SET position = $7, event_id = $8
WHERE (kind, reader, generation, log) = ($1, $2, $3, $4) AND epoch = $5 AND position = $6 AND {_WITHOUT_WAITING}
"""  # noqa: S608  a service's name, that may stand in SQL as it is
_STORE = f"""
WITH said AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::int[], $4::text[], $5::uuid[], $6::bigint[], $7::bigint[],
                         $8::uuid[], $9::timestamptz[])
    AS s (kind, reader, generation, log, epoch, before, position, event_id, moment)
), held AS MATERIALIZED (
    SELECT s.* FROM {{service}}.runner_cursor c
    JOIN said s ON (s.kind, s.reader, s.generation, s.log) = (c.kind, c.reader, c.generation, c.log)
    WHERE c.epoch = s.epoch AND c.position = s.before
    FOR UPDATE OF c SKIP LOCKED
), stored AS (
    UPDATE {{service}}.runner_cursor c
    SET position = h.position, event_id = h.event_id, checked_at = coalesce(h.moment, c.checked_at)
    FROM held h
    WHERE (h.kind, h.reader, h.generation, h.log) = (c.kind, c.reader, c.generation, c.log) AND {_WITHOUT_WAITING}
    RETURNING c.kind, c.reader, c.generation, c.log
)
SELECT kind, reader, generation, log, t.kind IS NOT NULL AS is_stored
FROM said s JOIN {{service}}.runner_cursor c USING (kind, reader, generation, log)
LEFT JOIN stored t USING (kind, reader, generation, log)
WHERE c.epoch = s.epoch AND c.position = s.before
"""  # noqa: S608  as above
_STANDING = """
SELECT (SELECT live FROM {service}.runner_generation WHERE projection = $2 AND number = $3) AS live,
       ARRAY(SELECT DISTINCT stream FROM {service}.runner_parked
             WHERE kind = $1 AND reader = $2 AND generation = $3 AND log = $4) AS aside
"""


class Taken(Exception):
    """The cursor is not where this runner left it: another runner has the reader."""


@dataclass(frozen=True, slots=True)
class Key:
    """Whose cursor it is: a projection's generation, or a reaction (generation 0)."""

    kind: Literal["projection", "reaction"]
    reader: str
    generation: int = 0


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last event that was applied: where it stands in which life of the log, and its id (None before the first)."""

    epoch: UUID
    position: int
    event_id: UUID | None

    def at(self, recorded: Recorded) -> Cursor:
        """Return the cursor after `recorded`."""
        return Cursor(self.epoch, recorded.position, recorded.id)


@dataclass(frozen=True, slots=True)
class Stamp:
    """A cursor that moves from `before` to `after`; `moment`: when nothing stood after that, None: not known."""

    key: Key
    log: str
    before: Cursor
    after: Cursor
    moment: datetime | None


@dataclass(frozen=True, slots=True)
class Stand:
    """What is stored of one cursor."""

    key: Key
    log: str
    position: int
    checked_at: datetime | None


def schemas(service: str, tables: str | None = None) -> Mapping[str | None, str | None]:
    """Return the `schema_translate_map`: the runner's tables in the service's schema, unqualified ones in `tables`."""
    return {None: tables or service, SERVICE: service}


async def install_runner_tables(engine: AsyncEngine, service: str) -> None:
    """Make the runner's tables in the service's schema, unless they are there."""
    async with engine.connect() as plain:
        connection = await plain.execution_options(schema_translate_map=schemas(service))
        async with connection.begin():
            await lock(connection, f"{service} runner")
            await connection.run_sync(RUNNER.create_all)


async def lock(connection: AsyncConnection, name: str) -> None:
    """Wait for the right to do what `name` says, until the transaction ends."""
    await connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))


async def open_cursor(connection: AsyncConnection, key: Key, log: str, epoch: UUID) -> Cursor:
    """Return the stored cursor; a new one starts before the first event of the log in its present epoch."""
    fresh = {"kind": key.kind, "reader": key.reader, "generation": key.generation, "log": log}
    await connection.execute(
        insert(CURSORS).values(**fresh, epoch=epoch, position=0, event_id=None).on_conflict_do_nothing()
    )
    row = (
        await connection.execute(
            select(CURSORS.c.epoch, CURSORS.c.position, CURSORS.c.event_id).where(_is(CURSORS, key, log))
        )
    ).one()
    return Cursor(row.epoch, row.position, row.event_id)


async def advance(driver: asyncpg.Connection, service: str, key: Key, log: str, before: Cursor, after: Cursor) -> None:
    """Move the cursor from where this runner left it, and hold its row. Raises Taken if it is not there any more.

    The transaction need not wait for the disk: lost in a crash, it takes what was applied with it, and is done again.
    """
    its = (key.kind, key.reader, key.generation, log, before.epoch, before.position, after.position, after.event_id)
    if await driver.execute(_ADVANCE.format(service=service), *its) != "UPDATE 1":
        raise Taken(key.reader)


async def store(driver: asyncpg.Connection, service: str, stamps: Sequence[Stamp]) -> Mapping[tuple[Key, str], bool]:
    """Move and stamp many cursors in one statement; return of those that were where this runner left them whether they
    are stored now.

    It waits for nobody, and so holds up nobody: a cursor whose row another transaction holds just now is not stored.
    """
    keys = [(s.key.kind, s.key.reader, s.key.generation, s.log) for s in stamps]
    moves = [(s.before.epoch, s.before.position, s.after.position, s.after.event_id, s.moment) for s in stamps]
    columns = (*zip(*keys, strict=True), *zip(*moves, strict=True))
    stored = await driver.fetch(_STORE.format(service=service), *columns)
    return {(Key(row["kind"], row["reader"], row["generation"]), row["log"]): row["is_stored"] for row in stored}


async def standing(driver: asyncpg.Connection, service: str, key: Key, log: str) -> tuple[bool, frozenset[str]]:
    """Return whether the reader's generation is there and behind the views, and the streams that it has parked."""
    row = await driver.fetchrow(_STANDING.format(service=service), key.kind, key.reader, key.generation, log)
    assert row is not None
    return bool(row["live"]), frozenset(row["aside"])


async def hold(connection: AsyncConnection, key: Key, log: str) -> None:
    """Keep the reader's runner from moving the cursor until the transaction ends."""
    await connection.execute(select(CURSORS.c.position).where(_is(CURSORS, key, log)).with_for_update())


async def stands(connection: AsyncConnection) -> list[Stand]:
    """Return the cursors of live generations and of reactions."""
    live = and_(GENERATIONS.c.projection == CURSORS.c.reader, GENERATIONS.c.number == CURSORS.c.generation)
    rows = await connection.execute(
        select(CURSORS)
        .outerjoin(GENERATIONS, and_(live, CURSORS.c.kind == "projection"))
        .where((CURSORS.c.kind == "reaction") | GENERATIONS.c.live)
        .order_by(CURSORS.c.kind, CURSORS.c.reader, CURSORS.c.log)
    )
    return [Stand(Key(r.kind, r.reader, r.generation), r.log, r.position, r.checked_at) for r in rows]


def _is(table: Table, key: Key, log: str) -> ColumnElement[bool]:
    c = table.c
    return and_(c.kind == key.kind, c.reader == key.reader, c.generation == key.generation, c.log == log)

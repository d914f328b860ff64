"""Generations of a projection: the live tables behind the views, new ones filled beside, and the switch."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import Row, Table, and_, delete, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.schema import CreateIndex, CreateSchema, CreateTable, DropSchema

from kompetenspass.core.errors import Kind, Problem
from kompetenspass.log.bare import both
from kompetenspass.log.project import Projection
from kompetenspass.log.tables import CURSORS, GENERATIONS, PARKED, lock, schemas

_LIVE = "SELECT number FROM {service}.runner_generation WHERE projection = $1 AND code_version = $2 AND live"

_INDEX_SECONDS = 24 * 3600.0  # of a large table it takes longer than anything else that is asked of the database


@dataclass(frozen=True, slots=True)
class Generation:
    """One set of a projection's tables, made by one version of its code."""

    projection: str
    number: int
    code_version: int
    live: bool

    def schema(self, service: str) -> str:
        """Return the database schema that its tables live in."""
        return f"{service}_{self.projection}_g{self.number}"


@asynccontextmanager
async def transaction(
    engine: AsyncEngine, translate: Mapping[str | None, str | None]
) -> AsyncIterator[AsyncConnection]:
    """Return a connection inside a transaction in which unqualified tables stand for those of a schema."""
    async with engine.connect() as plain:
        connection = await plain.execution_options(schema_translate_map=translate)
        async with connection.begin():
            yield connection


@asynccontextmanager
async def statements(engine: AsyncEngine, translate: Mapping[str | None, str | None]) -> AsyncIterator[AsyncConnection]:
    """Return a connection on which each statement is a transaction of its own: one round trip."""
    async with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as plain:
        yield await plain.execution_options(schema_translate_map=translate)


async def prepare(engine: AsyncEngine, service: str, projection: Projection) -> Generation:
    """Return the generation that this version of the code keeps up to date, making it where there is none.

    The very first one is live at once, empty; a later one becomes live by `switch`, once it has caught up.
    """
    async with transaction(engine, schemas(service)) as connection:
        await lock(connection, f"{service} {projection.name}")
        known = await generations(connection, projection.name)
        fitting = [g for g in known if g.code_version == projection.version]
        if fitting:
            return max(fitting, key=lambda g: (g.live, g.number))
        made = await _made(connection, service, projection, number=_next(known), live=not known)
        if made.live:
            await _show(connection, service, projection, made)
        return made


async def begin_replay(engine: AsyncEngine, service: str, projection: Projection) -> Generation:
    """Make a new, empty generation beside the live one; what an earlier replay left unfinished is dropped.

    Raises Problem `move_under_way` while the live one is being cut into other parts.
    """
    async with transaction(engine, schemas(service)) as connection:
        await lock(connection, f"{service} {projection.name}")
        known = await generations(connection, projection.name)
        live = max((g.number for g in known if g.live), default=0)
        await _check_rests(connection, projection.name, live)
        unfinished = [g for g in known if g.number > live and g.code_version == projection.version]
        for generation in unfinished:
            await _drop(connection, service, generation)
        known = [g for g in known if g not in unfinished]
        return await _made(connection, service, projection, number=_next(known), live=False)


async def index(engine: AsyncEngine, service: str, projection: Projection, filled: Generation) -> None:
    """Make the indexes that its tables were filled without."""
    if not projection.indexed_last:
        return
    async with both(engine.execution_options(isolation_level="AUTOCOMMIT")) as (connection, driver):
        quote = connection.dialect.identifier_preparer.quote
        await driver.execute(f"SET LOCAL search_path TO {quote(filled.schema(service))}")
        for table in projection.metadata.sorted_tables:
            for missing in table.indexes:
                made = CreateIndex(missing, if_not_exists=True).compile(dialect=connection.dialect)
                await driver.execute(str(made), timeout=_INDEX_SECONDS)


async def switch(engine: AsyncEngine, service: str, projection: Projection, to: Generation) -> bool:
    """Put `to` behind the views, in one transaction; return False if it is behind the live one, or gone.

    Those who fill a new version's tables go on to follow them, over whatever transport they have. A replay does not:
    Problem `replay_halted` where the live ones come over another transport by now, so that nobody would follow these.
    """
    async with transaction(engine, schemas(service)) as connection:
        await lock(connection, f"{service} {projection.name}")
        known = await generations(connection, projection.name)
        live = next((g for g in known if g.live), None)
        if to.number not in {g.number for g in known}:
            return False
        if live is not None and live.number != to.number:
            if live.code_version == to.code_version and await _are_apart(connection, to, live):
                raise replay_halted("other_transport")
            if not await _has_reached(connection, to, live, projection.logs):
                return False
            await _hide(connection, service, live)
        await connection.execute(
            update(GENERATIONS)
            .where(GENERATIONS.c.projection == projection.name)
            .values(live=GENERATIONS.c.number == to.number)
        )
        await _show(connection, service, projection, to)
        return True


async def drop_old(engine: AsyncEngine, service: str, projection: str) -> int:
    """Drop every generation older than the live one; return how many there were."""
    async with transaction(engine, schemas(service)) as connection:
        await lock(connection, f"{service} {projection}")
        known = await generations(connection, projection)
        live = max((g.number for g in known if g.live), default=0)
        old = [g for g in known if g.number < live]
        for generation in old:
            await _drop(connection, service, generation)
        return len(old)


async def generations(connection: AsyncConnection, projection: str) -> Sequence[Generation]:
    """Return the generations of a projection, oldest first."""
    rows = await connection.execute(
        select(GENERATIONS).where(GENERATIONS.c.projection == projection).order_by(GENERATIONS.c.number)
    )
    return [Generation(r.projection, r.number, r.code_version, r.live) for r in rows]


async def live_one(driver: asyncpg.Connection, service: str, projection: Projection) -> Generation | None:
    """Return the generation behind the views if this version of the code made it; asked often, and by all."""
    row = await driver.fetchrow(_LIVE.format(service=service), projection.name, projection.version)
    return row and Generation(projection.name, row["number"], projection.version, live=True)


def replay_halted(reason: str) -> Problem:
    """Return what a replay says that cannot end."""
    return Problem(
        "replay_halted",
        "The replay stopped; the live tables stay.",
        kind=Kind.CONFLICT,
        remedy="Look at the alarm in the log, then replay again.",
        members={"reason": reason},
    )


def _next(known: Sequence[Generation]) -> int:
    return max((g.number for g in known), default=0) + 1


async def _made(
    connection: AsyncConnection, service: str, projection: Projection, *, number: int, live: bool
) -> Generation:
    made = Generation(projection.name, number, projection.version, live)
    schema = made.schema(service)
    await connection.execute(DropSchema(schema, cascade=True, if_exists=True))
    await connection.execute(CreateSchema(schema))
    await connection.execute(
        insert(GENERATIONS).values(
            projection=projection.name, number=number, code_version=projection.version, live=live
        )
    )
    tables = await connection.execution_options(schema_translate_map=schemas(service, schema))
    if projection.indexed_last and not live:
        for table in projection.metadata.sorted_tables:
            await tables.execute(CreateTable(table))
    else:
        await tables.run_sync(projection.metadata.create_all)
    await connection.execution_options(schema_translate_map=schemas(service))
    return made


async def _check_rests(connection: AsyncConnection, projection: str, live: int) -> None:
    c = CURSORS.c
    its = and_(c.kind == "projection", c.reader == projection, c.generation == live, c.until.is_not(None))
    if await connection.scalar(select(func.count()).select_from(CURSORS).where(its)):
        raise Problem(
            "move_under_way",
            "The live tables' log is being cut into other parts, or comes by another transport soon.",
            kind=Kind.CONFLICT,
            remedy="Let the move end, or run it again, until `projections list` shows no `until`; then replay.",
        )


async def _are_apart(connection: AsyncConnection, one: Generation, other: Generation) -> bool:
    """Return whether two generations follow a log over different transports, or will."""
    c = CURSORS.c
    its = and_(c.kind == "projection", c.reader == one.projection, c.generation.in_([one.number, other.number]))
    how = func.count(func.distinct(func.coalesce(c.to_transport, c.transport)))
    return bool((await connection.execute(select(c.log).where(its).group_by(c.log).having(how > 1))).first())


async def _has_reached(connection: AsyncConnection, new: Generation, live: Generation, logs: Collection[str]) -> bool:
    """Return whether `new` has read `logs` to their heads, and stands nowhere behind `live`, whose runners are held
    until the switch is done.

    Part by part where both follow a log in the same parts, else all parts of the one and all of the other. A restored
    log is another one: how far somebody was in its former epoch says nothing.
    """
    old, its = await _rows(connection, live, hold=True), await _rows(connection, new, hold=False)
    if set(logs) - {row.log for row in its} or any(row.checked_at is None for row in its):
        return False  # somebody began it anew
    held, reached = _by_part(old), _by_part(its)
    for log, parts in held.items():
        ours = reached.get(log, parts)  # the new one may not read this log any more
        if ours.keys() == parts.keys():
            if any(ours[part] < position for part, position in parts.items()):
                return False
        elif min(ours.values()) < max(parts.values()):
            return False
    return True


async def _rows(connection: AsyncConnection, generation: Generation, *, hold: bool) -> Sequence[Row[Any]]:
    """Return a generation's cursors, if wanted so that they move no further."""
    c = CURSORS.c
    its = select(CURSORS).where(c.kind == "projection", c.reader == generation.projection)
    its = its.where(c.generation == generation.number).order_by(c.log, c.part)
    return (await connection.execute(its.with_for_update() if hold else its)).all()


def _by_part(rows: Sequence[Row[Any]]) -> Mapping[tuple[str, UUID], Mapping[tuple[int, int], int]]:
    """Return, for each log and its epoch, and each part of it, how far the cursors are."""
    found: dict[tuple[str, UUID], dict[tuple[int, int], int]] = {}
    for row in rows:
        found.setdefault((row.log, row.epoch), {})[row.part, row.parts] = row.position
    return found


async def _show(connection: AsyncConnection, service: str, projection: Projection, generation: Generation) -> None:
    for table in projection.metadata.sorted_tables:
        view, source = _quoted(connection, service, table), _quoted(connection, generation.schema(service), table)
        await connection.execute(text(f"DROP VIEW IF EXISTS {view}"))
        await connection.execute(text(f"CREATE VIEW {view} AS SELECT * FROM {source}"))  # noqa: S608  quoted names


async def _hide(connection: AsyncConnection, service: str, generation: Generation) -> None:
    """Drop the views on a generation's tables, also those of tables that the new version no longer has."""
    views = await connection.scalars(
        text(
            "SELECT DISTINCT quote_ident(view_schema) || '.' || quote_ident(view_name) "
            "FROM information_schema.view_table_usage WHERE view_schema = :service AND table_schema = :tables"
        ),
        {"service": service, "tables": generation.schema(service)},
    )
    for view in views.all():
        await connection.execute(text(f"DROP VIEW {view}"))


async def _drop(connection: AsyncConnection, service: str, generation: Generation) -> None:
    await connection.execute(DropSchema(generation.schema(service), cascade=True, if_exists=True))
    for table in (CURSORS, PARKED):
        await connection.execute(
            delete(table).where(
                table.c.kind == "projection",
                table.c.reader == generation.projection,
                table.c.generation == generation.number,
            )
        )
    await connection.execute(
        delete(GENERATIONS).where(
            GENERATIONS.c.projection == generation.projection, GENERATIONS.c.number == generation.number
        )
    )


def _quoted(connection: AsyncConnection, schema: str, table: Table) -> str:
    quote = connection.dialect.identifier_preparer.quote
    return f"{quote(schema)}.{quote(table.name)}"

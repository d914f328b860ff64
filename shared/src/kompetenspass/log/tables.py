"""The runner's own tables, in the service's schema: cursors, generations, parked events."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Integer, MetaData, Table, Text, Uuid, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

SERVICE = "service"  # stands for the service's own schema in the runner's statements
RUNNER = MetaData(schema=SERVICE)

CURSORS = Table(
    "runner_cursor",
    RUNNER,
    Column("kind", Text, primary_key=True),
    Column("reader", Text, primary_key=True),
    Column("generation", Integer, primary_key=True, autoincrement=False),
    Column("log", Text, primary_key=True),
    Column("part", Integer, primary_key=True, autoincrement=False, server_default=text("0")),
    Column("parts", Integer, nullable=False, server_default=text("1")),
    Column("transport", Text, nullable=False, server_default="postgres"),
    Column("epoch", Uuid, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("event_id", Uuid),
    Column("next_offset", BigInteger),
    Column("checked_at", DateTime(timezone=True)),
    Column("holder", Integer),
    Column("fence", BigInteger, nullable=False, server_default=text("0")),
    Column("until", BigInteger),
    Column("to_parts", Integer),
    Column("to_transport", Text),
    postgresql_with={"fillfactor": 50},
)
"""How far a reader has come in part `part` of `parts` of a log, over which transport. `holder`: the process that has
it, by its presence; `fence`: one more at each change of hands. While a move is under way, `until`: how far it goes
before it rests, and into how many parts, over which transport, it is cut then."""

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

_HAS_PARTS = """
SELECT count(*) FROM information_schema.columns
WHERE (table_schema, table_name, column_name) = (:service, 'runner_cursor', 'part')
"""
_ADD_PARTS = """
ALTER TABLE {service}.runner_cursor
ADD COLUMN IF NOT EXISTS part integer NOT NULL DEFAULT 0,
ADD COLUMN IF NOT EXISTS parts integer NOT NULL DEFAULT 1,
ADD COLUMN IF NOT EXISTS transport text NOT NULL DEFAULT 'postgres',
ADD COLUMN IF NOT EXISTS next_offset bigint,
ADD COLUMN IF NOT EXISTS holder integer,
ADD COLUMN IF NOT EXISTS fence bigint NOT NULL DEFAULT 0,
ADD COLUMN IF NOT EXISTS until bigint,
ADD COLUMN IF NOT EXISTS to_parts integer,
ADD COLUMN IF NOT EXISTS to_transport text,
DROP CONSTRAINT runner_cursor_pkey,
ADD CONSTRAINT runner_cursor_pkey PRIMARY KEY (kind, reader, generation, log, part)
"""
"""Of a table from before logs were followed in parts: each cursor is that of the one part that there was."""


def schemas(service: str, tables: str | None = None) -> Mapping[str | None, str | None]:
    """Return the `schema_translate_map`: the runner's tables in the service's schema, unqualified ones in `tables`."""
    return {None: tables or service, SERVICE: service}


async def install_runner_tables(engine: AsyncEngine, service: str) -> None:
    """Make the runner's tables in the service's schema, or bring them up to date; does nothing where they are.

    A process of the code before may go on beside: it moves a cursor only from where it left it.
    """
    async with engine.connect() as plain:
        connection = await plain.execution_options(schema_translate_map=schemas(service))
        async with connection.begin():
            await lock(connection, f"{service} runner")
            await connection.run_sync(RUNNER.create_all)
            if not await connection.scalar(text(_HAS_PARTS), {"service": service}):
                await connection.execute(text(_ADD_PARTS.format(service=service)))


async def lock(connection: AsyncConnection, name: str) -> None:
    """Wait for the right to do what `name` says, until the transaction ends."""
    await connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))

"""Direct: statements compiled once give the rows that SQLAlchemy gives, and survive what it survives."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import UUID

import asyncpg
import pytest
from sqlalchemy import (
    DateTime,
    Integer,
    String,
    Uuid,
    any_,
    bindparam,
    column,
    event,
    func,
    literal,
    literal_column,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.ext.asyncio import AsyncEngine

from kompetenspass.core.errors import Problem
from kompetenspass.embedded.provision import connected
from kompetenspass.log.direct import Direct
from kompetenspass.testing.postgres import Database
from kompetenspass.web.migrate import engine_of

WHO = select(func.pg_backend_pid().label("pid"))
NUMBERS = select(func.generate_series(1, bindparam("most", type_=Integer)).label("number"))


@pytest.fixture
async def engine(database: Database) -> AsyncIterator[AsyncEngine]:
    made = engine_of(database.dsn("issuance"), "issuance")
    yield made
    await made.dispose()


async def test_rows_have_the_columns_of_the_statement_and_the_values_that_sqlalchemy_gives(engine: AsyncEngine) -> None:
    statement = select(
        bindparam("who", type_=Uuid).label("who"),
        bindparam("at", type_=DateTime(timezone=True)).label("at"),
        literal_column("""'{"a": [1, null]}'::jsonb""", JSONB).label("said"),
        (literal("b", String) == any_(bindparam("among", type_=ARRAY(String)))).label("found"),
    )
    values = {"who": UUID(int=7), "at": datetime(2026, 11, 21, tzinfo=UTC), "among": ["a", "b"]}
    (row,) = await Direct(statement).rows(engine, **values)
    async with engine.connect() as connection:
        expected = (await connection.execute(statement, values)).one()
    assert tuple(row) == tuple(expected)
    assert (row.who, row.said, row.found) == (UUID(int=7), {"a": [1, None]}, True)


async def test_the_same_statement_is_asked_again_with_other_values(engine: AsyncEngine) -> None:
    numbers = Direct(NUMBERS)
    assert [row.number for row in await numbers.rows(engine, most=3)] == [1, 2, 3]
    assert await numbers.rows(engine, most=0) == []


@pytest.mark.parametrize("at_once", [1, 5])
async def test_connections_that_were_lost_are_replaced(engine: AsyncEngine, database: Database, at_once: int) -> None:
    who = Direct(WHO)
    before = {row.pid for (row,) in await asyncio.gather(*(who.rows(engine) for _ in range(at_once)))}
    async with connected(database.admin_dsn) as admin:
        for pid in before:
            await admin.execute("select pg_terminate_backend($1, 5000)", pid)
    (after,) = await who.rows(engine)
    assert after.pid not in before


async def test_what_ends_each_connection_that_asks_it_is_told_after_the_second(engine: AsyncEngine) -> None:
    with pytest.raises(Problem, match="database_unavailable"):
        await Direct(select(func.pg_terminate_backend(func.pg_backend_pid()))).rows(engine)
    assert len(await Direct(NUMBERS).rows(engine, most=1)) == 1


async def test_what_the_database_refuses_is_asked_once_and_raised(
    engine: AsyncEngine, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, fetch = list[str](), asyncpg.Connection.fetch

    async def counted(connection: asyncpg.Connection, query: str, *arguments: object, **options: object) -> object:
        asked.append(query)
        return await fetch(connection, query, *arguments, **options)

    monkeypatch.setattr(asyncpg.Connection, "fetch", counted)
    with pytest.raises(asyncpg.UndefinedTableError):
        await Direct(select(column("nothing")).select_from(text("no_such_table"))).rows(engine)
    assert len(asked) == 1
    assert len(await Direct(NUMBERS).rows(engine, most=1)) == 1


async def test_what_is_read_often_goes_to_the_driver_alone(engine: AsyncEngine) -> None:
    sent = list[str]()
    event.listen(engine.sync_engine, "before_cursor_execute", lambda *_: sent.append("by SQLAlchemy"))
    numbers = Direct(NUMBERS)
    assert [len(await numbers.rows(engine, most=most)) for most in (2, 3)] == [2, 3]
    assert sent == []


def test_a_statement_whose_text_depends_on_its_values_is_refused() -> None:
    with pytest.raises(ValueError, match="depends on its values"):
        Direct(select(literal(1).in_(bindparam("among", expanding=True, type_=Integer)).label("found")))


async def test_who_goes_away_while_a_statement_runs_leaves_the_pool_as_it_was(engine: AsyncEngine) -> None:
    numbers = Direct(NUMBERS)
    await numbers.rows(engine, most=1)
    waiting = asyncio.create_task(Direct(select(func.pg_sleep(30))).rows(engine))
    await numbers.rows(engine, most=1)  # by then it runs
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert engine.pool.checkedout() == 0  # type: ignore[attr-defined]  # this kind of pool counts
    assert len(await Direct(NUMBERS).rows(engine, most=1)) == 1

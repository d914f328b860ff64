"""Direct: statements compiled once give the rows that SQLAlchemy gives, and survive what it survives."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import UUID

import pytest
from sqlalchemy import DateTime, Integer, String, Uuid, any_, bindparam, cast, column, func, literal, select, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

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
        cast({"a": [1, None]}, JSONB).label("said"),
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


async def test_a_connection_that_was_lost_is_replaced(engine: AsyncEngine, database: Database) -> None:
    who = Direct(WHO)
    (before,) = await who.rows(engine)
    async with connected(database.admin_dsn) as admin:
        await admin.execute("select pg_terminate_backend($1, 5000)", before.pid)
    (after,) = await who.rows(engine)
    assert after.pid != before.pid


async def test_what_the_database_refuses_is_raised_as_sqlalchemy_raises_it(engine: AsyncEngine) -> None:
    with pytest.raises(DBAPIError):
        await Direct(select(column("nothing")).select_from(text("no_such_table"))).rows(engine)
    assert len(await Direct(NUMBERS).rows(engine, most=1)) == 1


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

"""Hot statements on a real database: shared by those who come at once, and refused to nobody for another's row."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from kompetenspass.testing.postgres import Database
from kompetenspass.web.statements import Shared, Statements

KEEP = """
insert into kept (id, word) select * from unnest($1::int[], $2::text[])
"""
READ = """
select asked.number, word from unnest($1::int[]) with ordinality as asked(id, number) join kept using (id)
"""


@pytest.fixture
async def statements(database: Database) -> AsyncIterator[Statements]:
    admin = await asyncpg.connect(database.dsn("wallet"))
    await admin.execute("create schema if not exists wallet")
    await admin.execute("create table wallet.kept (id int primary key, word text not null)")
    await admin.close()
    made = Statements(database.dsn("wallet"), "wallet")
    yield made
    await made.close()


async def kept(statements: Statements, *rows: tuple[int, str]) -> Shared:
    keep = statements.shared(KEEP)
    await asyncio.gather(*(keep.rows(*row) for row in rows))
    return keep


async def test_each_caller_has_its_own_rows(statements: Statements) -> None:
    await kept(statements, (1, "one"), (2, "two"))
    read = statements.shared(READ)
    found = await asyncio.gather(read.rows(2), read.rows(3), read.rows(1), read.rows_of([(1,), (2,)]))
    assert [[row["word"] for row in rows] for rows in found] == [["two"], [], ["one"], ["one", "two"]]


async def test_a_row_that_is_refused_is_refused_to_its_own_caller_only(statements: Statements) -> None:
    keep = await kept(statements, (1, "one"))
    told = await asyncio.gather(*(keep.rows(id_, "new") for id_ in (2, 1, 3)), return_exceptions=True)
    assert [isinstance(one, asyncpg.UniqueViolationError) for one in told] == [False, True, False]
    assert len(await statements.fetch("select * from kept")) == 3


async def test_a_value_that_cannot_be_sent_is_its_own_callers_trouble(statements: Statements) -> None:
    keep = statements.shared(KEEP)
    told = await asyncio.gather(keep.rows(1, "one"), keep.rows("two", "two"), return_exceptions=True)
    assert isinstance(told[1], asyncpg.DataError)
    assert [row["id"] for row in await statements.fetch("select id from kept")] == [1]


async def test_what_two_processes_hold_of_each_other_is_refused_to_nobody_else(
    statements: Statements, database: Database
) -> None:
    slowly = f"{KEEP} where pg_sleep(0.1) is not null"  # so that each has one row when it asks for the other's
    other = Statements(database.dsn("wallet"), "wallet")
    here, there = statements.shared(slowly), other.shared(slowly)
    told = await asyncio.gather(
        here.rows_of([(1, "here"), (2, "here")]),
        here.rows(3, "bystander"),
        there.rows_of([(2, "there"), (1, "there")]),
        there.rows(4, "bystander"),
        return_exceptions=True,
    )
    await other.close()
    assert [isinstance(one, asyncpg.PostgresError) for one in told].count(True) == 1
    found = await statements.fetch("select id from kept order by id")
    assert [row["id"] for row in found] == [1, 2, 3, 4]


async def test_several_rows_of_one_caller_are_kept_together_or_not_at_all(statements: Statements) -> None:
    keep = await kept(statements, (1, "one"))
    with pytest.raises(asyncpg.UniqueViolationError):
        await keep.rows_of([(2, "two"), (1, "again")])
    assert len(await statements.fetch("select * from kept")) == 1


async def test_a_lost_connection_is_replaced(statements: Statements) -> None:
    ((lost,),) = await statements.fetch("select pg_backend_pid()")
    with pytest.raises((asyncpg.PostgresConnectionError, asyncpg.OperatorInterventionError)):
        await statements.fetch("select pg_terminate_backend(pg_backend_pid())")
    ((new,),) = await statements.fetch("select pg_backend_pid()")
    assert new != lost


async def test_a_table_that_grew_is_still_read_by_its_key(statements: Statements) -> None:
    plan = await statements.fetch(f"explain {READ.replace('$1::int[]', 'array[1]')}")
    assert any("Index" in line for (line,) in plan), plan

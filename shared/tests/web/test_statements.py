"""Hot statements on a real database: shared by those who come at once, and refused to nobody for another's row."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import asyncpg
import pytest

from kompetenspass.core.errors import Kind, Problem
from kompetenspass.embedded.provision import connected
from kompetenspass.log.outages import outcome_unknown
from kompetenspass.testing.postgres import Database
from kompetenspass.testing.waiting import PATIENCE_SECONDS, until
from kompetenspass.web import statements as room
from kompetenspass.web.statements import Shared, Statements

KEEP = """
insert into kept (id, word) select * from unnest($1::int[], $2::text[])
"""
READ = """
select asked.number, word from unnest($1::int[]) with ordinality as asked(id, number) join kept using (id)
"""


@pytest.fixture
async def admin(database: Database) -> AsyncIterator[asyncpg.Connection]:
    async with connected(database.dsn("wallet")) as admin:
        await admin.execute("create schema if not exists wallet")
        await admin.execute("create table wallet.kept (id int primary key, word text not null)")
        yield admin


@pytest.fixture
async def statements(database: Database, admin: asyncpg.Connection) -> AsyncIterator[Statements]:
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


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("select pg_terminate_backend(pg_backend_pid())", "database_unavailable"),
        ("insert into kept select 1, 'x' from pg_terminate_backend(pg_backend_pid())", "outcome_unknown"),
    ],
)
async def test_a_lost_connection_is_told_and_replaced(statements: Statements, statement: str, code: str) -> None:
    ((lost,),) = await statements.fetch("select pg_backend_pid()")
    with pytest.raises(Problem) as told:
        await statements.fetch(statement)
    assert (told.value.code, told.value.kind) == (code, Kind.UNAVAILABLE)
    ((new,),) = await statements.fetch("select pg_backend_pid()")
    assert new != lost


async def test_whoever_is_behind_anothers_row_waits_no_longer_than_for_the_lock(
    statements: Statements, admin: asyncpg.Connection
) -> None:
    keep = statements.shared(KEEP)
    async with admin.transaction():
        await admin.execute("insert into wallet.kept values (1, 'held')")
        behind = asyncio.create_task(keep.rows(1, "mine"))
        await until(lambda: admin.fetchval("select count(*) from pg_locks where not granted"))
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert await keep.rows(2, "another's") == []
            with pytest.raises(Problem, match="database_unavailable"):
                await behind
    assert [row["id"] for row in await statements.fetch("select id from kept order by id")] == [1, 2]


async def test_a_statement_that_takes_too_long_is_given_up(statements: Statements) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        with pytest.raises(Problem, match="database_unavailable"):
            await statements.fetch("select pg_sleep(3600)")


async def test_a_server_that_does_not_answer_is_left(statements: Statements, monkeypatch: pytest.MonkeyPatch) -> None:
    ((mute,),) = await statements.fetch("select pg_backend_pid()")
    monkeypatch.setattr(room, "SHORT_SECONDS", 0.1)
    with pytest.raises(Problem, match="outcome_unknown"):
        await statements.fetch("with slow as (select pg_sleep(3600)) select * from slow")
    monkeypatch.setattr(room, "SHORT_SECONDS", PATIENCE_SECONDS)
    ((other,),) = await statements.fetch("select pg_backend_pid()")
    assert other != mute


class Counted(Statements):
    """Counts what it sends, and loses the connection before the number that it is told."""

    sent, lost_at = 0, -1

    async def fetch(self, statement: str, *arguments: object) -> Sequence[Any]:
        self.sent += 1
        if self.sent == self.lost_at:
            raise outcome_unknown("lost")
        return await super().fetch(statement, *arguments)


async def test_one_refused_row_among_many_costs_few_statements(statements: Statements, database: Database) -> None:
    await kept(statements, (1, "one"))
    counted = Counted(database.dsn("wallet"), "wallet")
    keep = counted.shared(KEEP)
    told = await asyncio.gather(*(keep.rows(id_, "new") for id_ in range(1, 151)), return_exceptions=True)
    await counted.close()
    assert [isinstance(one, asyncpg.UniqueViolationError) for one in told] == [True] + [False] * 149
    assert counted.sent <= 17
    assert len(await statements.fetch("select * from kept")) == 150


async def test_whose_row_was_kept_is_told_so_whatever_becomes_of_the_others(
    statements: Statements, database: Database
) -> None:
    await kept(statements, (1, "one"))
    losing = Counted(database.dsn("wallet"), "wallet")
    losing.lost_at = 3
    keep = losing.shared(KEEP)
    told = await asyncio.gather(*(keep.rows(id_, "new") for id_ in (2, 3, 1, 4)), return_exceptions=True)
    await losing.close()
    assert told[:2] == [[], []]
    assert [isinstance(one, Problem) and one.code == "outcome_unknown" for one in told[2:]] == [True, True]


async def test_after_the_end_nothing_is_opened(statements: Statements, admin: asyncpg.Connection) -> None:
    connecting = asyncio.create_task(statements.fetch("select 1"))
    await asyncio.sleep(0)
    await statements.close()
    for late in (connecting, statements.fetch("select 1")):
        with pytest.raises(Problem, match="database_unavailable"):
            await late
    open_ = "select 1 from pg_stat_activity where datname = current_database() and application_name = $1"
    await until(lambda: admin.fetchval(f"select not exists ({open_})", "wallet statements"))


async def test_what_is_planned_while_a_table_is_small_does_for_a_large_one(
    statements: Statements, admin: asyncpg.Connection
) -> None:
    await kept(statements, *((id_, "early") for id_ in range(3)))
    await admin.execute("analyze wallet.kept")
    explained = f"explain {READ.replace('$1::int[]', 'array[1]')}"
    await admin.execute("set search_path = wallet")
    by_itself, here = await admin.fetch(explained), await statements.fetch(explained)
    assert [any("Index" in line for (line,) in plan) for plan in (by_itself, here)] == [False, True]

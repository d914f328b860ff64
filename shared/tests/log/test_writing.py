"""Writing: what is collected comes into the tables as if each event had written at once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import ARRAY, BigInteger, Column, Index, MetaData, Table, Text, func, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from kompetenspass.log.writing import Writing

TABLES = MetaData()
THINGS = Table(
    "things",
    TABLES,
    Column("kind", Text, primary_key=True),
    Column("number", BigInteger, primary_key=True),
    Column("position", BigInteger),
    Column("name", Text),
    Column("said", JSONB),
    Column("words", ARRAY(Text)),
)
PLACES = Table(
    "places", TABLES, Column("number", BigInteger, primary_key=True), Column("name", Text), Column("said", Text)
)
Index("places_named", PLACES.c.name, unique=True, postgresql_where=PLACES.c.said.is_(None))


@pytest.fixture
async def connection(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    async with engine.connect() as made:
        await made.execute(text("SET search_path = wallet"))
        await made.run_sync(TABLES.create_all)
        yield made


def thing(number: int, **values: Any) -> dict[str, Any]:
    return {"kind": "k", "number": number, **values}


async def rows(connection: AsyncConnection, *columns: str) -> list[tuple[Any, ...]]:
    shown = select(*(THINGS.c[name] for name in columns)).order_by(THINGS.c.number)
    return [tuple(row) for row in await connection.execute(shown)]


async def test_a_row_that_is_there_is_not_put_again(connection: AsyncConnection) -> None:
    writing = Writing(connection)
    writing.put(THINGS, thing(1, name="first"))
    writing.put(THINGS, thing(1, name="second"))
    await writing.flush()
    writing.put(THINGS, thing(1, name="third"))
    await writing.flush()
    assert await rows(connection, "name") == [("first",)]


async def test_a_change_that_ends_what_it_asks_for_is_made_once(connection: AsyncConnection) -> None:
    writing = Writing(connection)
    writing.put(THINGS, thing(1, name="open"))
    for name in ("first", "second"):
        writing.change(THINGS, thing(1, name="open"), {"name": name})
    await writing.flush()
    assert await rows(connection, "name") == [("first",)]


async def test_columns_that_are_not_named_stay(connection: AsyncConnection) -> None:
    writing = Writing(connection)
    writing.upsert(THINGS, thing(1, name="a", position=1))
    writing.upsert(THINGS, thing(1, name="b"))
    writing.change(THINGS, thing(1), {"said": {"x": 1}})
    writing.change(THINGS, thing(1, name="other"), {"position": 7})
    await writing.flush()
    assert await rows(connection, "name", "position", "said") == [("b", 1, {"x": 1})]


async def test_the_newest_stays_however_they_come(connection: AsyncConnection) -> None:
    writing = Writing(connection)
    for position in (2, 3, 1):
        writing.upsert_newest(THINGS, thing(1, position=position, name=str(position)))
    await writing.flush()
    writing.upsert_newest(THINGS, thing(1, position=2, name="2"))
    await writing.flush()
    assert await rows(connection, "position", "name") == [(3, "3")]


@pytest.mark.parametrize("copying", [False, True])
async def test_documents_and_lists_come_back_as_they_were(connection: AsyncConnection, copying: bool) -> None:
    said: dict[str, Any] = {"å": ['"', None, 1.5, {"\\": []}]}
    writing = Writing(connection, {None: "wallet"}, copying=copying)
    writing.put(THINGS, thing(1, said=said, words=["a", 'b"{}', "ö,"]))
    writing.put(THINGS, thing(2, said=[], words=[]))
    writing.put(THINGS, thing(3, said=None, words=None))
    await writing.flush()
    found = await rows(connection, "said", "words")
    assert found == [(said, ["a", 'b"{}', "ö,"]), ([], []), (None, None)]
    assert await connection.scalar(select(func.count()).where(THINGS.c.said == text("'null'::jsonb"))) == 1


async def test_what_looks_sees_what_was_collected(connection: AsyncConnection) -> None:
    writing = Writing(connection)
    writing.put(THINGS, thing(1, name="a"))
    assert await writing.scalar(select(THINGS.c.name)) == "a"
    writing.change(THINGS, thing(1), {"name": "b"})
    assert (await writing.scalars(select(THINGS.c.name))).all() == ["b"]


async def test_what_is_left_for_later_is_done_once_with_all_of_it(connection: AsyncConnection) -> None:
    called: list[tuple[int, Sequence[int]]] = []

    async def count(writing: Writing, items: Sequence[int]) -> None:
        called.append((await writing.scalar(select(func.count()).select_from(THINGS)), items))

    writing = Writing(connection)
    for number in (1, 2):
        writing.later(count, number)
        writing.put(THINGS, thing(number))
    await writing.flush()
    assert called == [(2, [1, 2])]


async def test_the_keys_of_what_was_not_there_are_told(connection: AsyncConnection) -> None:
    writing = Writing(connection)
    writing.put(THINGS, thing(1))
    assert await writing.inserted(THINGS, [thing(1), thing(2), thing(2)]) == {("k", 2)}


async def test_where_all_is_taken_to_be_new_the_database_refuses_what_is_not(connection: AsyncConnection) -> None:
    writing = Writing(connection, {None: "wallet"}, copying=True)
    writing.put(THINGS, thing(1))
    await writing.flush()
    writing.put(THINGS, thing(1))
    with pytest.raises(asyncpg.UniqueViolationError):
        await writing.flush()


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["put", "upsert", "partly", "newest", "change", "if"]),
        st.integers(1, 3),
        st.sampled_from("abc"),
        st.integers(1, 5),
    ),
    max_size=14,
)


def say(writing: Writing, step: tuple[str, int, str, int]) -> None:
    how, number, name, position = step
    match how:
        case "put":
            writing.put(THINGS, thing(number, name=name, position=position))
        case "upsert":
            writing.upsert(THINGS, thing(number, name=name, position=position))
        case "partly":
            writing.upsert(THINGS, thing(number, said=name))
        case "newest":
            writing.upsert_newest(THINGS, thing(number, position=position, name=name))
        case "change":
            writing.change(THINGS, thing(number), {"name": name})
        case _:
            writing.change(THINGS, thing(number, name=name), {"position": position})


PLACING = st.lists(
    st.tuples(st.sampled_from(["put", "rename", "say"]), st.integers(1, 3), st.sampled_from("abc")), max_size=8
)


def place(writing: Writing, step: tuple[str, int, str]) -> None:
    how, number, name = step
    if how == "put":
        writing.put(PLACES, {"number": number, "name": name})
    else:
        named = {"name": f"{name}{number}"} if how == "rename" else {"said": name}
        writing.change(PLACES, {"number": number}, named)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=PLACING)
@example(steps=[("put", 1, "a"), ("rename", 1, "b"), ("put", 2, "a")])
@example(steps=[("put", 1, "a"), ("put", 2, "a"), ("put", 2, "b")])
async def test_a_row_that_another_unique_key_keeps_out_stays_out_as_if_each_had_been_written_at_once(
    connection: AsyncConnection, steps: list[tuple[str, int, str]]
) -> None:
    found = []
    for together in (False, True):
        nested = await connection.begin_nested()
        writing = Writing(connection)
        for step in steps:
            place(writing, step)
            if not together:
                await writing.flush()
        await writing.flush()
        found.append([tuple(row) for row in await connection.execute(select(PLACES).order_by(PLACES.c.number))])
        await nested.rollback()
    assert found[0] == found[1]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
async def test_written_together_is_as_written_one_after_the_other(
    connection: AsyncConnection, steps: list[tuple[str, int, str, int]]
) -> None:
    found = []
    for together in (False, True):
        nested = await connection.begin_nested()
        writing = Writing(connection)
        for step in steps:
            say(writing, step)
            if not together:
                await writing.flush()
        await writing.flush()
        found.append(await rows(connection, "number", "position", "name", "said"))
        await nested.rollback()
    assert found[0] == found[1]

"""Parts of a log whose pages are written at the same time: rows that they share, and how many of them there are."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, Text, cast, func, select
from sqlalchemy.dialects.postgresql import insert

from kompetenspass.events.wallet import CredentialReceived
from kompetenspass.log import presence
from kompetenspass.log.api import Append, Recorded
from kompetenspass.log.conformance import draft
from kompetenspass.log.parts import part_of
from kompetenspass.log.project import Projection
from kompetenspass.log.readers import Readers
from kompetenspass.log.runner import PAGES_AT_ONCE
from kompetenspass.log.writing import Writing
from kompetenspass.testing.waiting import PATIENCE_SECONDS
from kompetenspass.testing.walking import MemoryInParts

World = Any
SHARED = MetaData()
NAMES = Table("names", SHARED, Column("name", Text, primary_key=True), Column("times", Integer, nullable=False))
WRITTEN = Table(
    "written", SHARED, Column("position", Integer, primary_key=True), Column("stream", Text), Column("by", Text)
)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence, "BEAT_SECONDS", 0.05)


def stream_in(part: int, of: int) -> str:
    """Return a stream of a part."""
    return next(name for name in map("s-{}".format, range(1000)) if part_of(name, of) == part)


def counting(before: Callable[[], Awaitable[object]], after: Callable[[], Awaitable[object]]) -> Projection:
    """Return a projection that counts an event at the row that it names, and notes the transaction."""

    async def count(writing: Writing, recorded: Recorded) -> None:
        event = recorded.event
        assert isinstance(event, CredentialReceived)
        await before()
        again = {"times": NAMES.c.times + 1}
        first = insert(NAMES).values(name=event.digest, times=1)
        await writing.execute(first.on_conflict_do_update(index_elements=["name"], set_=again))
        row = {"position": recorded.position, "stream": recorded.stream}
        await writing.execute(insert(WRITTEN).values(by=cast(func.pg_current_xact_id(), Text), **row))
        await after()

    return Projection("counting", 1, ("wallet",), SHARED, {CredentialReceived: count})


async def nothing() -> None:
    """Wait for nobody."""


async def test_of_two_pages_that_wait_for_each_others_rows_one_is_written_event_by_event(world: World) -> None:
    world.log = MemoryInParts("wallet", world.clock, 2)
    streams = [stream_in(part, 2) for part in range(2)]
    for stream, names in zip(streams, (("x", "y"), ("y", "x")), strict=True):
        await world.log.append(Append(stream, 0, [draft(digest=name) for name in names]))
    both, calls = asyncio.Barrier(2), Counter[str]()

    async def meet() -> None:
        """Let each of the two have its first row before either asks for its second."""
        calls["made"] += 1
        if calls["made"] <= 2:
            await both.wait()

    readers = world.readers(counting(nothing, meet))
    await readers.start()
    assert await readers.caught_up("wallet", 4, PATIENCE_SECONDS)
    async with world.engine.connect() as connection:
        assert set(await connection.execute(select(NAMES))) == {("x", 2), ("y", 2)}
        transactions = func.count(WRITTEN.c.by.distinct())
        each = await connection.execute(select(transactions).group_by(WRITTEN.c.stream))
        assert sorted(each.scalars()) == [1, 2]


async def test_however_many_parts_a_process_follows_it_writes_few_pages_at_once(world: World) -> None:
    parts = 3 * PAGES_AT_ONCE
    log = MemoryInParts("wallet", world.clock, parts)
    for part in range(parts):
        await log.append(Append(stream_in(part, parts), 0, [draft(digest=str(part))]))
    all_come, full, now, most, come = asyncio.Event(), asyncio.Event(), 0, 0, 0

    async def at(step: str) -> None:
        nonlocal come
        come += step == "before_apply"
        if come == parts:
            all_come.set()

    async def enter() -> None:
        nonlocal now, most
        now += 1
        most = max(now, most)
        if now == PAGES_AT_ONCE:
            full.set()
        await full.wait()
        await all_come.wait()

    async def leave() -> None:
        nonlocal now
        now -= 1

    readers = Readers("wallet", world.engine, {"wallet": log}, world.clock, at=at)
    readers.project(counting(enter, leave))
    world.made.append(readers)
    await readers.start()
    assert await readers.caught_up("wallet", parts, PATIENCE_SECONDS)
    assert most == PAGES_AT_ONCE

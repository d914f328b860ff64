"""Generations: replay beside and switch, new versions of the code, and what becomes of the old tables."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Column, MetaData, Table, Text, Uuid, select, text
from sqlalchemy.exc import ProgrammingError

from kompetenspass.core.errors import Problem
from kompetenspass.core.ids import uuid7
from kompetenspass.events.wallet import CredentialReceived
from kompetenspass.log import generations
from kompetenspass.log.api import Recorded
from kompetenspass.log.cursors import Key, Layout, begin
from kompetenspass.log.generations import transaction
from kompetenspass.log.tables import schemas
from kompetenspass.log.writing import Writing
from kompetenspass.testing.waiting import PATIENCE_SECONDS

World = Any

NEW_ROWS = MetaData()
NEWLY_SEEN = Table("newly_seen", NEW_ROWS, Column("account_id", Uuid, primary_key=True), Column("digest", Text))


async def see_anew(writing: Writing, recorded: Recorded) -> None:
    event = recorded.event
    assert isinstance(event, CredentialReceived)
    writing.put(NEWLY_SEEN, {"account_id": event.account_id, "digest": event.digest})


async def test_a_replay_gives_the_same_rows_and_the_views_show_it(world: World) -> None:
    readers = await _running(world, "a", "b")
    before = await _bytes(world)
    await _damage(world)
    assert await readers.replay("seeing") == 2
    assert await _bytes(world) == before
    await world.append("c")
    assert await readers.caught_up("wallet", 3, PATIENCE_SECONDS)
    assert await world.rows() == [("a", 1), ("b", 1), ("c", 1)]


async def test_the_old_tables_stay_until_they_are_dropped(world: World) -> None:
    readers = await _running(world, "a")
    await readers.replay("seeing")
    assert await _schemas(world) == ["wallet_seeing_g1", "wallet_seeing_g2"]
    await readers.stop()
    assert await readers.drop_old("seeing") == 1
    assert await _schemas(world) == ["wallet_seeing_g2"]
    assert await world.rows() == [("a", 1)]


async def test_a_replay_that_stops_leaves_the_live_tables(world: World) -> None:
    readers = await _running(world, "a")
    world.failing["a"] = ProgrammingError("", {}, _MissingTable())
    with pytest.raises(Problem) as stopped:
        await readers.replay("seeing")
    assert stopped.value.code == "replay_halted"
    assert await world.rows() == [("a", 1)]
    world.failing.clear()
    assert await readers.replay("seeing") == 2


async def test_a_replay_that_somebody_began_anew_shows_no_tables_that_are_not_filled(world: World) -> None:
    await (await _running(world, "a")).stop()
    here = world.engine, "wallet", world.projection()
    filled = await generations.begin_replay(*here)
    assert await generations.begin_replay(*here) == filled
    assert not await generations.switch(*here, filled)
    async with transaction(world.engine, schemas("wallet")) as connection:  # the second begins, in a restored log
        await begin(connection, "wallet", Key("projection", "seeing", 2), "wallet", Layout(1, "postgres"), uuid7())
    assert not await generations.switch(*here, filled)
    assert await world.rows() == [("a", 1)]


async def test_what_is_parked_in_a_replay_is_parked_in_the_new_generation(world: World) -> None:
    readers = await _running(world, "a")
    world.failing["a"] = ValueError()
    await readers.replay("seeing")
    assert [(p.key.generation, p.error) for p in await readers.parked.list()] == [(2, "ValueError")]
    assert await world.rows() == []


async def test_replaying_an_unknown_projection_is_refused(world: World) -> None:
    readers = await _running(world)
    with pytest.raises(Problem) as unknown:
        await readers.replay("nothing")
    assert unknown.value.code == "not_found"


async def test_a_new_version_is_filled_beside_and_then_replaces_the_old_views(world: World) -> None:
    await (await _running(world, "a", "b")).stop()
    newer = world.projection(2, metadata=NEW_ROWS, handlers={CredentialReceived: see_anew})
    readers = world.readers(newer)
    await readers.prepare()
    assert await world.rows() == [("a", 1), ("b", 1)]
    await readers.start()
    await world.until(lambda: _is_gone(world, "seen"))
    async with world.engine.connect() as connection:
        assert sorted(await connection.scalars(select(NEWLY_SEEN.c.digest))) == ["a", "b"]
    await readers.stop()


async def test_going_back_to_the_old_version_shows_its_tables_again(world: World) -> None:
    await (await _running(world, "a")).stop()
    newer = world.readers(world.projection(2, metadata=NEW_ROWS, handlers={CredentialReceived: see_anew}))
    await newer.start()
    await world.until(lambda: _is_gone(world, "seen"))
    await newer.stop()
    await world.append("b")
    readers = world.readers()
    await readers.start()
    await world.until(lambda: _is_gone(world, "newly_seen"))
    assert await world.rows() == [("a", 1), ("b", 1)]
    assert await _schemas(world) == ["wallet_seeing_g1", "wallet_seeing_g2"]


async def test_a_process_of_the_old_version_does_not_take_the_views_back(world: World) -> None:
    old = await _running(world, "a")
    newer = world.readers(world.projection(2, metadata=NEW_ROWS, handlers={CredentialReceived: see_anew}))
    await newer.start()
    await world.until(lambda: _is_gone(world, "seen"))
    await world.append("b")

    async def superseded() -> bool:
        return [lag.halted for lag in await old.lags()] == ["superseded"]

    await world.until(superseded)
    assert await newer.caught_up("wallet", 2, PATIENCE_SECONDS)
    await world.until(lambda: _is_gone(world, "seen"))


async def test_dropped_tables_end_a_loop_that_still_followed_for_them(world: World) -> None:
    readers = await _running(world, "a")
    await readers.replay("seeing")
    await readers.drop_old("seeing")
    await world.append("b")
    assert await readers.caught_up("wallet", 2, PATIENCE_SECONDS)
    assert await world.rows() == [("a", 1), ("b", 1)]


async def test_a_process_without_loops_knows_how_far_the_others_are(world: World) -> None:
    await (await _running(world, "a")).stop()
    idle = world.readers()
    await idle.prepare()
    await world.append("b")
    assert [(lag.reader, lag.position, lag.lag) for lag in await idle.lags()] == [("seeing", 1, 1)]
    assert idle.follows("wallet")
    assert not idle.follows("registry")


class _MissingTable(Exception):
    sqlstate = "42P01"


async def _running(world: World, *digests: str) -> Any:
    await world.append(*digests)
    readers = world.readers()
    await readers.start()
    assert await readers.caught_up("wallet", len(digests), PATIENCE_SECONDS)
    return readers


async def _bytes(world: World) -> list[str]:
    async with world.engine.connect() as connection:
        return list(await connection.scalars(text("SELECT row_to_json(seen)::text FROM seen ORDER BY account_id")))


async def _damage(world: World) -> None:
    """Do what no handler would have done: the replay starts from nothing."""
    async with transaction(world.engine, {}) as connection:
        await connection.execute(text("UPDATE wallet_seeing_g1.seen SET times = 7"))


async def _schemas(world: World) -> list[str]:
    async with world.engine.connect() as connection:
        return sorted(
            await connection.scalars(text(r"SELECT nspname FROM pg_namespace WHERE nspname LIKE 'wallet\_seeing\_%'"))
        )


async def _is_gone(world: World, view: str) -> bool:
    async with world.engine.connect() as connection:
        return await connection.scalar(text("SELECT to_regclass(:view)"), {"view": view}) is None

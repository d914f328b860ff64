"""Moves beside a replay, a new version of the code, and a process of the code before logs came in parts."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, Text
from sqlalchemy.dialects.postgresql import insert

from kompetenspass.core.errors import Problem
from kompetenspass.events.wallet import CredentialReceived
from kompetenspass.log import presence
from kompetenspass.log.api import Recorded
from kompetenspass.log.conformance import request
from kompetenspass.log.cursors import Key, Layout
from kompetenspass.log.moving import order, swap
from kompetenspass.log.parts import part_of
from kompetenspass.log.project import Projection
from kompetenspass.log.writing import Writing
from kompetenspass.testing.waiting import PATIENCE_SECONDS
from kompetenspass.testing.walking import OverKafka, walked, walking

World = Any
KEY = Key("projection", "walking", 1)
_ROWS = MetaData()
_STEPS = Table("steps", _ROWS, Column("stream", Text, primary_key=True), Column("version", Integer))
ON_KAFKA = "UPDATE runner_cursor SET transport = 'kafka', fence = fence + 1 WHERE generation = 1"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence, "BEAT_SECONDS", 0.05)


class Filling:
    """A version of the projection that fills its tables when it is let."""

    def __init__(self) -> None:
        self.may = asyncio.Event()

    def projection(self, version: int) -> Projection:
        return Projection("walking", version, ("wallet",), _ROWS, {CredentialReceived: self._step})

    async def _step(self, writing: Writing, recorded: Recorded) -> None:
        await self.may.wait()
        row = {"stream": recorded.stream, "version": recorded.version}
        put = insert(_STEPS).values(row).on_conflict_do_update(index_elements=["stream"], set_=row)
        await writing.execute(put)


async def append(world: World, rounds: int) -> None:
    for _ in range(rounds):
        for n in range(10):
            await world.log.append(request(f"s-{n}", len(await world.log.read_stream(f"s-{n}"))))


async def followed(world: World, projection: Projection) -> Any:
    readers = world.readers(projection)
    await append(world, 2)
    await readers.start()
    assert await readers.caught_up("wallet", 20, PATIENCE_SECONDS)
    return readers


async def replayed(world: World, filling: Filling) -> asyncio.Task[int]:
    """Return a replay that waits until it may fill, once it has begun."""
    replay = asyncio.create_task(world.readers(filling.projection(1)).replay("walking"))
    await world.until(lambda: _is_filled(world))
    return replay


async def _is_filled(world: World) -> bool:
    its = "SELECT count(*) FROM runner_cursor WHERE generation = 2 AND holder IS NOT NULL"
    async with world.engine.connect() as connection:
        return bool((await connection.exec_driver_sql(its)).scalar())


async def test_while_a_replay_fills_its_tables_the_live_ones_are_not_moved(world: World) -> None:
    filling = Filling()
    filling.may.set()
    running = await followed(world, filling.projection(1))
    filling.may.clear()
    replay = await replayed(world, filling)
    feeds: Any = {"wallet": {"postgres": world.log, "kafka": OverKafka(world.log, 3)}}
    with pytest.raises(Problem) as refused:
        await running.move(feeds, transport="kafka")
    assert refused.value.code == "replay_under_way"
    filling.may.set()
    assert await replay == 2
    await running.stop()
    assert await running.move(feeds, transport="kafka") == 1


async def test_while_the_live_tables_are_moved_no_replay_begins(world: World) -> None:
    readers = await followed(world, walking())
    await readers.stop()
    assert await order(readers._place, KEY, "wallet", Layout(2, "postgres"))
    with pytest.raises(Problem) as refused:
        await readers.replay("walking")
    assert refused.value.code == "move_under_way"
    await readers.move({"wallet": {"postgres": world.log}}, parts=2)
    assert await readers.replay("walking") == 2
    assert {(s.key.generation, s.part.of) for s in await readers.stands()} == {(2, 2)}


async def test_a_replay_does_not_switch_to_tables_that_nobody_would_follow(world: World) -> None:
    filling = Filling()
    filling.may.set()
    running = await followed(world, filling.projection(1))
    filling.may.clear()
    replay = await replayed(world, filling)
    async with world.engine.begin() as connection:
        await connection.exec_driver_sql(ON_KAFKA)
    filling.may.set()
    with pytest.raises(Problem) as halted:
        await replay
    assert (halted.value.code, halted.value.members) == ("replay_halted", {"reason": "other_transport"})
    assert {stand.key.generation for stand in await running.stands()} == {1}


async def test_a_new_version_switches_to_the_tables_that_it_follows_by_whatever_transport(world: World) -> None:
    filling = Filling()
    await followed(world, walking())
    later = world.readers(filling.projection(2))
    await later.start()
    await world.until(lambda: _is_filled(world))
    async with world.engine.begin() as connection:
        await connection.exec_driver_sql(ON_KAFKA)
    filling.may.set()
    await append(world, 1)
    assert await later.caught_up("wallet", 30, PATIENCE_SECONDS)
    assert {(s.key.generation, s.transport) for s in await later.stands()} == {(2, "postgres")}


async def test_what_a_process_of_the_code_before_took_further_the_other_parts_come_up_to(world: World) -> None:
    readers = world.readers(walking())
    assert await readers.move({"wallet": {"postgres": world.log}}, parts=2) == 1
    await append(world, 2)
    await readers.start()
    assert await readers.caught_up("wallet", 20, PATIENCE_SECONDS)
    await readers.stop()
    await append(world, 1)
    assert await order(readers._place, KEY, "wallet", Layout(3, "postgres"))
    taken = ", ".join(f"'s-{n}'" for n in range(10) if part_of(f"s-{n}", 2) == 0)
    async with world.engine.begin() as connection:
        await connection.exec_driver_sql("UPDATE runner_cursor SET position = 30, event_id = NULL WHERE part = 0")
        await connection.exec_driver_sql(f"UPDATE walked SET version = 3 WHERE stream IN ({taken})")
    assert not await swap(readers._place, KEY, "wallet")
    assert [(s.position, s.until) for s in await readers.stands()] == [(30, 30), (20, 30)]
    await readers.start()
    await world.until(lambda: _in_parts(readers, 3))
    assert await walked(world.engine) == {f"s-{n}": (3, 0) for n in range(10)}
    await append(world, 1)
    assert await readers.caught_up("wallet", 40, PATIENCE_SECONDS)
    assert await walked(world.engine) == {f"s-{n}": (4, 0) for n in range(10)}


async def _in_parts(readers: Any, of: int) -> bool:
    return {stand.part.of for stand in await readers.stands()} == {of}

"""Moves away from a transport by which nothing comes any more."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from kompetenspass.core.errors import Problem
from kompetenspass.log import presence, visiting
from kompetenspass.log.conformance import request
from kompetenspass.log.memory import MemoryLog
from kompetenspass.log.parts import part_of
from kompetenspass.log.readers import Readers
from kompetenspass.testing.waiting import PATIENCE_SECONDS
from kompetenspass.testing.walking import KafkaAway, OverKafka, walked, walking

World = Any


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence, "BEAT_SECONDS", 0.05)


async def append(world: World, rounds: int) -> None:
    for _ in range(rounds):
        for n in range(10):
            await world.log.append(request(f"s-{n}", len(await world.log.read_stream(f"s-{n}"))))


def over(world: World, feed: MemoryLog) -> Readers:
    """Return readers whose log comes by `feed`."""
    world.log, log = feed, world.log
    made: Readers = world.readers(walking())
    world.log = log
    return made


async def left_behind(world: World) -> dict[str, Any]:
    """Follow the log by Kafka, all but one of its three parts to the end; return the feeds by which it came."""
    followed = over(world, OverKafka(world.log, 3))
    await append(world, 2)
    await followed.start()
    assert await followed.caught_up("wallet", 20, PATIENCE_SECONDS)
    await followed.stop()
    gone = ", ".join(f"'s-{n}'" for n in range(10) if part_of(f"s-{n}", 3) == 1)
    async with world.engine.begin() as connection:
        await connection.exec_driver_sql("UPDATE runner_cursor SET position = 0, event_id = NULL WHERE part = 1")
        await connection.exec_driver_sql(f"DELETE FROM walked WHERE stream IN ({gone})")
    return {"wallet": {"postgres": world.log, "kafka": KafkaAway(world.log, 3)}}


async def check(world: World) -> None:
    """Follow the log by PostgreSQL: each event is applied once."""
    readers = world.readers(walking())
    await readers.start()
    await append(world, 1)
    assert await readers.caught_up("wallet", 30, PATIENCE_SECONDS)
    assert await walked(world.engine) == {f"s-{n}": (3, 0) for n in range(10)}
    await readers.stop()


async def test_off_kafka_nothing_needs_to_be_read_by_it_where_the_parts_stay(world: World) -> None:
    feeds = await left_behind(world)
    readers = world.readers(walking())
    assert await readers.move(feeds, transport="postgres") == 1
    stands = await readers.stands()
    assert [(s.position, s.transport, s.until) for s in stands] == [
        (20, "postgres", None),
        (0, "postgres", None),
        (20, "postgres", None),
    ]
    await check(world)
    assert await readers.move(feeds, parts=1) == 1


async def test_where_the_parts_change_a_move_that_reads_nothing_says_so_and_goes_in_two_steps(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visiting, "STUCK_SECONDS", 0.3)
    feeds = await left_behind(world)
    readers = world.readers(walking())
    with pytest.raises(Problem) as stuck:
        await readers.move(feeds, transport="postgres", parts=1)
    assert stuck.value.code == "log_unreadable"
    assert stuck.value.members == {"logs": ["wallet"], "readers": ["walking"]}
    assert "two steps" in stuck.value.remedy
    monkeypatch.setattr(visiting, "STUCK_SECONDS", 60.0)
    assert await readers.move(feeds, transport="postgres") == 1
    assert await readers.move(feeds, parts=1) == 1
    assert {(s.part.of, s.position, s.until) for s in await readers.stands()} == {(1, 20, None)}
    await check(world)


async def test_who_follows_by_the_former_transport_stops_and_who_has_the_new_one_goes_on(world: World) -> None:
    kafka = OverKafka(world.log, 3)
    former, later = over(world, kafka), world.readers(walking())
    await append(world, 2)
    await former.start()
    assert await former.caught_up("wallet", 20, PATIENCE_SECONDS)
    await later.start()
    feeds: Any = {"wallet": {"postgres": world.log, "kafka": kafka}}
    assert await later.move(feeds, transport="postgres") == 1
    await append(world, 1)
    assert await later.caught_up("wallet", 30, PATIENCE_SECONDS)
    assert await walked(world.engine) == {f"s-{n}": (3, 0) for n in range(10)}
    await world.until(lambda: _halted(former))


async def _halted(readers: Readers) -> bool:
    return [lag.halted for lag in await readers.lags()] == ["other_transport"]


async def under_way(world: World, feeds: Any) -> asyncio.Task[int]:
    """Return a move that cannot end, once it is ordered."""
    moving = asyncio.create_task(world.readers(walking()).move(feeds, transport="postgres", parts=2))
    readers = world.readers(walking())

    async def ordered() -> bool:
        return all(stand.until is not None for stand in await readers.stands())

    await world.until(ordered)
    return moving


async def test_while_one_moves_a_log_another_does_not_move_it_elsewhere(world: World) -> None:
    feeds = await left_behind(world)
    first = await under_way(world, feeds)
    second = world.readers(walking())
    for elsewhere in ({"parts": 5}, {}):
        with pytest.raises(Problem) as refused:
            await second.move(feeds, transport="postgres", **elsewhere)
        assert refused.value.code == "move_under_way"
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    assert await second.move(feeds, transport="postgres") == 1
    await check(world)


async def test_of_tables_that_are_dropped_meanwhile_nothing_is_moved(world: World) -> None:
    moving = await under_way(world, await left_behind(world))
    async with world.engine.begin() as connection:
        await connection.exec_driver_sql("DELETE FROM runner_generation")
        await connection.exec_driver_sql("DELETE FROM runner_cursor")
    with pytest.raises(Problem) as halted:
        await moving
    assert halted.value.code == "move_halted"
    assert halted.value.members == {"reason": "dropped", "readers": ["walking"]}


async def test_a_log_has_at_least_one_part(world: World) -> None:
    with pytest.raises(ValueError, match="at least one part"):
        await world.readers(walking()).move({"wallet": {"postgres": world.log}}, parts=0)

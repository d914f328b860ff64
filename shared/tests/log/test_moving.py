"""Moves: a log is cut into other parts, or comes by another transport, while it is followed or nobody follows it."""

from __future__ import annotations

from typing import Any

import pytest

from kompetenspass.core.errors import Problem
from kompetenspass.events.wallet import CredentialReceived
from kompetenspass.log import fates, presence
from kompetenspass.log.api import Feed, Recorded
from kompetenspass.log.conformance import request
from kompetenspass.log.cursors import Key, Layout
from kompetenspass.log.memory import MemoryLog
from kompetenspass.log.moving import order
from kompetenspass.log.parts import part_of
from kompetenspass.log.project import Reaction, Retry
from kompetenspass.log.readers import Readers
from kompetenspass.testing.waiting import PATIENCE_SECONDS
from kompetenspass.testing.walking import OverKafka, walked, walking

World = Any


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence, "BEAT_SECONDS", 0.05)


def by(*feeds: MemoryLog) -> Any:
    return {"wallet": {feed.transport: feed for feed in feeds}}


async def append(world: World, rounds: int, streams: int = 10) -> None:
    for _ in range(rounds):
        for n in range(streams):
            await world.log.append(request(f"s-{n}", len(await world.log.read_stream(f"s-{n}"))))


async def check(world: World, readers: Readers) -> None:
    assert await readers.caught_up("wallet", await world.log.head(), PATIENCE_SECONDS)
    each = await world.log.head() // 10
    assert await walked(world.engine) == {f"s-{n}": (each, 0) for n in range(10)}


async def layouts(readers: Readers) -> set[tuple[str, int, str]]:
    return {(stand.key.reader, stand.part.of, stand.transport) for stand in await readers.stands()}


async def test_a_log_that_is_followed_is_cut_into_other_parts_and_back(world: World) -> None:
    running = [world.readers(walking()) for _ in range(2)]
    for readers in running:
        await readers.start()
    for parts in (4, 7, 1):
        await append(world, 3)
        assert await running[0].move(by(world.log), parts=parts) == 1
        await append(world, 2)
        await check(world, running[1])
        assert await layouts(running[0]) == {("walking", parts, "postgres")}


async def test_a_log_that_nobody_follows_is_cut_as_well(world: World) -> None:
    await append(world, 5)
    readers = world.readers(walking())
    await readers.start()
    await append(world, 1)
    await check(world, readers)
    await readers.stop()
    await append(world, 1)
    for parts in (6, 2):
        assert await world.readers(walking()).move(by(world.log), parts=parts) == 1
    await readers.start()
    await check(world, readers)
    assert await layouts(readers) == {("walking", 2, "postgres")}


async def test_what_is_as_it_should_be_is_not_moved(world: World) -> None:
    readers = world.readers(walking())
    assert await readers.move(by(world.log), parts=3) == 1
    assert await readers.move(by(world.log), parts=3) == 0
    assert await readers.move(by(world.log)) == 0
    assert await layouts(readers) == {("walking", 3, "postgres")}


async def test_parts_that_stand_apart_come_to_one_position_before_they_are_cut(world: World) -> None:
    await append(world, 4)
    readers = world.readers(walking())
    assert await readers.move(by(world.log), parts=4) == 1
    await readers.start()
    await check(world, readers)
    await readers.stop()
    async with world.engine.begin() as connection:
        behind = "UPDATE runner_cursor SET position = 0, event_id = NULL WHERE part = 1"
        await connection.exec_driver_sql(behind)
        await connection.exec_driver_sql(f"DELETE FROM walked WHERE stream IN ({_of_part(1, 4)})")
    assert await world.readers(walking()).move(by(world.log), parts=2) == 1
    assert {(s.position, s.until) for s in await readers.stands()} == {(40, None)}
    await readers.start()
    await check(world, readers)


def _of_part(number: int, of: int) -> str:
    return ", ".join(f"'s-{n}'" for n in range(10) if part_of(f"s-{n}", of) == number) or "''"


async def test_a_log_comes_by_another_transport_and_those_who_use_the_former_follow_it_no_longer(world: World) -> None:
    former, kafka = world.readers(walking()), OverKafka(world.log, 3)
    await former.start()
    await append(world, 2)
    await check(world, former)
    world.log, log = kafka, world.log
    later = world.readers(walking())
    world.log = log
    await later.start()
    await world.until(lambda: _halted(later))
    assert await later.move(by(log, kafka), transport="kafka") == 1
    await world.until(lambda: _halted(former))
    await append(world, 2)
    await world.until(lambda: _kept_up(later))
    await check(world, later)
    assert await layouts(later) == {("walking", 3, "kafka")}
    await later.stop()
    assert await later.move(by(log, kafka), transport="postgres", parts=2) == 1
    await world.until(lambda: _kept_up(former))


async def _halted(readers: Readers) -> bool:
    return [lag.halted for lag in await readers.lags()] == ["other_transport"]


async def _kept_up(readers: Readers) -> bool:
    return [(lag.halted, lag.lag) for lag in await readers.lags()] == [(None, 0)]


async def test_in_kafka_the_parts_are_the_partitions(world: World) -> None:
    readers, feeds = world.readers(walking()), by(world.log, OverKafka(world.log, 3))
    with pytest.raises(Problem) as other:
        await readers.move(feeds, parts=4, transport="kafka")
    assert other.value.code == "parts_are_partitions"
    assert await readers.move(feeds, parts=3, transport="kafka") == 1


async def test_a_log_does_not_come_by_a_transport_that_it_does_not_have(world: World) -> None:
    with pytest.raises(Problem) as unknown:
        await world.readers(walking()).move(by(world.log), transport="kafka")
    assert unknown.value.code == "transport_unknown"


async def test_a_reaction_moves_with_the_projection_that_it_waits_for(world: World) -> None:
    handled = list[int]()

    async def handle(cause: Recorded) -> None:
        handled.append(cause.position)

    reaction = Reaction("after", ("wallet",), {CredentialReceived: handle}, after=("walking",))
    running = world.readers(walking(), reactions=[reaction])
    await running.start()
    await append(world, 2)
    await check(world, running)
    await running.stop()
    await append(world, 2)
    visitor = world.readers(walking(), reactions=[reaction])
    assert await visitor.move(by(world.log), parts=4) == 2
    await running.start()
    await append(world, 2)
    await world.until(lambda: _is(handled, 60))
    await check(world, running)
    assert await layouts(running) == {("walking", 4, "postgres"), ("after", 4, "postgres")}
    assert sorted(set(handled)) == list(range(1, 61))


async def _is(handled: list[int], count: int) -> bool:
    return len(set(handled)) == count


async def test_a_move_that_cannot_end_says_so_and_is_taken_up_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fates, "RETRY_PAUSES_SECONDS", ())
    readers, log = world.readers(), world.log
    await readers.prepare()
    assert await readers.move(by(log), parts=2) == 1
    await world.append(*(str(n) for n in range(20)))
    async with world.engine.begin() as connection:
        await connection.exec_driver_sql("UPDATE runner_cursor SET position = 20 WHERE part = 0")
    world.failing.update({str(n): Retry() for n in range(20)})
    with pytest.raises(Problem) as halted:
        await world.readers().move(by(log), parts=3)
    assert halted.value.code == "move_halted"
    world.failing.clear()
    assert await world.readers().move(by(log), parts=5) == 1
    assert await layouts(readers) == {("seeing", 5, "postgres")}


STEPS = ["opened", "read", "before_apply", "advanced", "applied", "committed", "stamped", "released"]


@pytest.mark.parametrize("step", [*STEPS, "reacted", "ordered", "swapping", "swapped"])
async def test_whatever_step_fails_each_event_is_applied_once_and_reacted_to(world: World, step: str) -> None:
    failures, handled = [OSError(), OSError(), OSError()], list[int]()

    async def handle(cause: Recorded) -> None:
        handled.append(cause.position)

    async def at(done: str) -> None:
        if done == step and failures:
            raise failures.pop()

    def readers(feed: Feed) -> Readers:
        made = Readers("wallet", world.engine, {"wallet": feed}, world.clock, at=at)
        made.project(walking())
        made.react(Reaction("after", ("wallet",), {CredentialReceived: handle}, after=("walking",)))
        world.made.append(made)
        return made

    running = [readers(world.log), readers(world.log)]
    for one in running:
        await one.start()
    await append(world, 2)
    parts = 1
    while failures:
        parts = parts % 3 + 1
        await _moved(running[0], world.log, parts)
        await append(world, 1)
    await check(world, running[1])
    head = await world.log.head()
    await world.until(lambda: _is(handled, head))


async def _moved(readers: Readers, log: MemoryLog, parts: int) -> None:
    """Move until it is done; what fails on the way is done again."""
    wanted = {("walking", parts, "postgres"), ("after", parts, "postgres")}
    while await layouts(readers) != wanted:
        try:
            await readers.move(by(log), parts=parts)
        except OSError:
            continue


async def test_an_order_says_whether_there_was_something_to_move(world: World) -> None:
    readers, key = world.readers(walking()), Key("projection", "walking", 1)
    await readers.prepare()
    assert not await order(readers._place, key, "wallet", Layout(2, "postgres"))
    await readers.start()
    await append(world, 1)
    await check(world, readers)
    assert not await order(readers._place, key, "wallet", Layout(1, "postgres"))
    assert await order(readers._place, key, "wallet", Layout(2, "postgres"))
    await world.until(lambda: _in_parts(readers, 2))
    await append(world, 1)
    await check(world, readers)


async def _in_parts(readers: Readers, of: int) -> bool:
    return {stand.part.of for stand in await readers.stands()} == {of}

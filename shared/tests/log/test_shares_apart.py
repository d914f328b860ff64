"""Shares: what goes wrong with one reader, or waits, holds up no other."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from structlog.testing import capture_logs

from kompetenspass.core.errors import Kind, Problem
from kompetenspass.events.wallet import CredentialReceived
from kompetenspass.log import presence
from kompetenspass.log.api import Cursor, Page, Part, Recorded
from kompetenspass.log.conformance import request
from kompetenspass.log.memory import MemoryLog
from kompetenspass.log.project import Projection, Reaction
from kompetenspass.log.readers import Readers
from kompetenspass.testing.waiting import PATIENCE_SECONDS, until
from kompetenspass.testing.walking import OverKafka, walking

World = Any


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence, "BEAT_SECONDS", 0.05)


async def append(world: World, rounds: int) -> None:
    for _ in range(rounds):
        for n in range(10):
            await world.log.append(request(f"s-{n}", len(await world.log.read_stream(f"s-{n}"))))


async def _started(readers: Readers) -> bool:
    return all(lag.started for lag in await readers.lags())


async def test_who_waits_for_a_part_that_another_process_follows_is_ready_when_that_one_is(world: World) -> None:
    async def noted(_recorded: Recorded) -> None:
        return

    reaction = Reaction("noting", ("wallet",), {CredentialReceived: noted})
    former = world.readers(walking(), reactions=[reaction])
    await append(world, 1)
    await former.start()
    assert await former.caught_up("wallet", 10, PATIENCE_SECONDS)
    later = world.readers(walking(), world.projection(), reactions=[reaction])
    await later.start()
    await append(world, 1)
    await world.until(lambda: _started(later))


class Silent(MemoryLog):
    """A log that does not answer when it is asked in how many parts it comes."""

    async def parts(self) -> int:
        await asyncio.Event().wait()
        raise AssertionError


async def test_a_log_that_cannot_be_asked_holds_up_only_who_reads_it(world: World) -> None:
    logs = {"wallet": world.log, "registry": Silent("registry", world.clock)}
    readers = Readers("wallet", world.engine, logs, world.clock)
    world.made.append(readers)
    readers.project(Projection("other", 1, ("registry",), world.projection().metadata, {}))
    readers.project(walking())
    await append(world, 1)
    await readers.start()
    assert await readers.caught_up("wallet", 10, PATIENCE_SECONDS)
    assert {(lag.reader, lag.started) for lag in await readers.lags()} == {("other", False), ("walking", True)}


class Missing(OverKafka):
    """A log whose topics were there once; that is for an operator to look at."""

    async def page(self, part: Part, cursor: Cursor, limit: int) -> Page:
        raise missing()

    async def head(self) -> int:
        raise missing()


class NeverThere(Missing):
    """A log whose topics nobody has made yet."""

    async def parts(self) -> int:
        raise missing()


def missing() -> Problem:
    return Problem("kafka_topics_missing", "Topics are not there.", kind=Kind.CONFLICT)


@pytest.mark.parametrize("log", [Missing, NeverThere])
async def test_what_an_operator_has_to_look_at_is_named_and_the_others_are_told_of_as_ever(
    world: World, log: type[Missing]
) -> None:
    logs = {"wallet": world.log, "registry": log(MemoryLog("registry", world.clock), 2)}
    readers = Readers("wallet", world.engine, logs, world.clock)
    world.made.append(readers)
    readers.project(Projection("other", 1, ("registry",), world.projection().metadata, {}))
    readers.project(walking())
    await append(world, 1)
    with capture_logs() as lines:
        await readers.start()

        async def told() -> list[Any]:
            return [line for line in lines if line["event"] == "reader_waits"]

        line = (await until(told))[0]
        assert await readers.caught_up("wallet", 10, PATIENCE_SECONDS)
    assert (line["reader"], line["error"], line["alarm"]) == ("other", "kafka_topics_missing", True)
    assert {(lag.reader, lag.reachable) for lag in await readers.lags()} == {("other", False), ("walking", True)}


async def test_one_move_that_fails_again_and_again_holds_up_nobody_else(world: World) -> None:
    readers = world.readers(world.projection(), walking())
    await append(world, 1)
    await readers.start()
    assert await readers.caught_up("wallet", 10, PATIENCE_SECONDS)
    async with world.engine.begin() as connection:
        into_nothing = "UPDATE runner_cursor SET until = position, fence = fence + 1 WHERE reader = 'seeing'"
        await connection.exec_driver_sql(into_nothing)
    with capture_logs() as logs:
        another = world.readers(walking())
        assert await another.move({"wallet": {"postgres": world.log}}, parts=3) == 1
        await another.start()
        await append(world, 1)
        assert await another.caught_up("wallet", 20, PATIENCE_SECONDS)
    assert {(s.key.reader, s.part.of, s.position) for s in await another.stands()} >= {("walking", 3, 20)}
    assert {line["reader"] for line in logs if line["event"] == "move_waits"} == {"seeing"}

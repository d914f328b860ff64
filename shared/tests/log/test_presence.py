"""Presence: who is alive, seen by who else is; killed, it is gone at once, and frozen, within seconds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.testing import capture_logs

from kompetenspass.embedded.provision import connected
from kompetenspass.log import presence as room
from kompetenspass.log.presence import Presence, class_of
from kompetenspass.testing.postgres import Database
from kompetenspass.testing.waiting import until

SESSIONS = "SELECT pg_terminate_backend(pid, 5000) FROM pg_locks WHERE objsubid = 2 AND objid::bigint = $1"


@pytest.fixture
async def present(engine: AsyncEngine) -> AsyncIterator[Any]:
    made = list[Presence]()

    def new(follows: str = "wallet facts 1") -> Presence:
        made.append(Presence(engine, lambda: follows))
        return made[-1]

    yield new
    for one in made:
        await one.leave()


async def test_those_who_follow_the_same_are_peers_and_the_others_only_alive(present: Any) -> None:
    first, second, other = present(), present(), present("wallet facts 2")
    beats = [await one.beat() for one in (first, second, other)]
    seen = await first.beat()
    assert seen.me == beats[0].me
    assert seen.peers == tuple(sorted((beats[0].me, beats[1].me)))
    assert seen.alive == {beat.me for beat in beats}
    assert (await other.beat()).peers == (beats[2].me,)


async def test_one_that_leaves_is_gone_at_once_and_may_come_back(present: Any) -> None:
    stays, leaves = present(), present()
    gone = (await leaves.beat()).me
    await leaves.leave()
    assert leaves.last is None
    assert (await stays.beat()).peers == ((await stays.here()).me,)
    assert (await leaves.here()).me != gone
    assert len((await stays.beat()).peers) == 2


async def test_one_whose_connection_ends_is_gone_at_once_and_comes_back_with_another_number(
    present: Any, database: Database
) -> None:
    stays, lost = present(), present()
    former = (await lost.beat()).me
    async with connected(database.admin_dsn) as admin:
        assert await admin.fetch(SESSIONS, former)
    assert (await stays.beat()).peers == ((await stays.here()).me,)

    async def back() -> bool:
        with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            came_back: bool = (await lost.beat()).me != former
            return came_back
        assert lost.last is None
        return False

    await until(back)
    assert len((await stays.beat()).peers) == 2


async def test_one_that_asks_nothing_any_more_is_taken_for_dead(present: Any) -> None:
    stays, silent = present(), present()
    quiet = (await silent.beat()).me
    assert quiet in (await stays.beat()).alive

    async def unseen() -> bool:
        return quiet not in (await stays.beat()).alive

    await until(unseen)
    assert quiet in (await silent.beat()).alive
    assert quiet in (await stays.beat()).peers


async def test_a_slow_answer_costs_it_its_number_only_when_there_is_none_for_long(
    present: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = present()
    first = await one.beat()
    with monkeypatch.context() as slow:
        slow.setattr(room, "_ANSWER_SECONDS", 0.05)
        slow.setattr(room, "ALIVE", "SELECT pg_sleep(60)")
        for _ in range(2):
            with pytest.raises(TimeoutError):
                await one.beat()
            assert one.last == first
    assert (await one.beat()) == first
    monkeypatch.setattr(room, "_ANSWER_SECONDS", 0.05)
    with monkeypatch.context() as slow:
        slow.setattr(room, "ALIVE", "SELECT pg_sleep(60)")
        for _ in range(3):
            with pytest.raises(TimeoutError):
                await one.beat()
    assert one.last is None


async def test_it_beats_through_an_outage(present: Any, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "BEAT_SECONDS", 0.01)
    one = present()
    before = (await one.beat()).me
    running = asyncio.create_task(one.run())
    with capture_logs() as logs:
        async with connected(database.admin_dsn) as admin:
            await admin.fetch(SESSIONS, before)

        async def back() -> bool:
            return one.last is not None and one.last.me != before

        await until(back)
    assert {line["event"] for line in logs} <= {"presence_waits"}
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def test_the_class_is_32_bits_and_the_same_everywhere() -> None:
    assert class_of("") == 0xE3B0C442
    assert 0 <= class_of("wallet facts 1") < 2**32

"""Projections: each event once, whoever else runs; a log that is not the same one; poison, retries, outages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import pytest

from kompetenspass.core.errors import Kind, Problem
from kompetenspass.core.ids import uuid7
from kompetenspass.events.codec import UPCASTS
from kompetenspass.events.envelope import Draft
from kompetenspass.log import fates
from kompetenspass.log.api import Append
from kompetenspass.log.conformance import draft
from kompetenspass.log.memory import MemoryLog
from kompetenspass.log.project import Poison, Retry
from kompetenspass.log.readers import Readers
from kompetenspass.testing.waiting import PATIENCE_SECONDS

World = Any


async def caught_up(readers: Readers, world: World) -> None:
    assert await readers.caught_up("wallet", await world.log.head(), PATIENCE_SECONDS)


def halted(readers: Readers) -> Callable[[], Awaitable[object]]:
    async def reason() -> object:
        return [lag.halted for lag in await readers.lags() if lag.halted]

    return reason


async def test_the_service_reads_what_was_projected(world: World) -> None:
    await world.append("a", "b")
    readers = world.readers()
    await readers.start()
    await world.append("c")
    await caught_up(readers, world)
    assert await world.rows() == [("a", 1), ("b", 1), ("c", 1)]


async def test_two_runners_apply_each_event_once(world: World) -> None:
    both = [world.readers(), world.readers()]
    for readers in both:
        await readers.start()

    async def positions() -> set[int]:
        return {lag.position for readers in both for lag in await readers.lags()}

    for start, end in ((0, 700), (700, 710), (710, 800)):
        await world.append(*(f"{n:04}" for n in range(start, end)))
        await world.until(lambda end=end: _is(positions, {end}))
    assert await world.rows() == [(f"{n:04}", 1) for n in range(800)]
    assert not [lag.halted for readers in both for lag in await readers.lags() if lag.halted]


async def test_a_restart_goes_on_where_it_was(world: World) -> None:
    for digest in ("a", "b"):
        await world.append(digest)
        readers = world.readers()
        await readers.start()
        await caught_up(readers, world)
        await readers.stop()
    assert await world.rows() == [("a", 1), ("b", 1)]


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda log: log._log.pop(), "cursor_ahead_of_log"),
        (lambda log: _replace_last(log), "log_has_another_event"),
        (lambda log: setattr(log, "_epoch", uuid7()), "log_has_another_epoch"),
    ],
)
async def test_a_log_that_was_rewound_stops_the_runner(
    world: World, damage: Callable[[MemoryLog], object], reason: str
) -> None:
    await world.append("a", "b")
    readers = world.readers()
    await readers.start()
    await caught_up(readers, world)
    await readers.stop()
    damage(world.log)
    await readers.start()
    await world.until(halted(readers))
    assert await halted(readers)() == [reason]
    assert await world.rows() == [("a", 1), ("b", 1)]


async def test_poison_parks_its_stream_and_no_other(world: World) -> None:
    world.failing["bad"] = Poison()
    readers = world.readers()
    await world.append("a", "bad", "later", stream="s")
    await world.append("other")
    await readers.start()
    await caught_up(readers, world)
    assert await world.rows() == [("a", 1), ("other", 1)]
    assert [(p.position, p.stream, p.error) for p in await readers.parked.list()] == [
        (2, "s", "Poison"),
        (3, "s", "behind"),
    ]


async def test_an_event_that_cannot_be_read_is_parked(world: World) -> None:
    broken = Draft(uuid7(), "wallet.CredentialReceived.v1", "{}")
    newer = Draft(uuid7(), "wallet.CredentialReceived.v9", draft().data)
    unheard_of = Draft(uuid7(), "wallet.Unheard.v1", "{}")
    for n, bad in enumerate((broken, newer, unheard_of)):
        await world.log.append(Append(f"s-{n}", 0, [bad]))
    readers = world.readers()
    await readers.start()
    await caught_up(readers, world)
    assert [(p.position, p.error) for p in await readers.parked.list()] == [
        (1, "ValidationError"),
        (2, "UnknownEventType"),
    ]


async def test_an_older_version_of_an_event_finds_the_handler_of_the_newest(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    newest = "wallet.CredentialReceived.v1"
    monkeypatch.setitem(UPCASTS, "wallet.CredentialReceived.v0", (newest, lambda payload: payload))
    now = draft(digest="a")
    old = Draft(now.id, "wallet.CredentialReceived.v0", now.data.replace(newest, "wallet.CredentialReceived.v0"))
    await world.log.append(Append("s", 0, [old]))
    readers = world.readers()
    await readers.start()
    await caught_up(readers, world)
    assert await world.rows() == [("a", 1)]


async def test_parked_events_are_handled_when_they_are_retried(world: World) -> None:
    readers = await _with_parked(world)
    with pytest.raises(Poison):
        await readers.parked.retry("seeing")
    world.failing.clear()
    assert await readers.parked.retry("seeing") == 2
    await world.append("last", stream="s")
    await caught_up(readers, world)
    assert await world.rows() == [("bad", 1), ("last", 1), ("later", 1)]
    assert await readers.parked.list() == []


async def test_a_parked_event_is_skipped_and_what_waited_is_handled(world: World) -> None:
    readers = await _with_parked(world)
    with pytest.raises(Problem) as early:
        await readers.parked.skip("seeing", "wallet", 2)
    assert early.value.code == "not_first_of_stream"
    assert await readers.parked.skip("seeing", "wallet", 1) == 1
    assert await world.rows() == [("later", 1)]
    with pytest.raises(Problem) as gone:
        await readers.parked.skip("seeing", "wallet", 1)
    assert gone.value.code == "not_found"


async def test_what_is_parked_where_validity_is_judged_is_counted(world: World) -> None:
    world.failing["bad"] = Poison()
    await world.append("bad", "later", stream="s")
    readers = world.readers(world.projection(judges_validity=True))
    await readers.start()
    await caught_up(readers, world)
    assert readers.judging(await readers.parked.list()) == 2


async def test_a_retry_that_never_helps_stops_the_projection(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fates, "RETRY_PAUSES_SECONDS", (0, 0))
    world.failing["later"] = Retry()
    await world.append("a", "later", "b")
    readers = world.readers()
    await readers.start()
    await world.until(halted(readers))
    assert await halted(readers)() == ["retries_exhausted"]
    assert await world.rows() == [("a", 1)]


@pytest.mark.parametrize("outage", [OSError(), Problem("busy", "Busy.", kind=Kind.UNAVAILABLE), Retry()])
async def test_what_passes_is_waited_out(world: World, outage: Exception) -> None:
    world.failing["b"] = outage
    await world.append("a", "b", "c")
    readers = world.readers()
    await readers.start()

    async def tried() -> object:
        return world.raised

    await world.until(tried)
    world.failing.clear()
    await caught_up(readers, world)
    assert await world.rows() == [("a", 1), ("b", 1), ("c", 1)]
    assert await readers.parked.list() == []


async def test_a_lost_database_is_waited_out(world: World, database: Any) -> None:
    readers = world.readers()
    await readers.start()
    await world.append("a")
    await caught_up(readers, world)
    admin = await asyncpg.connect(database.admin_dsn)
    await admin.execute("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = 'wallet'")
    await admin.close()
    await world.append("b")
    await caught_up(readers, world)
    assert await world.rows() == [("a", 1), ("b", 1)]


async def test_facts_are_stamped_when_all_of_the_log_was_read(world: World) -> None:
    readers = world.readers()
    await readers.prepare()
    assert await readers.checked_at("wallet") is None
    await readers.start()
    await world.until(lambda: readers.checked_at("wallet"))
    assert await readers.checked_at("wallet") == world.clock()
    assert [(s.position, s.checked_at) for s in await readers.stands()] == [(0, world.clock())]


async def test_nothing_is_ready_in_the_moment_of_the_start(world: World) -> None:
    readers = world.readers()
    await readers.start()
    assert [lag.started for lag in await readers.lags()] == [False]
    await world.until(lambda: _started(readers))


async def test_waiting_for_what_does_not_come_ends(world: World) -> None:
    readers = world.readers()
    await readers.start()
    assert not await readers.caught_up("wallet", 1, 0.05)


async def _is(seen: Callable[[], Awaitable[set[int]]], wanted: set[int]) -> bool:
    return await seen() == wanted


async def _started(readers: Readers) -> bool:
    return all(lag.started for lag in await readers.lags())


def _replace_last(log: MemoryLog) -> None:
    log._log[-1] = log._log[-1]._replace(id=uuid7())


async def _with_parked(world: World) -> Readers:
    world.failing["bad"] = Poison()
    await world.append("bad", "later", stream="s")
    readers: Readers = world.readers()
    await readers.start()
    await caught_up(readers, world)
    return readers

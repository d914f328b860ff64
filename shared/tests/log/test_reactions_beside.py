"""Reactions whose handlers run beside themselves: what is parked, what a crash and an outage repeat."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from kompetenspass.core.errors import Kind, Problem
from kompetenspass.core.ids import derived_event_id
from kompetenspass.events.base import Event
from kompetenspass.events.envelope import SYSTEM, Context, seal
from kompetenspass.events.wallet import CredentialPresented, CredentialReceived
from kompetenspass.log import fates, reactions
from kompetenspass.log.api import Append, Recorded
from kompetenspass.log.memory import MemoryLog
from kompetenspass.log.project import Poison, Reaction, Retry
from kompetenspass.log.readers import Readers
from kompetenspass.testing.clock import FixedClock

World = Any


class Answering:
    """Answers each event with one of its own, and then raises what it is told to, or waits for the gate."""

    def __init__(self, *, at_once: int = 4) -> None:
        self.log = MemoryLog("wallet", FixedClock())
        self.at_once = at_once
        self.raising: dict[int, list[Exception]] = {}
        self.waiting: set[int] = set()
        self.gate = asyncio.Event()
        self.handled = list[int]()
        self.running = self.most = 0

    async def __call__(self, cause: Recorded) -> None:
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await self._answer(cause)
        finally:
            self.running -= 1

    async def _answer(self, cause: Recorded) -> None:
        stream = f"answer-{cause.id}"
        said = CredentialPresented(account_id=cause.id, digest="d", verifier="v")
        id_ = derived_event_id(cause.id, "answering", stream, said.type)
        await self.log.append(Append(stream, 0, [seal(id_, said, Context(SYSTEM, FixedClock()(), "test"))]))
        await asyncio.sleep(0)
        if self.raising.get(cause.position):
            raise self.raising[cause.position].pop(0)
        if cause.position in self.waiting:
            await self.gate.wait()
        self.handled.append(cause.position)

    def reaction(self, after: tuple[str, ...] = ()) -> Reaction:
        handlers: dict[type[Event], Callable[[Recorded], Awaitable[None]]] = {CredentialReceived: self}
        return Reaction("answering", ("wallet",), handlers, after, at_once=self.at_once)


async def appended(world: World, streams: str) -> None:
    """Append an event for each letter, which names its stream."""
    for stream in streams:
        await world.append("d", stream=stream)


async def reacted(world: World, answering: Answering) -> Readers:
    """Start, and return when the reaction's cursor has passed all that there is."""
    readers: Readers = world.readers(reactions=[answering.reaction(after=("seeing",))])
    await readers.start()
    head: int = await world.log.head()

    async def passed() -> bool:
        return await cursor(readers) >= head

    await world.until(passed)
    return readers


async def cursor(readers: Readers) -> int:
    return max((s.position for s in await readers.stands() if s.key.reader == "answering"), default=0)


async def test_more_than_a_chunk_is_handled_each_once_and_so_many_at_a_time(world: World) -> None:
    answering = Answering()
    await appended(world, "".join(chr(0x100 + number) for number in range(150)))
    await reacted(world, answering)
    assert sorted(answering.handled) == list(range(1, 151))
    assert (await answering.log.head(), answering.most) == (150, 4)


async def test_the_events_of_a_stream_are_handled_in_their_order(world: World) -> None:
    answering = Answering(at_once=8)
    streams = "abcaabbcdada" * 5
    await appended(world, streams)
    await reacted(world, answering)
    for stream in "abcd":
        its = [position for position in answering.handled if streams[position - 1] == stream]
        assert its == sorted(its)
    assert len(answering.handled) == len(streams)


async def test_what_cannot_be_handled_is_parked_with_the_later_ones_of_its_stream_only(world: World) -> None:
    answering = Answering(at_once=8)
    answering.raising = {2: [Poison()], 5: [Problem("no", "No.")]}
    await appended(world, "abcabcab")
    readers = await reacted(world, answering)
    parked = [(event.position, event.stream, event.error) for event in await readers.parked.list()]
    assert parked == [(2, "b", "Poison"), (5, "b", "behind"), (8, "b", "behind")]
    assert sorted(answering.handled) == [1, 3, 4, 6, 7]
    await appended(world, "ba")
    await world.until(lambda: _reached(readers, 10))
    assert [event.position for event in await readers.parked.list()] == [2, 5, 8, 9]


async def test_a_crash_in_a_chunk_repeats_it_with_one_effect(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reactions, "_CHUNK", 4)
    answering = Answering()
    answering.waiting = {6}
    await appended(world, "abcdefghij")
    readers = world.readers(reactions=[answering.reaction()])
    await readers.start()
    await world.until(lambda: _handled(answering, 7))
    assert await cursor(readers) == 4
    await readers.stop()
    assert answering.running == 0
    answering.gate.set()
    await reacted(world, answering)
    assert Counter(answering.handled) == {**dict.fromkeys(range(1, 11), 1), 5: 2, 7: 2, 8: 2}
    assert await answering.log.head() == 10


@pytest.mark.parametrize("error", [OSError(), NoConnectionFree(), Problem("busy", "Busy.", kind=Kind.UNAVAILABLE)])
async def test_after_an_outage_the_chunk_is_done_again_with_one_effect(world: World, error: Exception) -> None:
    answering = Answering(at_once=8)
    answering.raising = {2: [error]}
    await appended(world, "abcbb")
    readers = await reacted(world, answering)
    its = [position for position in answering.handled if position in (2, 4, 5)]
    assert its == [2, 4, 5]
    assert set(answering.handled) == {1, 2, 3, 4, 5}
    assert (await answering.log.head(), await readers.parked.list()) == (5, [])


async def test_a_handler_that_halts_stops_the_reader_once_the_others_are_over(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fates, "RETRY_PAUSES_SECONDS", ())
    answering = Answering()
    answering.raising, answering.waiting = {1: [Retry()]}, {2}
    await appended(world, "ab")
    readers = world.readers(reactions=[answering.reaction()])
    await readers.start()
    await world.until(lambda: _running(answering, 1))
    answering.gate.set()
    await world.until(lambda: _halted(readers))
    assert (answering.handled, await cursor(readers)) == ([2], 0)


async def _reached(readers: Readers, position: int) -> bool:
    return await cursor(readers) >= position


async def _handled(answering: Answering, count: int) -> bool:
    return len(answering.handled) == count


async def _running(answering: Answering, count: int) -> bool:
    return await answering.log.head() == 2 and answering.running == count


async def _halted(readers: Readers) -> bool:
    return any(lag.halted == "retries_exhausted" for lag in await readers.lags())

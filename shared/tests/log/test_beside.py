"""Rows beside one another: one stream in its order, so many at a time, and what was begun is over before it is told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from kompetenspass.core.ids import uuid7
from kompetenspass.log.api import Recorded
from kompetenspass.log.beside import Beside
from kompetenspass.testing.clock import NOON
from kompetenspass.testing.waiting import PATIENCE_SECONDS


class Handling:
    """A handler that is let go row by row; it notes what begins and what ends, and raises what it is told to."""

    def __init__(self, *, wait: bool = True, **raising: BaseException) -> None:
        self.begun, self.failed, self.ended = list[str](), list[str](), list[str]()
        self.raising = raising
        self.gates: dict[str, asyncio.Event] = {}
        self.wait = wait
        self.moved = asyncio.Event()

    async def __call__(self, row: Recorded) -> str | None:
        name = f"{row.stream}{row.version}"
        self.begun.append(name)
        self.moved.set()
        if self.wait:
            await self.gates.setdefault(name, asyncio.Event()).wait()
        if name in self.raising:
            self.failed.append(name)
            self.moved.set()
            raise self.raising[name]
        self.ended.append(name)
        return f"said of {name}"

    def let(self, *names: str) -> None:
        for name in names:
            self.gates.setdefault(name, asyncio.Event()).set()

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not holds():
                await self.moved.wait()
                self.moved.clear()


def rows(streams: str) -> list[Recorded]:
    """Return a row for each letter, which names its stream."""
    return [
        Recorded(at, stream, streams[:at].count(stream), uuid7(), "type", NOON, "{}")
        for at, stream in enumerate(streams, 1)
    ]


def doing(handling: Callable[[Recorded], Awaitable[str | None]], streams: str, at_once: int) -> asyncio.Task[list[str]]:
    """Begin to handle; the task returns what was handled, each after its stream."""
    beside = Beside(handling, at_once=at_once, seconds=60)

    async def done() -> list[str]:
        return [f"{row.stream}{row.version}: {said}" for row, said in await beside.handled(rows(streams))]

    return asyncio.create_task(done())


async def test_no_more_are_handled_at_a_time_than_it_says_and_each_that_ends_makes_place() -> None:
    handling = Handling()
    task = doing(handling, "abcde", 3)
    await handling.until(lambda: len(handling.begun) == 3)
    assert handling.begun == ["a1", "b1", "c1"]
    handling.let("b1")
    await handling.until(lambda: len(handling.begun) == 4)
    assert handling.begun[3:] == ["d1"]
    handling.let(*(f"{stream}1" for stream in "acde"))
    assert await task == [f"{stream}1: said of {stream}1" for stream in "abcde"]


async def test_those_of_one_stream_come_after_one_another_while_others_pass_them() -> None:
    handling = Handling()
    task = doing(handling, "aabba", 4)
    await handling.until(lambda: len(handling.begun) == 2)
    assert handling.begun == ["a1", "b1"]
    handling.let("b1", "b2")
    await handling.until(lambda: len(handling.begun) == 3)
    assert handling.begun == ["a1", "b1", "b2"]
    handling.let("a1", "a2", "a3")
    await task
    assert handling.begun[3:] == ["a2", "a3"]


@pytest.mark.parametrize("streams", ["abab", "aaaa", "abcd", "aabc"])
async def test_one_at_a_time_is_the_order_of_the_rows(streams: str) -> None:
    handling = Handling(wait=False)
    await doing(handling, streams, 1)
    assert handling.ended == [f"{row.stream}{row.version}" for row in rows(streams)]


async def test_after_a_failure_none_begins_and_those_that_were_begun_end_before_it_is_raised() -> None:
    handling = Handling(a1=OSError())
    task = doing(handling, "abac", 3)
    await handling.until(lambda: len(handling.begun) == 2)
    handling.let("a1")
    await handling.until(lambda: handling.failed == ["a1"])
    for _ in range(20):
        await asyncio.sleep(0)
    assert not task.done()
    handling.let("b1")
    with pytest.raises(OSError):
        await task
    assert handling.begun == ["a1", "b1"]
    assert handling.ended == ["b1"]


async def test_told_to_end_it_ends_with_all_that_were_begun() -> None:
    handling = Handling()
    task = doing(handling, "aabc", 3)
    await handling.until(lambda: len(handling.begun) == 2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert handling.ended == []
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.parametrize("streams", ["abc", "aab", "a"])
async def test_once_the_time_is_over_none_begins_and_those_before_are_told(streams: str) -> None:
    handling = Handling(wait=False)
    told = await Beside(handling, at_once=1, seconds=-1).handled(rows(streams))
    assert [said for _, said in told] == ["said of a1"]
    assert handling.begun == ["a1"]


async def test_a_place_that_nobody_took_is_there_for_the_next() -> None:
    beside = Beside(Handling(wait=False), at_once=1, seconds=-1)
    async with asyncio.timeout(PATIENCE_SECONDS):
        for _ in range(2):
            assert len(await beside.handled(rows("ab"))) == 1


async def test_none_comes_after_one_of_its_stream_that_ended_because_what_it_waited_for_was_cancelled() -> None:
    handling = Handling(a1=asyncio.CancelledError())
    task = doing(handling, "aab", 3)
    await handling.until(lambda: len(handling.begun) == 2)
    handling.let("a1", "a2", "b1")
    with pytest.raises(asyncio.CancelledError):
        await task
    assert handling.begun == ["a1", "b1"]

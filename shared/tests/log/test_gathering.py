"""Callers who ask at the same moment share one answering, and each has its own answer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from kompetenspass.log import gathering
from kompetenspass.log.gathering import Gathering
from kompetenspass.testing.waiting import PATIENCE_SECONDS


class Doubling:
    """Doubles numbers, notes which were asked for together, and refuses those that are not positive."""

    def __init__(self) -> None:
        self.together: list[Sequence[int]] = []
        self.begun, self.may = asyncio.Event(), asyncio.Event()
        self.may.set()

    async def __call__(self, numbers: Sequence[int]) -> Sequence[int]:
        self.together.append(list(numbers))
        self.begun.set()
        await self.may.wait()
        if min(numbers) <= 0:
            raise ValueError(numbers)
        return [2 * number for number in numbers]


@pytest.fixture
def doubling() -> Doubling:
    return Doubling()


async def test_those_who_ask_at_once_are_answered_together(doubling: Doubling) -> None:
    asked = Gathering(doubling)
    assert await asyncio.gather(*map(asked.ask, (3, 1, 2))) == [6, 2, 4]
    assert doubling.together == [[3, 1, 2]]


async def test_nothing_is_remembered(doubling: Doubling) -> None:
    asked = Gathering(doubling)
    assert [await asked.ask(1), await asked.ask(1)] == [2, 2]
    assert doubling.together == [[1], [1]]


async def test_who_asks_while_others_are_answered_waits_for_the_next(doubling: Doubling) -> None:
    asked = Gathering(doubling)
    doubling.may.clear()
    first = asyncio.create_task(asked.ask(1))
    await doubling.begun.wait()
    later = [asyncio.create_task(asked.ask(number)) for number in (2, 3)]
    await asyncio.sleep(0)
    assert doubling.together == [[1]]
    doubling.may.set()
    assert [await first, *[await one for one in later]] == [2, 4, 6]
    assert doubling.together == [[1], [2, 3]]


@pytest.fixture
def by_twos(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "MOST", 2)


@pytest.mark.usefixtures("by_twos")
async def test_a_batch_is_no_larger_than_it_may_be(doubling: Doubling) -> None:
    asked = Gathering(doubling)
    assert await asyncio.gather(*map(asked.ask, range(1, 6))) == [2, 4, 6, 8, 10]
    assert doubling.together == [[1, 2], [3, 4], [5]]


@pytest.mark.usefixtures("by_twos")
async def test_a_failure_is_that_of_its_own_batch_only(doubling: Doubling) -> None:
    asked = Gathering(doubling)
    answers = await asyncio.gather(*map(asked.ask, (1, 0, 2)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [ValueError, ValueError, int]


async def test_who_goes_away_leaves_the_others_their_answers(doubling: Doubling) -> None:
    asked = Gathering(doubling)
    doubling.may.clear()
    gone, stays = (asyncio.create_task(asked.ask(number)) for number in (1, 2))
    await doubling.begun.wait()
    gone.cancel()
    doubling.may.set()
    assert await stays == 4
    with pytest.raises(asyncio.CancelledError):
        await gone


@pytest.mark.parametrize("others", [-1, 1])
async def test_where_there_is_not_an_answer_for_each_the_batch_fails_and_nobody_waits(others: int) -> None:
    async def miscounting(numbers: Sequence[int]) -> Sequence[int]:
        return [0] * (len(numbers) + others)

    asked = Gathering(miscounting)
    async with asyncio.timeout(PATIENCE_SECONDS):
        answers = await asyncio.gather(*map(asked.ask, (1, 2)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [ValueError] * 2

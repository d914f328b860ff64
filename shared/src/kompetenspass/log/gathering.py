"""Gathering: what several callers ask at the same moment is answered together, as the appender does with appends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Generic, TypeVar

Q = TypeVar("Q")
A = TypeVar("A")
MOST = 200
"""Questions that are answered together."""


class Gathering(Generic[Q, A]):
    """One answering at a time: the longer it takes, the more callers share the next. Nothing is remembered.

    `answer` returns one answer for each question, in order; what it raises, every caller of that batch gets. Its
    questions were all asked before it begins, so that each caller sees what was true after its call.
    """

    def __init__(self, answer: Callable[[Sequence[Q]], Awaitable[Sequence[A]]]) -> None:
        self._answer = answer
        self._turn = asyncio.Lock()
        self._open: list[tuple[Q, asyncio.Future[A]]] | None = None
        self._answering: set[asyncio.Task[Sequence[A]]] = set()  # the loop itself does not keep its tasks

    async def ask(self, question: Q) -> A:
        """Return the answer. A caller that goes away leaves the others theirs."""
        batch = self._open
        if batch is None or len(batch) >= MOST:
            batch = self._open = []
            task = asyncio.create_task(self._answered(batch))
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)
            task.add_done_callback(partial(_hand_out, batch))
        answer: asyncio.Future[A] = asyncio.get_running_loop().create_future()
        batch.append((question, answer))
        return await answer

    async def _answered(self, batch: list[tuple[Q, asyncio.Future[A]]]) -> Sequence[A]:
        async with self._turn:
            await asyncio.sleep(0)  # whoever is ready to ask goes along
            if self._open is batch:
                self._open = None
            answers = await self._answer([question for question, _ in batch])
            if len(answers) != len(batch):
                raise ValueError(f"{len(answers)} answers to {len(batch)} questions")
            return answers


def _hand_out(batch: Sequence[tuple[Q, asyncio.Future[A]]], answered: asyncio.Task[Sequence[A]]) -> None:
    """Give those who still wait their answers, or the failure."""
    failure = None if answered.cancelled() else answered.exception()
    for number, (_, waiting) in enumerate(batch):
        if waiting.done():
            continue
        if answered.cancelled():
            waiting.cancel()
        elif failure is not None:
            waiting.set_exception(failure)
        else:
            waiting.set_result(answered.result()[number])

"""Rounds: every way of doing a thing is done once in each round, so that what slows the machine slows all of them."""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from time import thread_time_ns

from bench.report import Figure


def interleaved(
    ways: Mapping[str, Callable[[], object]],
    *,
    rounds: int,
    operations: int,
    warm_up: int = 300,
    within: Callable[[str], AbstractContextManager[object]] = nullcontext,
) -> dict[str, Figure]:
    """Return the processor time of one operation of each way, in microseconds, for every round.

    Time of this thread only: what neighbours take does not count. Each way is called before as often as in a round, but
    `warm_up` times at most.
    `within` returns, by a way's name, what is entered around its operations and not measured.
    """
    spent: dict[str, list[float]] = {name: [] for name in ways}
    for name, operation in ways.items():
        with within(name):
            for _ in range(min(warm_up, operations)):
                operation()
    for _ in range(rounds):
        for name, operation in ways.items():
            with within(name):
                spent[name].append(microseconds(operation, operations))
    return {name: Figure(name, "us", values) for name, values in spent.items()}


def microseconds(operation: Callable[[], object], operations: int) -> float:
    """Return the processor time of this thread for one of so many operations, after a collection of garbage."""
    gc.collect()
    began = thread_time_ns()
    for _ in range(operations):
        operation()
    return (thread_time_ns() - began) / operations / 1000

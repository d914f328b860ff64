"""A registry under revocations: all bits against the log, how soon a revocation is served, what serving costs."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from itertools import islice, pairwise
from time import perf_counter, process_time, thread_time
from typing import Any
from uuid import UUID

from bench.of_statuslist.registry import Registry, caller, database, registry, until
from bench.report import Condition, Figure, Goal, Report
from kompetenspass.core.clock import system_clock
from kompetenspass.events.registry import CredentialRevoked
from kompetenspass.openid import status
from services.registry.domain.status_list import first_list
from services.registry.state import State

REVOCATIONS = 10_000
WRITERS = 16
FRESH_MILLISECONDS = 2000.0
"""What the product promises of every revocation, from its commit."""
_FLIPS = 3  # in each round
_TICK_SECONDS, _ASKED_SECONDS = 1.0, 0.01
_REQUESTS = 1000
_PATIENCE_SECONDS = 600


async def measure(report: Report, rounds: int, entries: int) -> None:
    """Add what a running registry shows: its list after many revocations, its freshness, its processor time."""
    count = min(REVOCATIONS, entries // 8)
    async with database() as cluster, registry(cluster, entries) as running:
        await running.issue(count + count // 10 + rounds * _FLIPS)
        credentials = iter(running.issued)
        await _revoke(report, running, list(islice(credentials, count)))
        await _freshness(report, running, islice(credentials, rounds * _FLIPS))
        await _serving(report, running, rounds)


async def _revoke(report: Report, running: Registry, wanted: Sequence[UUID]) -> None:
    waiting = iter(wanted)

    async def writer() -> Counter[int]:
        return Counter([(await running.revoke(credential_id)).status_code for credential_id in waiting])

    spent, began = process_time(), perf_counter()
    answers = sum(await asyncio.gather(*(writer() for _ in range(WRITERS))), Counter())
    seconds = perf_counter() - began
    await running.runtime.caught_up("registry", await running.runtime.log.head(), _PATIENCE_SECONDS)
    spent = process_time() - spent
    report.figures += [
        Figure("revocation: client, command, projection, lists", "us CPU", [spent / len(wanted) * 1e6]),
        Figure(f"revocations by {WRITERS} writers, client beside", "/s", [len(wanted) / seconds]),
    ]
    report.conditions += [await _agrees(running, len(wanted)), all_answered(answers, len(wanted))]


def all_answered(answers: Counter[int], count: int) -> Condition:
    """Return whether each of so many revocations was answered with 200."""
    return Condition("every revocation answered with 200", answers[200] == count, f"{answers[200]} of {count}")


async def _agrees(running: Registry, count: int) -> Condition:
    """Return whether every bit that is served becomes what the log says; how soon that is, is a figure of its own."""
    expected, served = await running.said_by_the_log(), b""
    ends = perf_counter() + _PATIENCE_SECONDS
    while served != expected and perf_counter() < ends:
        await asyncio.sleep(0.1)
        served = (await running.served()).status_list.values
    return agreement(served, expected, count)


def agreement(served: bytes, expected: bytes, count: int) -> Condition:
    """Return whether every bit is as expected, and as many are set as were revoked."""
    revoked, size = int.from_bytes(expected, "big").bit_count(), len(expected) * 8
    equal = size - (int.from_bytes(served, "big") ^ int.from_bytes(expected, "big")).bit_count()
    held = served == expected and revoked == count
    return Condition("every bit is what the log says", held, f"{equal:,} of {size:,}, {revoked:,} revoked")


async def _freshness(report: Report, running: Registry, credentials: Iterable[UUID]) -> None:
    """Flip one bit after the other, each at a moment that no timer knows, while others ask for the list."""
    asking = asyncio.create_task(_asked(running))
    steps = []
    try:
        for credential_id in credentials:
            await asyncio.sleep(random.random() * _TICK_SECONDS)  # noqa: S311  no secret
            steps.append(await _steps(running, credential_id))
    finally:
        asking.cancel()
        with suppress(asyncio.CancelledError):
            await asking
    names = ("append", "then projected", "then signed, by a tick each second", "then served, by a look each 250 ms")
    whole = Figure("revocation in the log to list served", "ms", [sum(each) for each in steps])
    report.figures += [
        whole,
        *(Figure(f"- {name}", "ms", values) for name, values in zip(names, zip(*steps, strict=True), strict=True)),
    ]
    report.goals.append(fresh(whole))


def fresh(flips: Figure) -> Goal:
    """Return what the slowest of some revocations is held to: it is promised of each."""
    slowest = Figure(f"{flips.name}, the slowest", flips.unit, [max(flips.values)])
    return Goal(slowest, "at most", FRESH_MILLISECONDS)


async def _steps(running: Registry, credential_id: UUID) -> list[float]:
    """Revoke a credential past the command, and return the milliseconds of each step until that is served."""
    state = State(running.runtime.engine)
    before = (await state.etags([first_list_id()]))[first_list_id()]
    moments = [perf_counter()]
    position = await running.state(running.runtime.log, f"status-{credential_id}", _revoked(credential_id))
    moments.append(perf_counter())
    await running.runtime.caught_up("registry", position, _PATIENCE_SECONDS)
    moments.append(perf_counter())
    await until(_another(state, before))
    moments.append(perf_counter())
    await until(_shows(running, running.issued[credential_id]))
    moments.append(perf_counter())
    return [(later - sooner) * 1000 for sooner, later in pairwise(moments)]


async def _asked(running: Registry) -> None:
    """Ask for the list again and again, as many verifiers do: so it is served from memory while that is allowed."""
    while True:
        (await running.client.get(f"/status/{first_list_id()}")).raise_for_status()
        await asyncio.sleep(_ASKED_SECONDS)


def first_list_id() -> UUID:
    """Return the id of the list."""
    return first_list("org:bench")


def _revoked(credential_id: UUID) -> CredentialRevoked:
    return CredentialRevoked(
        credential_id=credential_id, copies=(), reason_code="holder_request", effective_from=system_clock(),
        void_ab_initio=False,
    )  # fmt: skip


def _another(state: State, before: str) -> Callable[[], Awaitable[bool]]:
    async def look() -> bool:
        return (await state.etags([first_list_id()]))[first_list_id()] != before

    return look


def _shows(running: Registry, index: int) -> Callable[[], Awaitable[bool]]:
    async def look() -> bool:
        return (await running.served()).get(index) == status.INVALID

    return look


async def _serving(report: Report, running: Registry, rounds: int) -> None:
    path = f"/status/{first_list_id()}"
    headers = {"accept": status.MEDIA_TYPE, "accept-encoding": "gzip"}
    start = await caller(running.app, path, headers)()
    etag = dict(start["headers"])[b"etag"].decode()
    for code, asked in ((200, headers), (304, headers | {"if-none-match": etag})):
        call = caller(running.app, path, asked)
        _, *spent = [await _spent(call, code) for _ in range(1 + rounds)]  # the first one warms up
        report.figures.append(Figure(f"GET of a list, answered {code}, in process", "us", spent))


async def _spent(call: Callable[[], Awaitable[Any]], code: int) -> float:
    began = thread_time()
    for _ in range(_REQUESTS):
        start = await call()
        if start["status"] != code:
            raise RuntimeError(f"answered {start['status']} instead of {code}")
    return (thread_time() - began) / _REQUESTS * 1e6

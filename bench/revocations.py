"""A registry under revocations: all bits against the log, how soon a revocation is served, what serving costs."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from itertools import islice, pairwise
from time import perf_counter, process_time, thread_time
from typing import Any
from uuid import UUID

from bench.registry import Registry, caller, database, registry, until
from bench.report import Condition, Figure, Report
from kompetenspass.core.clock import system_clock
from kompetenspass.events.registry import CredentialRevoked
from kompetenspass.openid import status
from services.registry.domain.status_list import first_list
from services.registry.state import State

REVOCATIONS = 10_000
WRITERS = 16
_REQUESTS = 1000


async def measure(report: Report, rounds: int, entries: int) -> None:
    """Add what a running registry shows: its list after many revocations, its freshness, its processor time."""
    count = min(REVOCATIONS, entries // 8)
    async with database() as cluster, registry(cluster, entries) as running:
        await running.issue(count + count // 10 + rounds)
        credentials = iter(running.issued)
        await _revoke(report, running, list(islice(credentials, count)))
        await _freshness(report, running, credentials, rounds)
        await _serving(report, running, rounds)


async def _revoke(report: Report, running: Registry, wanted: Sequence[UUID]) -> None:
    waiting = iter(wanted)

    async def writer() -> Counter[int]:
        return Counter([(await running.revoke(credential_id)).status_code for credential_id in waiting])

    spent, began = process_time(), perf_counter()
    answers = sum(await asyncio.gather(*(writer() for _ in range(WRITERS))), Counter())
    seconds = perf_counter() - began
    await running.runtime.caught_up("registry", await running.runtime.log.head(), 600)
    spent = process_time() - spent
    report.figures += [
        Figure("revocation: client, command, projection, lists", "us CPU", [spent / len(wanted) * 1e6]),
        Figure(f"revocations by {WRITERS} writers, client beside", "/s", [len(wanted) / seconds]),
    ]
    report.conditions += [await _agrees(running, len(wanted)), _all_answered(answers, len(wanted))]


def _all_answered(answers: Counter[int], count: int) -> Condition:
    return Condition("every revocation answered with 200", answers[200] == count, f"{answers[200]} of {count}")


async def _agrees(running: Registry, count: int) -> Condition:
    """Return whether every bit that is served is what the log says, within the two seconds that are promised."""
    expected, served = await running.said_by_the_log(), b""
    ends = perf_counter() + 2
    while served != expected and perf_counter() < ends:
        await asyncio.sleep(0.1)
        served = (await running.served()).status_list.values
    revoked = int.from_bytes(expected, "big").bit_count()
    equal = len(served) * 8 - (int.from_bytes(served, "big") ^ int.from_bytes(expected, "big")).bit_count()
    held = served == expected and revoked == count
    return Condition("every bit is what the log says", held, f"{equal:,} of {running.size:,}, {revoked:,} revoked")


async def _freshness(report: Report, running: Registry, credentials: Iterator[UUID], rounds: int) -> None:
    state, steps = State(running.runtime.engine), []
    for credential_id in islice(credentials, rounds):
        before = (await state.etags([first_list_id()]))[first_list_id()]
        moments = [perf_counter()]
        position = await running.state(running.runtime.log, f"status-{credential_id}", _revoked(credential_id))
        moments.append(perf_counter())
        await running.runtime.caught_up("registry", position, 10)
        moments.append(perf_counter())
        await until(_another(state, before))
        moments.append(perf_counter())
        await until(_shows(running, running.issued[credential_id]))
        moments.append(perf_counter())
        steps.append([(later - sooner) * 1000 for sooner, later in pairwise(moments)])
    names = ("append", "then projected", "then signed, by a tick each second", "then served, by a look each 250 ms")
    report.figures.append(Figure("revocation in the log to list served", "ms", [sum(each) for each in steps]))
    report.figures += [
        Figure(f"- {name}", "ms", values) for name, values in zip(names, zip(*steps, strict=True), strict=True)
    ]


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
        spent = [await _spent(call, code) for _ in range(rounds)]
        report.figures.append(Figure(f"GET of a list, answered {code}, in process", "us", spent))


async def _spent(call: Callable[[], Awaitable[Any]], code: int) -> float:
    began = thread_time()
    for _ in range(_REQUESTS):
        start = await call()
        if start["status"] != code:
            raise RuntimeError(f"answered {start['status']} instead of {code}")
    return (thread_time() - began) / _REQUESTS * 1e6

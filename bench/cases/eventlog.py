"""The event log: appends that are ordered, durable and checked, against tables that are not; and reading it back."""

from __future__ import annotations

import asyncio
import gc
from contextlib import suppress
from statistics import quantiles

from bench.floors import eventlog as floor
from bench.issued import credential_issued
from bench.measure import interleaved
from bench.of_eventlog.events import Work, drafts, sealed
from bench.of_eventlog.logs import PLAIN, RATE, Bench, ready
from bench.peers import eventlog as peer
from bench.report import Condition, Figure, Goal, Report
from kompetenspass.embedded.postgres import DATABASE
from kompetenspass.events.codec import envelope
from kompetenspass.events.envelope import seal
from kompetenspass.log.api import Append, Conflict, Stored

EVENTS, MANY, PAGE = 12_800, 256, 1000
FEWER = {MANY: 1, 16: 4, 1: 32}
"""How many callers append at once, and by what the number of events is divided: fewer callers need longer for each."""

_OURS = f"appends, {MANY} callers"
_FLOOR = f"unordered group commit, {MANY} callers"
_COPY = f"COPY x{PAGE}"
_PGBENCH = f"pgbench, {peer.CONNECTIONS} connections, prepared"
_RAW, _TYPED = f"read x{PAGE}: rows, raw asyncpg", f"read x{PAGE}: typed events"
_P99 = "an append at half the rate: p99"


async def measure(rounds: int, size: int | None) -> Report:
    """Return the figures. `size`: events that 256 callers append in one round."""
    async with ready(size or EVENTS) as bench:
        await one_round(bench)
        bench.series.clear()  # the first one warmed up
        for _ in range(rounds):
            await one_round(bench)
        report = Report("eventlog", await bench.setting())
        seen = await bench.tail.seen(bench.stored)
    report.figures += bench.series.figures()
    report.figures += alone(rounds)
    report.goals += goals(bench)
    report.conditions += seen.conditions(bench.stored)
    refused = f"{bench.conflicts:,} of {bench.rivals:,} refused, beside {bench.stored:,} stored"
    report.conditions.append(Condition("rivals for a version conflict", bench.conflicts == bench.rivals, refused))
    return report


def goals(bench: Bench) -> list[Goal]:
    """Return what is asked of the log."""
    figure = bench.series.figure
    ours = figure(_OURS)
    found = [
        Goal(ours.per(figure(_FLOOR), "appends, of the unordered group commit"), "at least", 0.6),
        Goal(ours.per(figure(_COPY), f"appends, of {_COPY}"), "at least", 0.4),
        Goal(figure(_P99), "at most", 15),
        Goal(figure(_TYPED).per(figure(_RAW), "typed events, of raw rows"), "at least", 0.5),
    ]
    if peer.PGBENCH is not None:
        found.append(Goal(ours.per(figure(_PGBENCH), "appends, of pgbench"), "at least", 2.0))
    return found


def alone(rounds: int) -> list[Figure]:
    """Return what an event costs before it is handed to the log and after it is read."""
    event, draft = credential_issued(), sealed(credential_issued())
    context = envelope(draft.id, draft.type, draft.data).context
    ways = {
        "seal an event": lambda: seal(draft.id, event, context),
        "open an event": lambda: envelope(draft.id, draft.type, draft.data),
        "open an event and its context": lambda: envelope(draft.id, draft.type, draft.data).context,
    }
    return [*interleaved(ways, rounds=rounds, operations=1000).values()]


async def one_round(bench: Bench) -> None:
    """Measure each way once."""
    for way in (appends, unordered, one_by_one, at_half_the_rate, reading):
        await way(bench)


async def appends(bench: Bench) -> None:
    """Append: by as many callers as there are in a busy process, by a few, and by one."""
    for callers, divisor in FEWER.items():
        work = Work(max(1, bench.size // divisor))
        await bench.timed(f"appends, {callers} callers", work.size, lambda: _by(callers, bench, work))  # noqa: B023  awaited here
        bench.rivals += work.rivals


async def unordered(bench: Bench) -> None:
    """Store as many events without order, versions and ids: by 256 callers of one writer, and by COPY."""
    writer = floor.GroupCommit(bench.plain)
    writing = asyncio.create_task(writer.run())
    waiting = iter(drafts(bench.size))

    async def called() -> None:
        for draft in waiting:
            await writer.append(draft)

    await bench.timed(_FLOOR, bench.size, lambda: asyncio.gather(*(called() for _ in range(MANY))))
    writing.cancel()
    with suppress(asyncio.CancelledError):
        await writing
    others = drafts(bench.size)
    await bench.timed(_COPY, bench.size, lambda: floor.copied(bench.plain, others, PAGE))


async def one_by_one(bench: Bench) -> None:
    """Store fewer events the usual way: each by a statement and a commit of its own."""
    few = max(peer.CONNECTIONS, bench.size // 8)
    own, other = drafts(few), drafts(few)
    name = f"asyncpg one by one, {peer.CONNECTIONS} connections"
    await bench.timed(name, few, lambda: peer.by_asyncpg(bench.pool, own))
    name = f"SQLAlchemy ORM one by one, {peer.CONNECTIONS} sessions"
    await bench.timed(name, few, lambda: peer.by_orm(bench.sessions, other))
    if peer.PGBENCH is not None:
        folder = bench.cluster.socket_folder
        bench.series.add(_PGBENCH, RATE, await peer.by_pgbench(folder, PLAIN, DATABASE, own[0], bench.size))


async def at_half_the_rate(bench: Bench) -> None:
    """Append at half the rate that 256 callers reached in this round, at moments that do not wait for answers."""
    work = Work(bench.size)
    pause = 2 / bench.series.figure(_OURS).values[-1]
    gc.collect()
    loop, tasks = asyncio.get_running_loop(), []
    began = loop.time()
    for number, request in enumerate(work.requests):
        due = began + number * pause
        if due > loop.time():
            await asyncio.sleep(due - loop.time())
        tasks.append(asyncio.create_task(_waited(bench, request, due)))
    hundredths = quantiles(await asyncio.gather(*tasks), n=100)
    bench.rivals += work.rivals
    bench.series.add("an append at half the rate: p50", "ms", hundredths[49] * 1000)
    bench.series.add(_P99, "ms", hundredths[98] * 1000)


async def reading(bench: Bench) -> None:
    """Read the newest events back: as rows, and as typed events."""
    until = await bench.feed.head()
    after = max(0, until - bench.size)
    await bench.timed(_RAW, until - after, lambda: floor.fetched(bench.reader, after, until, PAGE))
    await bench.timed(_TYPED, until - after, lambda: _typed(bench, after, until))


async def _typed(bench: Bench, after: int, until: int) -> None:
    while after < until:
        rows = await bench.feed.read(after, PAGE)
        for row in rows:
            assert row.event
        after = rows[-1].position


async def _by(callers: int, bench: Bench, work: Work) -> None:
    async def called() -> None:
        for request in work.requests:
            await _appended(bench, request)

    await asyncio.gather(*(called() for _ in range(callers)))


async def _waited(bench: Bench, request: Append, due: float) -> float:
    await _appended(bench, request)
    return asyncio.get_running_loop().time() - due


async def _appended(bench: Bench, request: Append) -> None:
    match await bench.log.append(request):
        case Stored():
            bench.stored += len(request.drafts)
        case Conflict():
            bench.conflicts += 1
        case other:
            raise AssertionError(other)

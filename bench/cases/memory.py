"""Memory: how large each service's process is at rest, and whether it stays as it is under load for minutes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import count, takewhile
from pathlib import Path
from statistics import linear_regression, median
from time import perf_counter

from bench.driver.load import SAMPLED, Load, LoadSeries, Tally, issued
from bench.platform import SPLIT, Platform, fresh_folder, running
from bench.processes import resident_mib
from bench.report import Condition, Figure, Report

FLOWS = 100_000
TEN_MINUTES = 600.0
AT_ONCE = 16
STEADY = 1.05
"""What the last quarter's median may be of the second quarter's."""
STEEP = 0.5
"""What a process may grow by in 10,000 flows after the first quarter, in MiB: some fifty bytes a flow."""
UNIT = "MiB per 10,000 flows"
_PER = 10_000
_SAMPLE_SECONDS = 10.0
_WARM_UP = 32


async def measure(_rounds: int, size: int | None) -> Report:
    """Return the report of 100,000 flows without a pause, more if ten minutes have more, or of `size`: one round."""
    async with fresh_folder() as folder:
        return await measured(folder, size or FLOWS, 0 if size else TEN_MINUTES)


async def measured(folder: Path, least: int, seconds: float, sample_seconds: float = _SAMPLE_SECONDS) -> Report:
    """Return the report of a stopped platform's folder: at least so many flows, for at least so many seconds."""
    tally, series = Tally(), LoadSeries()
    async with running(folder, SPLIT) as started:
        at_rest = _sizes(started)
        before = await issued(started)
        with Load(started, tally) as load:
            await load.warm_up(min(least, _WARM_UP), AT_ONCE)
            async with _sampled(started, tally, sample_seconds) as (sizes, flows):
                loaded = await load.whole_flows(_until(least, seconds), AT_ONCE)
        conditions = tally.conditions(await issued(started) - before)
        durability = await started.durability()
    what, driven = f"plan to credential, {AT_ONCE} at once", loaded.driven
    series.add_rates(what, loaded)
    series.add_processors(what, loaded)
    series.add_percentiles(f"credential call, {AT_ONCE} at once", loaded.taken["credential"])
    return Report(
        "memory",
        {
            "platform": f"each service in a process of its own, issuance in two; {AT_ONCE} flows at once",
            "database": f"embedded PostgreSQL, {durability}",
            "flows": f"{len(driven.latencies)}, each with a new learner and achievement, in {driven.seconds:.0f} s;"
            " 100,000 and ten minutes at the least, or --size",
            "verified": f"the credential of one flow in {SAMPLED} is kept and verified, and all of the warm-up",
            "samples": f"{len(flows)}, one in {sample_seconds:.0f} s",
        },
        [
            *(Figure(f"{name} at rest, before", "MiB", [size]) for name, size in at_rest.items()),
            *(Figure(f"{name} under load", "MiB", values) for name, values in sizes.items()),
            *(Figure(f"{name}: growth", UNIT, [growth(flows, values)]) for name, values in sizes.items()),
            *series.figures(but=[]),
        ],
        [],
        conditions + [each for name, values in sizes.items() for each in steady(name, flows, values)],
    )


def steady(name: str, flows: Sequence[int], sizes: Sequence[float]) -> list[Condition]:
    """Return whether a process stays as large as it is, by the sizes that it had after so many flows."""
    quarter = max(1, len(sizes) // 4)
    second, last = median(sizes[quarter : 2 * quarter] or sizes), median(sizes[-quarter:])
    shown = f"{second:.0f} MiB in the second quarter, {last:.0f} in the last"
    slope = growth(flows, sizes)
    return [
        Condition(f"{name} stays as large as it is", last <= second * STEADY, shown),
        Condition(f"{name} stays within {STEEP} {UNIT}", slope <= STEEP, f"{slope:.2f}"),
    ]


def growth(flows: Sequence[int], sizes: Sequence[float]) -> float:
    """Return the slope of the line through all samples after the first quarter, in MiB for 10,000 flows."""
    quarter = len(sizes) // 4
    if len(set(flows[quarter:])) < 2:
        return 0.0
    return linear_regression(flows[quarter:], sizes[quarter:]).slope * _PER


def _until(least: int, seconds: float) -> Iterator[int]:
    began = perf_counter()
    return takewhile(lambda number: number < least or perf_counter() - began < seconds, count())


@asynccontextmanager
async def _sampled(
    platform: Platform, tally: Tally, seconds: float
) -> AsyncIterator[tuple[Mapping[str, Sequence[float]], Sequence[int]]]:
    """Return the sizes of each process and after how many flows it had them: one more each so many seconds."""
    sizes: dict[str, list[float]] = {name: [size] for name, size in _sizes(platform).items()}
    flows = [len(tally.entries)]

    async def sample() -> None:
        while True:
            await asyncio.sleep(seconds)
            flows.append(len(tally.entries))
            for name, size in _sizes(platform).items():
                sizes[name].append(size)

    task = asyncio.create_task(sample())
    try:
        yield sizes, flows
    finally:
        task.cancel()


def _sizes(platform: Platform) -> dict[str, float]:
    return {name: resident_mib(pid) for name, pid in platform.processes.items()}

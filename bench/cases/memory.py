"""Memory: how large each service's process is at rest, and whether it stays as it is under load for minutes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from time import perf_counter

from bench.load import Load, issued
from bench.platform import SPLIT, Platform, fresh_folder, running
from bench.processes import resident_mib
from bench.report import Condition, Figure, Report

MOST = 100_000
TEN_MINUTES = 600.0
AT_ONCE = 16
STEADY = 1.05
"""What the last quarter's median may be of the second quarter's."""
_SAMPLE_SECONDS = 10.0
_WARM_UP = 32

Sizes = Mapping[str, Sequence[float]]


async def measure(rounds: int, size: int | None) -> Report:
    """Return the report of `size` flows without a pause, or of as many as ten minutes have; there is one round."""
    async with fresh_folder() as folder:
        return await measured(folder, size or MOST, None if size else TEN_MINUTES)


async def measured(folder: Path, most: int, seconds: float | None, sample_seconds: float = _SAMPLE_SECONDS) -> Report:
    """Return the report of a stopped platform's folder: at most so many flows, in at most so many seconds."""
    async with running(folder, SPLIT) as started:
        at_rest = _sizes(started)
        before = await issued(started)
        with Load(started) as load:
            await load.warm_up(min(most, _WARM_UP), AT_ONCE)
            async with _sampled(started, sample_seconds) as sizes:
                driven = await load.whole_flows(_until(most, seconds), AT_ONCE)
        behind = await started.caught_up()
        conditions = load.conditions(await issued(started) - before)
    return Report(
        "memory",
        {
            "platform": f"each service in a process of its own, issuance in two; {AT_ONCE} flows at once",
            "flows": f"{len(driven.latencies)}, each with a new learner and achievement, in {driven.seconds:.0f} s"
            f" ({driven.per_second:.0f}/s); as many as ten minutes have, or --size",
            "behind": f"{behind:.1f} s after the last one the readers were at rest",
            "samples": f"{max(map(len, sizes.values()))}, one in {sample_seconds:.0f} s",
        },
        [
            *(Figure(f"{name} at rest, before", "MiB", [size]) for name, size in at_rest.items()),
            *(Figure(f"{name} under load", "MiB", values) for name, values in sizes.items()),
        ],
        [],
        [*conditions, *(_steady(name, values) for name, values in sizes.items())],
    )


def _steady(name: str, values: Sequence[float]) -> Condition:
    quarter = max(1, len(values) // 4)
    second, last = median(values[quarter : 2 * quarter] or values), median(values[-quarter:])
    shown = f"{second:.0f} MiB in the second quarter, {last:.0f} in the last"
    return Condition(f"{name} stays as large as it is", last <= second * STEADY, shown)


def _until(most: int, seconds: float | None) -> Iterator[int]:
    began = perf_counter()
    for number in range(most):
        if seconds is not None and perf_counter() - began > seconds:
            return
        yield number


@asynccontextmanager
async def _sampled(platform: Platform, seconds: float) -> AsyncIterator[dict[str, list[float]]]:
    """Return the sizes of each process, which grow by one each so many seconds while the block lasts."""
    sizes: dict[str, list[float]] = {name: [size] for name, size in _sizes(platform).items()}

    async def sample() -> None:
        while True:
            await asyncio.sleep(seconds)
            for name, size in _sizes(platform).items():
                sizes[name].append(size)

    task = asyncio.create_task(sample())
    try:
        yield sizes
    finally:
        task.cancel()


def _sizes(platform: Platform) -> dict[str, float]:
    return {name: resident_mib(pid) for name, pid in platform.processes.items()}

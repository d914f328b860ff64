"""The full flow of issuing: offer, token, nonce, credential; and of showing; over real HTTP, on a durable database.

The services are divided over processes in several ways, in turn, round by round; the quickest is then measured whole.
Each load lasts ten seconds and more, and is counted over the time until the readers have done what follows from it.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import cycle, islice
from math import ceil
from pathlib import Path

from bench.driver.load import Load, Loaded, LoadSeries, Tally, issued, rate
from bench.driver.wallet import Held
from bench.platform import BESIDE, FIVE, ONE, SPLIT, fresh_folder, running
from bench.report import Condition, Goal, Report

GOAL_PER_SECOND = 200.0
GOAL_MILLISECONDS = 50.0
GOAL_AT_ONCE, OTHERS_AT_ONCE = 16, (1, 64)
SHAPES: Mapping[str, Mapping[str, str]] = {
    "one process": ONE,
    "apis beside": BESIDE,
    "five processes": FIVE,
    "issuance in two": SPLIT,
}
AT_LEAST_SECONDS = 10.0
WHOLE = "plan to credential"
SHOWN = f"presentations, {GOAL_AT_ONCE} at once"
_MARGIN = 1.3  # a load is meant to last so much longer, for the machine may be quicker than it was until then
_COMPARED_ROUNDS = 3
_WARM_UP = 320


def at(at_once: int) -> str:
    """Return what flows at a concurrency are called."""
    return f"flows, {at_once} at once"


@dataclass
class Size:
    """How many jobs a load has: `fixed`, or as many as keep the platform busy for long enough at the rates so far."""

    fixed: int | None = None
    rates: dict[str, float] = field(default_factory=dict)
    shortest: float = float("inf")

    def of(self, what: str) -> int:
        """Return how many the next load has."""
        return self.fixed or ceil(self.rates[what] * AT_LEAST_SECONDS * _MARGIN)

    def warmed(self, what: str, loaded: Loaded) -> None:
        """Note the rate of a load before those that count."""
        self.rates[what] = max(self.rates.get(what, 0.0), loaded.driven.per_second)

    def counted(self, what: str, loaded: Loaded) -> None:
        """Note the rate and the length of one that counts."""
        self.warmed(what, loaded)
        self.shortest = min(self.shortest, loaded.driven.seconds)

    def conditions(self) -> list[Condition]:
        """Return whether each load was long enough; of a fixed number nothing is promised."""
        name = f"each load lasts {AT_LEAST_SECONDS:.0f} s"
        return [] if self.fixed else [Condition(name, self.shortest >= AT_LEAST_SECONDS, f"{self.shortest:.1f} s")]


@dataclass
class Found:
    """What was found on one platform, by the shape that it had at the time."""

    size: Size
    series: LoadSeries = field(default_factory=LoadSeries)
    tallies: dict[str, Tally] = field(default_factory=dict)
    logged: dict[str, int] = field(default_factory=dict)
    durability: str = ""

    def conditions(self) -> list[Condition]:
        """Return what had to hold in each shape."""
        return self.size.conditions() + [
            Condition(f"{shape}: {each.name}", each.held, each.shown)
            for shape, tally in self.tallies.items()
            for each in tally.conditions(self.logged[shape])
        ]


async def measure(rounds: int, size: int | None) -> Report:
    """Return the report of loads of ten seconds, or of `size` flows at each concurrency over all rounds."""
    async with fresh_folder() as folder:
        return await measured(folder, SHAPES, rounds, Size(max(1, size // rounds) if size else None))


async def measured(folder: Path, shapes: Mapping[str, Mapping[str, str]], rounds: int, size: Size) -> Report:
    """Return the report of a stopped platform's folder: its shapes beside each other, and the quickest whole."""
    found = Found(size)
    compared = min(rounds, _COMPARED_ROUNDS)
    for name, shape in [*shapes.items()] * compared:
        async with _loaded(folder, name, shape, found) as load:
            await _warm(load, GOAL_AT_ONCE, size)
            made, loaded, _ = await _flows(load, GOAL_AT_ONCE, found)
            found.series.add_rates(f"{name}: flow", loaded)
            found.series.add_processors(f"{name}: flow", loaded)
            found.series.add_processors(f"{name}: {WHOLE}", made, loaded)
    quickest = max(shapes, key=lambda name: found.series.figure(rate(f"{name}: flow")).median)
    async with _loaded(folder, quickest, shapes[quickest], found) as load:
        for at_once in (GOAL_AT_ONCE, *OTHERS_AT_ONCE):
            await _warm(load, at_once, size)
        for _ in range(rounds):
            await _whole(load, found)
        found.durability = await load.platform.durability()
    return _report(found, quickest, compared, rounds)


@asynccontextmanager
async def _loaded(folder: Path, name: str, shape: Mapping[str, str], found: Found) -> AsyncIterator[Load]:
    """Run a shape, and count afterwards what it has in its log for what was answered."""
    async with running(folder, shape) as started:
        before = await issued(started)
        with Load(started, found.tallies.setdefault(name, Tally())) as load:
            yield load
        found.logged[name] = found.logged.get(name, 0) + await issued(started) - before


async def _warm(load: Load, at_once: int, size: Size) -> None:
    flows, shown = await load.warm_up(size.fixed or _WARM_UP, at_once)
    size.warmed(at(at_once), flows)
    size.warmed(SHOWN, shown)


async def _flows(load: Load, at_once: int, found: Found) -> tuple[Loaded, Loaded, list[Held]]:
    """Return how achievements were made, how their flows went, and the credentials."""
    made, achievements = await load.confirmed(found.size.of(at(at_once)))
    loaded, held = await load.flows(achievements, at_once)
    found.size.counted(at(at_once), loaded)
    return made, loaded, held


async def _whole(load: Load, found: Found) -> None:
    """Note a round of everything: the whole way to a credential, its presentations, the other concurrencies."""
    series = found.series
    made, loaded, held = await _flows(load, GOAL_AT_ONCE, found)
    for what, loads in (("plan to confirmation", [made]), (at(GOAL_AT_ONCE), [loaded]), (WHOLE, [made, loaded])):
        series.add_rates(what, *loads)
        series.add_processors(what, *loads)
    for kind, seconds in {**made.taken, **loaded.taken}.items():
        series.add_percentiles(f"{kind} call, {GOAL_AT_ONCE} at once", seconds)
    series.add_percentiles(at(GOAL_AT_ONCE), loaded.driven.latencies)
    shown = await load.presentations(islice(cycle(held), found.size.of(SHOWN)), GOAL_AT_ONCE)
    found.size.counted(SHOWN, shown)
    series.add_rates(SHOWN, shown)
    series.add_percentiles(SHOWN, shown.driven.latencies)
    series.add_processors("presentation", shown)
    for at_once in OTHERS_AT_ONCE:
        _, loaded, _ = await _flows(load, at_once, found)
        series.add_rates(at(at_once), loaded)
        series.add_percentiles(at(at_once), loaded.driven.latencies)
        series.add_percentiles(f"credential call, {at_once} at once", loaded.taken["credential"])


def _report(found: Found, quickest: str, compared: int, rounds: int) -> Report:
    flows, late = (
        found.series.figure(name) for name in (rate(at(GOAL_AT_ONCE)), f"credential call, {GOAL_AT_ONCE} at once: p95")
    )
    size = f"{found.size.fixed} flows" if found.size.fixed else f"{AT_LEAST_SECONDS:.0f} s and more"
    return Report(
        "flow",
        {
            "platform": f"{quickest}, the quickest; it, PostgreSQL and the driver share {os.cpu_count()} cores",
            "shapes": f"{', '.join(found.tallies)}: one after the other in each of {compared} rounds",
            "database": f"embedded PostgreSQL, {found.durability}",
            "flow": "offer, token, nonce, credential: four calls; a learner, key and nonce of its own each time",
            WHOLE: "three calls more: all plans, results and confirmations, 16 at once, and then all flows",
            "presentation": "request, request object, answer, verdict read: four calls; status list cached by its ttl",
            "size": f"{size} at each concurrency in each of {rounds} rounds; readers at rest before each",
            "processor time": "of one flow or presentation; what the readers do after its answer is in it",
        },
        found.series.figures(but=[flows, late]),
        [Goal(flows, "at least", GOAL_PER_SECOND), Goal(late, "at most", GOAL_MILLISECONDS)],
        found.conditions(),
    )

"""The full flow of issuing: offer, token, nonce, credential; and of showing; over real HTTP, on a durable database."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.http import percentile
from bench.load import Load, Loaded, issued
from bench.oracle import signed_as_said
from bench.platform import BESIDE, FIVE, ONE, SPLIT, fresh_folder, running
from bench.report import Condition, Figure, Goal, Report
from bench.wallet import Held

GOAL_PER_SECOND = 200.0
GOAL_MILLISECONDS = 50.0
GOAL_AT_ONCE, OTHERS_AT_ONCE = 16, (1, 64)
SHAPES: Mapping[str, Mapping[str, str]] = {
    "one process": ONE,
    "apis beside": BESIDE,
    "five processes": FIVE,
    "issuance in two": SPLIT,
}
MEASURED = "apis beside"
"""The fastest of the shapes on two cores; of the others only the rate and the processor time are told."""
_SIZE = 1050
_COMPARED_ROUNDS = 3
_WARM_UP = 64


@dataclass
class Series:
    """Figures that grow by one value a round."""

    units: dict[str, str] = field(default_factory=dict)
    values: dict[str, list[float]] = field(default_factory=dict)

    def add(self, name: str, unit: str, value: float) -> None:
        """Note the value of this round."""
        self.units[name] = unit
        self.values.setdefault(name, []).append(value)

    def figure(self, name: str) -> Figure:
        """Return one of them."""
        return Figure(name, self.units[name], self.values[name])

    def figures(self, but: Sequence[Figure]) -> list[Figure]:
        """Return all but some."""
        return [self.figure(name) for name in self.values if name not in {each.name for each in but}]

    def add_load(self, what: str, loaded: Loaded) -> None:
        """Note the rate, the percentiles of the whole, and how long the readers needed for the rest."""
        self.add(f"{what}: per second", "/s", loaded.driven.per_second)
        self.add_percentiles(what, loaded.driven.latencies)
        self.add(f"{what}: readers behind", "s", loaded.behind)

    def add_percentiles(self, what: str, seconds: Sequence[float], parts: Sequence[float] = (0.5, 0.95, 0.99)) -> None:
        """Note the percentiles of one kind of call."""
        for part in parts:
            self.add(f"{what}: p{part * 100:.0f}", "ms", percentile(seconds, part) * 1000)

    def add_processors(self, what: str, loaded: Loaded) -> None:
        """Note the processor time of each process for one of the jobs, the readers' rest included."""
        jobs = len(loaded.driven.latencies) / 1e6
        for name, seconds in loaded.used.items():
            self.add(f"{what}: processor time of {name}", "us", seconds / jobs)
        self.add(f"{what}: processor time of all", "us", sum(loaded.used.values()) / jobs)


@dataclass
class Found:
    """What was found on one platform, whatever its shape was at the time."""

    series: Series = field(default_factory=Series)
    held: list[Held] = field(default_factory=list)
    conditions: dict[str, list[Condition]] = field(default_factory=dict)
    durability: str = ""


async def measure(rounds: int, size: int | None) -> Report:
    """Return the report of `size` flows at each concurrency, over all rounds; preparing is not in the time."""
    async with fresh_folder() as folder:
        return await measured(folder, SHAPES, rounds, max(1, (size or _SIZE) // rounds))


async def measured(folder: Path, shapes: Mapping[str, Mapping[str, str]], rounds: int, flows: int) -> Report:
    """Return the report of a stopped platform's folder: of its shapes one by one, `flows` flows in each round."""
    found = Found()
    for name, shape in shapes.items():
        async with running(folder, shape) as started:
            before = await issued(started)
            with Load(started) as load:
                await load.warm_up(min(flows, _WARM_UP), GOAL_AT_ONCE)
                for _ in range(rounds if name == MEASURED else min(rounds, _COMPARED_ROUNDS)):
                    await (_measured(load, flows, found) if name == MEASURED else _compared(load, name, flows, found))
            found.conditions[name] = load.conditions(await issued(started) - before)
            found.durability = await started.durability()
    return _report(found, rounds, flows)


async def _compared(load: Load, shape: str, flows: int, found: Found) -> None:
    """Note the rate and the processor time of a shape."""
    loaded, held = await load.flows(await load.confirmed(flows), GOAL_AT_ONCE)
    found.held += held
    found.series.add(f"{shape}: flows per second", "/s", loaded.driven.per_second)
    found.series.add_processors(shape, loaded)


async def _measured(load: Load, flows: int, found: Found) -> None:
    """Note everything: the flows, the presentations of what they issued, and the flows at other concurrencies."""
    series = found.series
    loaded, held = await load.flows(await load.confirmed(flows), GOAL_AT_ONCE)
    series.add_load(f"flows, {GOAL_AT_ONCE} at once", loaded)
    series.add_processors("flow", loaded)
    for kind, seconds in loaded.taken.items():
        series.add_percentiles(f"{kind} call, {GOAL_AT_ONCE} at once", seconds)
    shown = await load.presentations(held, GOAL_AT_ONCE)
    series.add_load(f"presentations, {GOAL_AT_ONCE} at once", shown)
    series.add_processors("presentation", shown)
    found.held += held
    for at_once in OTHERS_AT_ONCE:
        loaded, held = await load.flows(await load.confirmed(flows), at_once)
        series.add_load(f"flows, {at_once} at once", loaded)
        series.add_percentiles(f"credential call, {at_once} at once", loaded.taken["credential"])
        found.held += held


def _report(found: Found, rounds: int, flows: int) -> Report:
    """Return the report; every credential's signature is verified by another library here, after what was timed."""
    rate = found.series.figure(f"flows, {GOAL_AT_ONCE} at once: per second")
    late = found.series.figure(f"credential call, {GOAL_AT_ONCE} at once: p95")
    signed, held = sum(map(signed_as_said, found.held)), len(found.held)
    return Report(
        "flow",
        {
            "platform": f"{MEASURED}; it, PostgreSQL and the driver share {os.cpu_count()} cores",
            "database": f"embedded PostgreSQL, {found.durability}",
            "flow": "offer, token, nonce, credential: four calls; a learner, key and nonce of its own each time",
            "presentation": "request, request object, answer, verdict read: four calls; status list cached by its ttl",
            "size": f"{flows} flows at each concurrency in each of {rounds} rounds; readers at rest before each",
            "processor time": "of one flow or presentation; what the readers do after its answer is in it",
        },
        found.series.figures(but=[rate, late]),
        [Goal(rate, "at least", GOAL_PER_SECOND), Goal(late, "at most", GOAL_MILLISECONDS)],
        [
            *(
                Condition(f"{shape}: {each.name}", each.held, each.shown)
                for shape, conditions in found.conditions.items()
                for each in conditions
            ),
            Condition("signatures verified by jwcrypto", signed == held, f"{signed} of {held}"),
        ],
    )

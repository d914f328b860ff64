"""What a recorded run says about how much a machine carries, as docs/performance.md shows it; bench.table writes it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bench.driver.load import rate
from bench.report import shown

_PROCESSOR, _ANSWERED, _AT_REST = ": processor time of ", ": answered per second", " at rest, before"
_WHOLE = "plan to credential"
GRADUATION, MINUTES = 10_000, 10
"""So many offers in so many minutes."""
_OTHERS = (
    ("endpoints", "credential, per second", "credential calls alone"),
    ("endpoints", "ten credentials, per second", "the same, ten credentials in one call"),
    ("endpoints", "presentation, per second", "a wallet's answers alone, of the four calls of a presentation"),
    (
        "eventlog",
        "appends, 16 callers",
        "appends into one log, which is one per service, 16 callers",
    ),
    ("eventlog", "appends, 256 callers", "the same, 256 callers"),
    ("projection", "rebuilt beside the live tables, events arriving", "events rebuilt into a timeline"),
    ("statuslist", "revocations by 16 writers, client beside", "revocations, their client beside"),
)
"""Rates of other cases: the case, the figure, and what it is."""


def capacity(recorded: Mapping[str, Any]) -> str:
    """Return the tables of the cases `flow` and `memory`; nothing is said that the run has no figure for."""
    figures = {case["case"]: _medians(case) for case in recorded["cases"]}
    flow, memory = figures.get("flow", {}), figures.get("memory", {})
    return "\n".join(
        [*_rates(flow), *_processors(flow), *_graduation(flow, recorded["cores"]), *_others(figures), *_sizes(memory)]
    )


def _medians(case: Mapping[str, Any]) -> Mapping[str, float]:
    return {figure["name"]: figure["median"] for figure in (*case["figures"], *case["goals"])}


def _rates(flow: Mapping[str, float]) -> Iterator[str]:
    yield "| driven | answered a second | a second until the readers are at rest | readers behind, s |"
    yield "|---|---|---|---|"
    for what in (name.removesuffix(_ANSWERED) for name in flow if name.endswith(_ANSWERED)):
        told = [flow[each] for each in (what + _ANSWERED, rate(what), f"{what}: readers behind")]
        yield f"| {what} | {' | '.join(map(shown, told))} |"
    yield ""


def _processors(flow: Mapping[str, float]) -> Iterator[str]:
    yield "| processor time of one, us | services | PostgreSQL | driver | a core of services carries, a second |" + (
        " a core of PostgreSQL | a core of both |"
    )
    yield "|---|---|---|---|---|---|---|"
    for what in (name.partition(_PROCESSOR)[0] for name in flow if name.endswith(f"{_PROCESSOR}all")):
        services, postgres, driver = _parts(flow, what)
        told = [services, postgres, driver, *(1e6 / each for each in (services, postgres, services + postgres))]
        yield f"| {what} | {' | '.join(map(shown, told))} |"
    yield ""


def _parts(flow: Mapping[str, float], what: str) -> tuple[float, float, float]:
    """Return the processor time of one: of all services, of PostgreSQL, of the driver."""
    postgres, driver, together = (flow[f"{what}{_PROCESSOR}{each}"] for each in ("postgres", "driver", "all"))
    return together - postgres - driver, postgres, driver


def _graduation(flow: Mapping[str, float], cores: int) -> Iterator[str]:
    if f"{_WHOLE}{_PROCESSOR}all" in flow:
        services, postgres, _ = _parts(flow, _WHOLE)
        second = GRADUATION / MINUTES / 60
        needed = second * (services + postgres) / 1e6
        yield f"**A graduation.** {GRADUATION:,} offers in {MINUTES} minutes are {shown(second)} a second."
        yield f"From plan to credential they take {shown(needed)} cores of services and PostgreSQL together; the"
        yield f"{cores} cores of the run, the driver on them as well, did {shown(flow[rate(_WHOLE)])} a second."
        yield ""


def _others(figures: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    yield "| other cases | a second |"
    yield "|---|---|"
    for case, name, what in _OTHERS:
        if name in figures.get(case, {}):
            yield f"| `{case}`: {what} | {shown(figures[case][name])} |"
    yield ""


def _sizes(memory: Mapping[str, float]) -> Iterator[str]:
    yield "| memory, MiB | at rest | under load, median | growth in 10,000 flows |"
    yield "|---|---|---|---|"
    for process in (name.removesuffix(_AT_REST) for name in memory if name.endswith(_AT_REST)):
        growth = memory.get(f"{process}: growth")
        told = [memory[process + _AT_REST], memory[f"{process} under load"]]
        yield f"| {process} | {' | '.join(map(shown, told))} | {'' if growth is None else shown(growth)} |"

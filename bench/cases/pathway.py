"""Pathways: how long a rule takes, and how much is looked at again when a credential changes among many learners."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median, quantiles

from bench.of_pathway import rules
from bench.of_pathway.touch import Touch, touch
from bench.report import Condition, Figure, Goal, Report

GOAL_MILLISECONDS = 15.0
GOAL_SECONDS = 30.0
_LEARNERS = 100_000
_WORST_ROUNDS = 2


async def measure(rounds: int, size: int | None) -> Report:
    """Return the figures: rules alone, in processor time, and one act among `size` learners.

    The worst rule that is well formed has no goal: no body asks for it.
    """
    *questions, worst = rules.questions()
    pure = [*rules.timed(questions, rounds), rules.parsing(rounds)]
    (hardest,) = rules.timed([worst], _WORST_ROUNDS, each=1, warm_up=0)
    report = await acted(size or _LEARNERS)
    report.goals += [Goal(timing.figure, "at most", GOAL_MILLISECONDS) for timing in pure]
    report.figures += [*(timing.over_floor for timing in pure), hardest.figure]
    return report


async def acted(learners: int) -> Report:
    """Return what came of one act among so many learners."""
    seen = await touch(learners)
    suspended = Figure("all suspended after the act", "s", [seen.suspended_seconds])
    return Report(
        "pathway",
        setting=_setting(seen),
        figures=[*_figures(seen)],
        goals=[Goal(suspended, "at most", GOAL_SECONDS)],
        conditions=[*_conditions(seen)],
    )


def _setting(seen: Touch) -> dict[str, str]:
    """Return what the figures depend on."""
    return {
        "database": f"embedded PostgreSQL, {seen.durability}",
        "seeded": (
            f"{seen.learners} learners, {seen.events} events: one made by the service in {seen.made_seconds:.1f} s,"
            f" its rows of log, tables and state copied in {seen.copied_seconds:.1f} s"
        ),
        "act": f"{len(seen.touched)} credentials suspended at the registry, in {seen.stated_seconds:.2f} s",
    }


def _figures(seen: Touch) -> Iterator[Figure]:
    """Yield what is told beside the goals."""
    looks, seconds = len(seen.looks.seconds), seen.looks.seconds
    yield Figure("looks, until quiet", "", [looks])
    yield Figure("looks", "/s", [looks / seen.quiet_seconds])
    yield Figure("a look, p50", "ms", [median(seconds) * 1000])
    yield Figure("a look, p95", "ms", [quantiles(seconds, n=20)[-1] * 1000])
    yield Figure("a look and what it needs: processor of the service", "ms", [seen.used.service / looks * 1000])
    yield Figure("a look and what it needs: processor of the database", "ms", [seen.used.database / looks * 1000])


def _conditions(seen: Touch) -> Iterator[Condition]:
    """Yield what must be true: exactly those whom the act touched were looked at, and each award suspended once."""
    looked_at = f"{len(seen.reassessed)} learners, {len(seen.pathways)} pathway"
    yield Condition("looked at: those touched, their one pathway, nobody else", seen.exact, looked_at)
    once = set(seen.suspended) == seen.touched and set(seen.suspended.values()) == {1}
    yield Condition("suspended: each award of those touched, once", once, f"{seen.suspended.total()} awards")
    yield Condition("events about learners who were not touched", not seen.strangers, str(seen.strangers))

"""The case `statuslist` in small: what must hold holds, and every goal of performance.md has its figure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import pytest

from bench.cases import statuslist
from bench.of_statuslist import ticks
from bench.of_statuslist.lists import CACHED, COLD, PARTS, READ_REFERENCE, ZLIB
from bench.of_statuslist.revocations import agreement, all_answered, fresh
from bench.of_statuslist.ticks import SERVED
from bench.report import Figure, Goal, Series


async def test_the_case_holds_its_conditions_and_measures_every_goal() -> None:
    report = await statuslist.measure(rounds=1, size=4096)
    assert [condition.line() for condition in report.conditions if not condition.held] == []
    named = {goal.figure.name for goal in report.goals}
    assert named >= {
        "flip to new signed bytes served, of its parts",
        "flip to new signed bytes served, quicker than zlib-9",
        "revocation in the log to list served, the slowest",
        "cold check, of the reference",
        "cached check",
    }
    assert all(value > 0 for figure in report.figures for value in figure.values)


def missed(goals: Sequence[Goal]) -> list[str]:
    return [goal.figure.name for goal in goals if not goal.reached]


def told(values: Mapping[str, float]) -> dict[str, Figure]:
    return {name: Figure(name, "us", [value]) for name, value in values.items()}


def rounds(served: float, parts: float, reference: float) -> Series:
    series = Series()
    for name, value in ((SERVED, served), (PARTS, parts), (ZLIB, reference)):
        series.add(name, "ms", value)
    return series


def test_a_slow_tick_misses_both_of_its_goals() -> None:
    assert missed(ticks.goals(rounds(1.5, 1.0, 50.0))) == []
    assert missed(ticks.goals(rounds(2.1, 1.0, 50.0))) == [goal.figure.name for goal in ticks.goals(rounds(1, 1, 1))]


def test_a_list_that_is_not_served_anew_breaks_the_condition() -> None:
    assert ticks.anew(6, 6).held
    assert not ticks.anew(5, 6).held


def test_one_revocation_that_is_late_misses_what_is_promised_of_each() -> None:
    assert fresh(Figure("served", "ms", [900.0, 1999.0, 40.0])).reached
    assert not fresh(Figure("served", "ms", [900.0, 2001.0, 40.0])).reached


def test_a_slow_check_misses_its_goal() -> None:
    quick = {COLD: 100.0, READ_REFERENCE: 100.0, CACHED: 0.2}
    assert missed(statuslist.goals_of_reading(told(quick))) == []
    assert missed(statuslist.goals_of_reading(told({**quick, COLD: 130.0}))) == ["cold check, of the reference"]
    assert missed(statuslist.goals_of_reading(told({**quick, CACHED: 1.1}))) == ["cached check"]


def test_a_bit_that_the_log_does_not_say_breaks_the_condition() -> None:
    assert agreement(b"\x03\x00", b"\x03\x00", 2).held
    assert not agreement(b"\x03\x01", b"\x03\x00", 2).held
    assert not agreement(b"\x02\x00", b"\x03\x00", 2).held
    assert not agreement(b"\x03\x00", b"\x03\x00", 3).held


@pytest.mark.parametrize("answers", [Counter({200: 3}), Counter({200: 3, 409: 1})])
def test_a_revocation_that_was_not_answered_with_200_breaks_the_condition(answers: Counter[int]) -> None:
    assert not all_answered(answers, 4).held
    assert all_answered(Counter({200: 4}), 4).held

"""The pass rule: at least so many per cent in every instrument, or every criterion met."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kompetenspass.core.errors import Problem
from services.issuance.domain.pass_rule import MinPercent, Result, judge, rule_of
from services.issuance.tests.world import definition

WRITTEN, ORAL = "urn:instrument:written", "urn:instrument:oral"


def content(rule: dict[str, Any]) -> dict[str, Any]:
    return {
        "assessment": {"pass_rule": rule, "types": [{"uri": WRITTEN}, {"uri": ORAL}]},
        "learning_outcomes": [{"id": "a"}, {"id": "b"}],
    }


PERCENT = content({"kind": "min_percent", "value": 80})
CRITERIA = content({"kind": "all_criteria_met"})


def test_eighty_per_cent_in_every_instrument_passes() -> None:
    judgement = judge(PERCENT, [Result(WRITTEN, 80), Result(ORAL, 100)])
    assert judgement.passed
    assert judgement.percent == 80


def test_seventy_nine_per_cent_in_one_instrument_fails_and_names_it() -> None:
    judgement = judge(PERCENT, [Result(WRITTEN, 100), Result(ORAL, 79)])
    (miss,) = judgement.misses
    assert (miss.instrument, miss.value, miss.threshold) == (ORAL, 79, 80)


def test_a_missing_instrument_is_refused() -> None:
    with pytest.raises(Problem, match="results_incomplete"):
        judge(PERCENT, [Result(WRITTEN, 100)])


def test_the_same_instrument_twice_is_refused() -> None:
    with pytest.raises(Problem, match="results_incomplete"):
        judge(PERCENT, [Result(WRITTEN, 100), Result(WRITTEN, 100), Result(ORAL, 100)])


@pytest.mark.parametrize("score", [None, -1, 101])
def test_a_score_that_is_no_percentage_is_refused(score: float | None) -> None:
    with pytest.raises(Problem, match="result_unusable"):
        judge(PERCENT, [Result(WRITTEN, score), Result(ORAL, 100)])


def test_all_criteria_met_over_all_instruments_passes() -> None:
    assert judge(CRITERIA, [Result(WRITTEN, criteria_met=("a",)), Result(ORAL, criteria_met=("b",))]).passed


def test_a_criterion_not_met_fails() -> None:
    judgement = judge(CRITERIA, [Result(WRITTEN, criteria_met=("a",)), Result(ORAL)])
    assert judgement.misses[0].threshold == ["a", "b"]
    assert judgement.misses[0].value == ["a"]


def test_a_critical_error_fails_though_every_criterion_is_met() -> None:
    judgement = judge(CRITERIA, [Result(WRITTEN, criteria_met=("a", "b"), critical_errors=1), Result(ORAL)])
    assert [miss.value for miss in judgement.misses] == [1]


def test_critical_errors_up_to_the_allowed_number_pass() -> None:
    rule = content({"kind": "all_criteria_met", "critical_errors_allowed": 1})
    assert judge(rule, [Result(WRITTEN, criteria_met=("a", "b"), critical_errors=1), Result(ORAL)]).passed


def test_the_pilot_states_eighty_per_cent() -> None:
    assert rule_of(definition("sko-ys-01")) == MinPercent(80)


@given(st.floats(0, 100), st.floats(0, 100))
def test_passing_is_exactly_the_lowest_score_reaching_the_threshold(written: float, oral: float) -> None:
    judgement = judge(PERCENT, [Result(WRITTEN, written), Result(ORAL, oral)])
    assert judgement.passed == (min(written, oral) >= 80)

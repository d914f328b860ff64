"""Achievement: given what happened, when commanded, then these events or that refusal."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from kompetenspass.core.digest import content_digest
from kompetenspass.core.errors import Problem
from kompetenspass.core.ids import uuid7
from kompetenspass.events.base import Event
from kompetenspass.events.issuance import AchievementConfirmed, AssessmentPlanned, ResultRecorded
from kompetenspass.testing.clock import NOON
from kompetenspass.testing.domain import given, prefixes_agree
from services.issuance.domain import achievement
from services.issuance.domain.achievement import Achievement, Phase, Plan, Record
from services.issuance.domain.authority import Authorisation, Definition
from services.issuance.domain.pass_rule import Judgement, Miss
from services.issuance.tests.world import definition as content_of

ID, VAULT = UUID(int=1), UUID(int=2)
TODAY = date(2026, 11, 21)
PASSED = Judgement("min_percent:80", (), 92.0)
FAILED = Judgement("min_percent:80", (Miss("urn:oral", "min_percent:80", 79.0, 80),), 79.0)
HELD = Authorisation("org:vux", frozenset(), "DECISION-1", NOON, None)


def definition(**changes: Any) -> Definition:
    content = content_of("sko-ys-01")
    values: dict[str, Any] = {
        "id": content["id"],
        "urn": content["urn"],
        "version": 1,
        "digest": content_digest(content),
        "owner_org": content["awarding_body"],
        "awarding_body": content["awarding_body"],
        "provider": content["provider"],
        "content": content,
    }
    return Definition(**(values | changes))


PLAN = Plan(ID, "learner", "course", None, TODAY)
PLANNED = achievement.plan(Achievement(), PLAN, definition(), frozenset())[0]


def record(judgement: Judgement) -> Record:
    return Record(VAULT, judgement, "assessor:1", "urn:supervised", TODAY)


def recorded(judgement: Judgement) -> Event:
    return achievement.record(after(PLANNED), record(judgement))[0]


def after(*events: Event) -> Achievement:
    return given(Achievement(), achievement.evolve, events)


def confirm(state: Achievement, judgement: Judgement = PASSED, awarded_on: date = TODAY) -> Any:
    return achievement.confirm(state, judgement=judgement, authorisation=HELD, level="R4", awarded_on=awarded_on)


def test_planning_names_the_version_and_its_digest() -> None:
    assert isinstance(PLANNED, AssessmentPlanned)
    assert PLANNED.definition_digest == definition().digest


def test_a_retired_definition_takes_no_new_learners() -> None:
    with pytest.raises(Problem, match="definition_retired"):
        achievement.plan(Achievement(), PLAN, definition(retired=True), frozenset())


def test_a_retired_definition_takes_learners_up_to_its_last_day() -> None:
    retired = definition(retired=True, last_issue_date=TODAY)
    assert achievement.plan(Achievement(), PLAN, retired, frozenset())


def test_missing_prerequisites_are_named() -> None:
    demanding = definition(content={**content_of("sko-ys-01"), "prerequisites": ["a", "b"]})
    with pytest.raises(Problem) as refused:
        achievement.plan(Achievement(), PLAN, demanding, frozenset({"a"}))
    assert refused.value.members == {"missing": ["b"]}


def test_prerequisites_can_be_waived_with_a_reason_that_is_recorded() -> None:
    demanding = definition(content={**content_of("sko-ys-01"), "prerequisites": ["a"]})
    waived = Plan(ID, "learner", "course", "equivalent_merit", TODAY)
    (event,) = achievement.plan(Achievement(), waived, demanding, frozenset())
    assert isinstance(event, AssessmentPlanned)
    assert event.prerequisites_waived == "equivalent_merit"


def test_a_result_below_the_rule_is_recorded_and_closes_the_achievement() -> None:
    state = after(PLANNED, recorded(FAILED))
    assert state.phase is Phase.FAILED
    assert not state.open


def test_results_are_recorded_once() -> None:
    with pytest.raises(Problem, match="already_assessed"):
        achievement.record(after(PLANNED, recorded(PASSED)), record(PASSED))


def test_nothing_can_be_recorded_for_what_was_never_planned() -> None:
    with pytest.raises(Problem, match="not_found"):
        achievement.record(Achievement(), record(PASSED))


def test_confirming_a_failed_result_names_instrument_value_and_threshold() -> None:
    with pytest.raises(Problem, match="pass_rule_not_met") as refused:
        confirm(after(PLANNED, recorded(FAILED)), FAILED)
    members = refused.value.members
    assert (members["instrument"], members["value"], members["threshold"]) == ("urn:oral", 79.0, 80)


def test_confirming_names_the_assessors_authorisation() -> None:
    (event,) = confirm(after(PLANNED, recorded(PASSED)))
    assert isinstance(event, AchievementConfirmed)
    assert event.assessor_authorisation_ref == "DECISION-1"


def test_confirming_twice_changes_nothing() -> None:
    state = after(PLANNED, recorded(PASSED))
    assert confirm(given(state, achievement.evolve, confirm(state))) == ()


def test_nothing_can_be_confirmed_before_it_is_assessed() -> None:
    with pytest.raises(Problem, match="not_assessed"):
        confirm(after(PLANNED))


def test_nothing_is_awarded_before_it_was_assessed() -> None:
    with pytest.raises(Problem, match="awarded_before_assessed"):
        confirm(after(PLANNED, recorded(PASSED)), awarded_on=date(2026, 11, 20))


def test_no_event_holds_a_score() -> None:
    event = recorded(FAILED)
    assert isinstance(event, ResultRecorded)
    assert "79" not in event.model_dump_json().replace(str(VAULT), "")


EVENTS = st.lists(
    st.sampled_from([PLANNED, recorded(PASSED), recorded(FAILED), *confirm(after(PLANNED, recorded(PASSED)))]),
    max_size=8,
)


@for_all(EVENTS)
def test_evolve_is_total_and_any_prefix_then_the_rest_is_the_whole(events: list[Event]) -> None:
    assert prefixes_agree(Achievement(), achievement.evolve, tuple(events))


def test_the_streams_name_is_the_achievements_id() -> None:
    fresh = uuid7()
    assert achievement.stream_of(fresh) == f"ach-{fresh}"

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from services.catalog.domain import document, rules
from services.catalog.domain.faults import Fault, written

Change = Callable[[dict[str, Any]], Any]
ROLES = {"org:kommun": frozenset({"awarding_body", "provider", "quality_assurer"}), "org:x": frozenset[str]()}


def faults_of(content: dict[str, Any]) -> list[tuple[str, str]]:
    parsed = document.parse(content)
    found: list[Fault] = list(parsed) if isinstance(parsed, tuple) else []
    if isinstance(parsed, document.Definition):
        found = [*rules.faults_of_publication(parsed), *rules.faults_of_bodies(parsed, ROLES)]
    return [(fault.code, written(fault.place)) for fault in found]


def test_the_good_definition_has_no_faults(good: dict[str, Any]) -> None:
    assert faults_of(good) == []


@pytest.mark.parametrize(
    "element", ["country", "learning_outcomes", "workload", "level", "assessment", "participation", "quality_assurance"]
)
def test_each_mandatory_element_of_annex_i_is_missed(good: dict[str, Any], element: str) -> None:
    good.pop(element)
    assert ("annex_element_missing", element) in faults_of(good)


@pytest.mark.parametrize(
    ("change", "code", "place"),
    [
        (lambda d: d.update(extra=1), "form.extra_forbidden", "extra"),
        (lambda d: d["title"].pop("en"), "form.missing", "title.en"),
        (lambda d: d.update(version="1"), "form.int_type", "version"),
        (lambda d: d.update(id="Not An Id"), "identifier", "id"),
        (lambda d: d.update(country="Sverige"), "country", "country"),
        (lambda d: d["workload"].update(hours=0), "workload", "workload.hours"),
        (lambda d: d["workload"].update(iso8601="PT2H"), "workload", "workload.iso8601"),
        (lambda d: d["learning_outcomes"].pop(2), "outcome_category_missing", "learning_outcomes"),
        (lambda d: d["learning_outcomes"][1].update(id="m#1"), "doubled", "learning_outcomes[1].id"),
        (lambda d: d["assessment"]["pass_rule"].update(value=0), "pass_rule", "assessment.pass_rule.value"),
        (lambda d: d["assessment"]["pass_rule"].update(value=101), "pass_rule", "assessment.pass_rule.value"),
        (lambda d: d["assessment"]["pass_rule"].pop("value"), "pass_rule", "assessment.pass_rule.value"),
        (
            lambda d: d["assessment"]["pass_rule"].update(kind="all_criteria_met"),
            "pass_rule",
            "assessment.pass_rule.value",
        ),
        (
            lambda d: d["assessment"]["pass_rule"].update(critical_errors_allowed=-1),
            "pass_rule",
            "assessment.pass_rule.critical_errors_allowed",
        ),
        (lambda d: d["assessment"].pop("pass_rule"), "pass_rule", "assessment.pass_rule"),
        (lambda d: d["assessment"]["types"].clear(), "annex_element_missing", "assessment.types"),
        (lambda d: d["assessment"]["types"].append(d["assessment"]["types"][0]), "doubled", "assessment.types[1].uri"),
        (lambda d: d["level"].pop("placement"), "level_placement", "level.placement"),
        (lambda d: d["level"].update(placement="decided"), "level_placement", "level.decided_by"),
        (lambda d: d["level"].update(seqf=9), "level", "level.seqf"),
        (lambda d: d.update(level={"applicable": True, "placement": "indicative"}), "level", "level"),
        (lambda d: d.update(level={"applicable": False}), "level", "level.reason"),
        (lambda d: d["level"].update(applicable=False, reason="none"), "level", "level.seqf"),
        (
            lambda d: d["level"].update(decided_by={"authority": "org:kommun", "decision": "1"}),
            "level_placement",
            "level.decided_by",
        ),
        (lambda d: d.update(awarding_body="org:nobody"), "unknown_organisation", "awarding_body"),
        (lambda d: d.update(provider="org:x"), "role_missing", "provider"),
        (lambda d: d["quality_assurance"].update(body="org:x"), "role_missing", "quality_assurance.body"),
        (lambda d: d.update(prerequisites=["mm-01"]), "definition_cycle", "prerequisites[0]"),
        (lambda d: d.update(prerequisites=["a", "a"]), "doubled", "prerequisites[1]"),
    ],
)
def test_a_planted_fault_is_named_with_its_place(good: dict[str, Any], change: Change, code: str, place: str) -> None:
    change(good)
    assert (code, place) in faults_of(good)


def test_a_recorded_exemption_stands_for_a_missing_category(good: dict[str, Any]) -> None:
    good["learning_outcomes"].pop(2)
    good["outcome_exemptions"] = {"responsibility_autonomy": "The task is done under direct supervision."}
    assert faults_of(good) == []


def test_a_level_that_does_not_apply_needs_only_its_reason(good: dict[str, Any]) -> None:
    good["level"] = {"applicable": False, "reason": "informal mapping"}
    assert faults_of(good) == []


def test_a_decided_placement_names_an_authority(good: dict[str, Any]) -> None:
    good["level"] |= {"placement": "decided", "decided_by": {"authority": "org:x", "decision": "D-1"}}
    assert faults_of(good) == [("role_missing", "level.decided_by.authority")]


def test_all_faults_are_named_at_once(good: dict[str, Any]) -> None:
    good["country"] = "sverige"
    good["assessment"]["pass_rule"]["value"] = 0
    good.pop("participation")
    assert len(faults_of(good)) == 3

from __future__ import annotations

from typing import Any

import pytest

from services.catalog.domain import pathway, rule
from services.catalog.domain.faults import written
from services.catalog.domain.rule import Reference

LEAF = {"credential": "a"}


def faults(tree: dict[str, Any]) -> list[tuple[str, str]]:
    return [(fault.code, written(fault.place)) for fault in rule.read(tree)[1]]


@pytest.mark.parametrize(
    "tree",
    [
        LEAF,
        {"credential": "a", "min_result_percent": 80, "validity": "grace:P30D", "max_age": "P2Y", "rpl": True},
        {"credential": "a", "issued_by": ["org:x"], "min_recognition": "R4", "version": ">=1"},
        {"pathway": "p", "validity": "live"},
        {"all_of": [LEAF, {"any_of": [LEAF, {"n_of": {"min": 1, "of": [LEAF]}}]}]},
        {"credits": {"unit": "hours", "min": 38, "from": ["a", {"field": "0231"}], "max_per_item": 20}},
        {"level": {"framework": "seqf", "at_least": 5, "min_count": 1, "from": ["a"]}},
        {"level": {"framework": "eqf", "at_least": 5, "min_share": 0.5, "from": ["a"]}},
        {"outcomes": {"category": "skill", "min_count": 4}},
    ],
)
def test_a_well_formed_rule_has_no_faults(tree: dict[str, Any]) -> None:
    assert faults(tree) == []


@pytest.mark.parametrize(
    ("tree", "code", "place"),
    [
        ({}, "rule_node", "rule"),
        ({"none_of": [LEAF]}, "rule_node", "rule"),
        ({"credential": "a", "pathway": "b"}, "rule_node", "rule"),
        ({"credential": "a", "colour": 1}, "rule_member", "rule.colour"),
        ({"credential": 1}, "rule_value", "rule.credential"),
        ({"credential": "a", "min_result_percent": 101}, "rule_value", "rule.min_result_percent"),
        ({"credential": "a", "min_result_percent": True}, "rule_value", "rule.min_result_percent"),
        ({"credential": "a", "max_age": "P"}, "rule_value", "rule.max_age"),
        ({"pathway": "a", "rpl": True}, "rule_member", "rule.rpl"),
        ({"all_of": []}, "rule_bounds", "rule.all_of"),
        ({"all_of": LEAF}, "rule_value", "rule.all_of"),
        ({"all_of": [LEAF, "a"]}, "rule_node", "rule.all_of[1]"),
        ({"n_of": {"min": 0, "of": [LEAF]}}, "rule_bounds", "rule.n_of.min"),
        ({"n_of": {"min": 2, "of": [LEAF]}}, "rule_bounds", "rule.n_of.min"),
        ({"n_of": {"of": [LEAF]}}, "rule_member", "rule.n_of.min"),
        ({"n_of": []}, "rule_value", "rule.n_of"),
        ({"credits": {"unit": "points", "min": 1, "from": ["a"]}}, "rule_value", "rule.credits.unit"),
        ({"credits": {"unit": "hours", "min": 0, "from": ["a"]}}, "rule_value", "rule.credits.min"),
        ({"credits": []}, "rule_value", "rule.credits"),
        (
            {"level": {"framework": "eqf", "at_least": 5, "min_count": 2, "from": ["a"]}},
            "rule_bounds",
            "rule.level.min_count",
        ),
        ({"level": {"framework": "eqf", "at_least": 5, "from": ["a"]}}, "rule_member", "rule.level"),
    ],
)
def test_an_ill_formed_rule_is_refused_with_its_place(tree: dict[str, Any], code: str, place: str) -> None:
    assert (code, place) in faults(tree)


def test_a_rule_is_at_most_eight_levels_deep() -> None:
    tree: dict[str, Any] = LEAF
    for _ in range(7):
        tree = {"all_of": [tree]}
    assert faults(tree) == []
    assert [code for code, _ in faults({"all_of": [tree]})] == ["rule_too_deep"]


def test_a_rule_has_at_most_five_hundred_nodes() -> None:
    assert faults({"all_of": [LEAF] * 499}) == []
    assert [code for code, _ in faults({"all_of": [LEAF] * 600})] == ["rule_too_large"]


def test_a_rule_refers_to_definitions_and_pathways() -> None:
    tree = {"all_of": [LEAF, {"pathway": "p"}, {"credits": {"unit": "hours", "min": 1, "from": ["b", {"esco": "u"}]}}]}
    references, _ = rule.read(tree)
    assert [(found.kind, found.id, written(found.place)) for found in references] == [
        ("definition", "a", "rule.all_of[0].credential"),
        ("pathway", "p", "rule.all_of[1].pathway"),
        ("definition", "b", "rule.all_of[2].credits.from[0]"),
    ]


def test_a_reference_is_published_and_does_not_lead_back() -> None:
    references = [
        Reference("definition", "a", ("x",)),
        Reference("pathway", "p", ("y",)),
        Reference("pathway", "me", ()),
    ]
    below = {"p": frozenset({"p", "me"})}
    found = pathway.faults_of_references("me", references, frozenset({("pathway", "p")}), below)
    assert [fault.code for fault in found] == ["reference_unpublished", "pathway_cycle", "pathway_cycle"]

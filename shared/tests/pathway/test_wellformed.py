from __future__ import annotations

from typing import Any

import pytest

from kompetenspass.pathway.proof import written
from kompetenspass.pathway.wellformed import Fault, Reference, faults, references

LEAF = {"credential": "a"}
CONSTRAINTS = {"double_counting": "forbid", "default_validity": "snapshot"}
Json = dict[str, Any]


def document(rule: Any, **constraints: Any) -> Json:
    award = {"mode": "automatic", "on_satisfied": "award"}
    return {"id": "p", "version": 1, "rule": rule, "constraints": CONSTRAINTS | constraints, "award": award}


def level(at_least: int, sources: list[Any], **enough: float) -> Json:
    return {"level": {"framework": "eqf", "at_least": at_least, "from": sources} | enough}


def found(content: Any) -> list[tuple[str, str]]:
    return [(fault.code, written(fault.place)) for fault in faults(content)]


def apart(count: int) -> list[Json]:
    return [{"credential": f"d-{number}"} for number in range(count)]


@pytest.mark.parametrize(
    "rule",
    [
        LEAF,
        {"credential": "a", "min_result_percent": 80, "validity": "grace:P30D", "max_age": "P2Y", "rpl": True},
        {"credential": "a", "issued_by": ["org:x"], "min_recognition": "R4", "version": ">=1", "max_age": "P1Y6M2W3D"},
        {"all_of": [{"credential": "a", "version": "2"}, {"credential": "b", "version": "2..4"}]},
        {"pathway": "p", "validity": "live"},
        {"all_of": [LEAF, {"any_of": [LEAF, {"n_of": {"min": 1, "of": [LEAF]}}]}]},
        {"credits": {"unit": "hours", "min": 38, "from": ["a", {"field": "0231"}], "max_per_item": 7.5}},
        {"level": {"framework": "seqf", "at_least": 5, "min_count": 1, "from": ["a"]}},
        {"level": {"framework": "seqf", "at_least": 5, "min_count": 3, "from": [{"sector": "care", "reuse": "x"}]}},
        {"level": {"framework": "eqf", "at_least": 5, "min_share": 0.5, "from": ["a"]}},
        {"all_of": [LEAF, {"outcomes": {"category": "skill", "min_count": 4}}]},
        {"all_of": [{"outcomes": {"esco": ["http://data.europa.eu/esco/skill/1"], "min_count": 1}}, LEAF]},
    ],
)
def test_a_well_formed_rule_has_no_faults(rule: Json) -> None:
    assert found(document(rule)) == []


@pytest.mark.parametrize(
    ("rule", "code", "place"),
    [
        ({}, "rule_node", "rule"),
        ({"none_of": [LEAF]}, "rule_node", "rule"),
        ({"credential": "a", "pathway": "b"}, "rule_node", "rule"),
        ({"credential": "a", "colour": 1}, "rule_member", "rule.colour"),
        ({"credential": 1}, "rule_value", "rule.credential"),
        ({"credential": ""}, "rule_value", "rule.credential"),
        ({"credential": "a", "version": ">2"}, "rule_value", "rule.version"),
        ({"credential": "a", "version": "4..2"}, "rule_value", "rule.version"),
        ({"credential": "a", "version": ">=2..4"}, "rule_value", "rule.version"),
        ({"credential": "a", "version": "0"}, "rule_value", "rule.version"),
        ({"credential": "a", "version": 2}, "rule_value", "rule.version"),
        ({"credential": "a", "issued_by": []}, "rule_value", "rule.issued_by"),
        ({"credential": "a", "issued_by": "org:x"}, "rule_value", "rule.issued_by"),
        ({"credential": "a", "min_recognition": "R7"}, "rule_value", "rule.min_recognition"),
        ({"credential": "a", "min_result_percent": 101}, "rule_value", "rule.min_result_percent"),
        ({"credential": "a", "min_result_percent": True}, "rule_value", "rule.min_result_percent"),
        ({"credential": "a", "max_age": "P"}, "rule_value", "rule.max_age"),
        ({"credential": "a", "max_age": "P0D"}, "rule_value", "rule.max_age"),
        ({"credential": "a", "max_age": "PT5H"}, "rule_value", "rule.max_age"),
        ({"credential": "a", "max_age": "P\u0662Y"}, "rule_value", "rule.max_age"),
        ({"credential": "a", "validity": "forever"}, "rule_value", "rule.validity"),
        ({"credential": "a", "validity": "grace:P0D"}, "rule_value", "rule.validity"),
        ({"credential": "a", "validity": "grace:P30D\n"}, "rule_value", "rule.validity"),
        ({"credential": "a", "rpl": "no"}, "rule_value", "rule.rpl"),
        ({"pathway": "a", "rpl": True}, "rule_member", "rule.rpl"),
        ({"all_of": []}, "rule_bounds", "rule.all_of"),
        ({"any_of": []}, "rule_bounds", "rule.any_of"),
        ({"all_of": LEAF}, "rule_value", "rule.all_of"),
        ({"all_of": [LEAF, "a"]}, "rule_node", "rule.all_of[1]"),
        ({"all_of": [LEAF], "min": 1}, "rule_member", "rule.min"),
        ({"any_of": [{"all_of": [LEAF, {"credential": "b", "x": 1}]}]}, "rule_member", "rule.any_of[0].all_of[1].x"),
        ({"n_of": {"min": 0, "of": [LEAF]}}, "rule_bounds", "rule.n_of.min"),
        ({"n_of": {"min": 2, "of": [LEAF]}}, "rule_bounds", "rule.n_of.min"),
        ({"n_of": {"of": [LEAF]}}, "rule_member", "rule.n_of.min"),
        ({"n_of": {"min": 1, "of": [LEAF, {"pathway": 1}]}}, "rule_value", "rule.n_of.of[1].pathway"),
        ({"n_of": []}, "rule_value", "rule.n_of"),
        ({"credits": {"unit": "points", "min": 1, "from": ["a"]}}, "rule_value", "rule.credits.unit"),
        ({"credits": {"unit": "hours", "min": 0, "from": ["a"]}}, "rule_value", "rule.credits.min"),
        ({"credits": {"unit": "hours", "min": float("nan"), "from": ["a"]}}, "rule_value", "rule.credits.min"),
        ({"credits": {"unit": "hours", "min": 10**400, "from": ["a"]}}, "rule_value", "rule.credits.min"),
        ({"credits": {"unit": "hours", "min": 1}}, "rule_member", "rule.credits.from"),
        ({"credits": {"unit": "hours", "min": 1, "from": []}}, "rule_value", "rule.credits.from"),
        ({"credits": {"unit": "hours", "min": 1, "from": [{}]}}, "rule_value", "rule.credits.from"),
        ({"credits": {"unit": "hours", "min": 1, "from": [{"owner": "x"}]}}, "rule_value", "rule.credits.from"),
        ({"credits": []}, "rule_value", "rule.credits"),
        (level(9, ["a"], min_count=1), "rule_value", "rule.level.at_least"),
        (level(5, ["a", "a"], min_count=2), "rule_bounds", "rule.level.min_count"),
        (level(5, ["a"], min_share=1.5), "rule_value", "rule.level.min_share"),
        (level(5, [{"field": "x"}], min_share=1), "rule_bounds", "rule.level.min_share"),
        (level(5, ["a"]), "rule_member", "rule.level"),
        (level(5, ["a"], min_count=1, min_share=1), "rule_member", "rule.level"),
        ({"all_of": [LEAF, {"outcomes": {"esco": ["u"]}}]}, "rule_member", "rule.all_of[1].outcomes.min_count"),
        ({"any_of": [LEAF, {"outcomes": {"category": "talent", "min_count": 1}}]},
         "rule_value", "rule.any_of[1].outcomes.category"),
        ({"outcomes": {"min_count": 1}}, "rule_bounds", "rule.outcomes"),
        ({"all_of": [{"pathway": "p"}, {"outcomes": {"min_count": 1}}]}, "rule_bounds", "rule.all_of[1].outcomes"),
    ],
)  # fmt: skip
def test_an_ill_formed_rule_is_refused_with_its_place(rule: Json, code: str, place: str) -> None:
    assert found(document(rule)) == [(code, place)]


@pytest.mark.parametrize(
    ("constraints", "code", "place"),
    [
        ({"double_counting": "maybe"}, "rule_value", "constraints.double_counting"),
        ({"default_validity": "often"}, "rule_value", "constraints.default_validity"),
        ({"min_recognition": "high"}, "rule_value", "constraints.min_recognition"),
        ({"min_issuers": 0}, "rule_value", "constraints.min_issuers"),
        ({"min_issuers": 3}, "rule_bounds", "constraints.min_issuers"),
        ({"on_lapse": "revoke"}, "rule_value", "constraints.on_lapse"),
        ({"max_issuers": 1}, "rule_member", "constraints.max_issuers"),
        ({"order": ["a"]}, "rule_value", "constraints.order"),
        ({"order": [["a", "c"]]}, "order_unknown", "constraints.order[0][1]"),
        ({"order": [["a", "a"]]}, "order_circular", "constraints.order[0]"),
        ({"order": [["a", "b"], ["b", "a"]]}, "order_circular", "constraints.order[1]"),
    ],
)
def test_an_ill_formed_constraint_is_refused_with_its_place(constraints: Json, code: str, place: str) -> None:
    assert found(document({"all_of": [LEAF, {"credential": "b"}]}, **constraints)) == [(code, place)]


def test_constraints_that_are_null_say_nothing() -> None:
    assert found(document(LEAF, min_recognition=None, min_issuers=None, order=None, on_lapse=None)) == []


@pytest.mark.parametrize(
    ("change", "code", "place"),
    [
        ({"id": 1}, "rule_value", "id"),
        ({"version": 0}, "rule_value", "version"),
        ({"rule": []}, "rule_value", "rule"),
        ({"constraints": None}, "rule_value", "constraints"),
        ({"constraints": {"double_counting": "allow"}}, "rule_member", "constraints.default_validity"),
        ({"award": {"mode": "decision"}}, "rule_member", "award.on_satisfied"),
        ({"award": {"mode": "never", "on_satisfied": "award"}}, "rule_value", "award.mode"),
        ({"award": {"mode": "decision", "on_satisfied": "award"}}, "award_mode", "award"),
    ],
)
def test_an_ill_formed_document_is_refused_with_its_place(change: Json, code: str, place: str) -> None:
    assert found(document(LEAF) | change) == [(code, place)]


def test_what_is_missing_is_named() -> None:
    assert found({}) == [("rule_member", name) for name in ("id", "version", "rule", "constraints", "award")]
    assert found([]) == [("rule_value", "")]


def test_a_rule_is_at_most_eight_levels_deep() -> None:
    rule: Json = LEAF
    for _ in range(7):
        rule = {"all_of": [rule]}
    assert found(document(rule)) == []
    assert found(document({"all_of": [rule]})) == [("rule_too_deep", "rule" + ".all_of[0]" * 8)]


def test_a_rule_has_at_most_five_hundred_nodes() -> None:
    assert found(document({"all_of": apart(499)})) == []
    assert found(document({"all_of": apart(600)})) == [("rule_too_large", "rule.all_of[499]")]
    assert found(document({"all_of": ["x"] * 100_000}))[-1] == ("rule_too_large", "rule.all_of[499]")


def test_a_rule_whose_leaves_compete_too_much_is_refused_at_the_leaf_too_many() -> None:
    twice = {"all_of": [*apart(6), *apart(6)]}
    assert found(document(twice)) == []
    seventh = {"all_of": [*apart(7), *apart(7)]}
    assert found(document(seventh)) == [("rule_entangled", "rule.all_of[13].credential")]
    assert found(document({"any_of": [{"pathway": "q"}] * 7})) == []
    assert found(document({"any_of": [{"pathway": "q"}] * 8})) == [("rule_entangled", "rule.any_of[7].pathway")]


def test_leaves_do_not_compete_where_double_counting_is_allowed() -> None:
    assert found(document({"any_of": [LEAF] * 400}, double_counting="allow")) == []


def test_every_fault_is_told_at_once() -> None:
    broken = document({"all_of": [{"credential": "a", "x": 1}, {"n_of": {"min": 5, "of": [LEAF]}}]}, on_lapse="x")
    assert found(broken) == [
        ("rule_member", "rule.all_of[0].x"),
        ("rule_bounds", "rule.all_of[1].n_of.min"),
        ("rule_value", "constraints.on_lapse"),
    ]


def test_a_fault_is_a_reason_for_the_caller() -> None:
    reason = Fault("rule_node", ("rule", "all_of", 1), "Text.").as_reason()
    assert reason == {"code": "rule_node", "path": "rule.all_of[1]", "text": "Text."}


def test_a_rule_refers_to_definitions_and_pathways() -> None:
    rule = {"all_of": [LEAF, {"pathway": "p"}, {"credits": {"unit": "hours", "min": 1, "from": ["b", {"esco": "u"}]}}]}
    assert references(document(rule)) == (
        Reference("definition", "a", ("rule", "all_of", 0, "credential")),
        Reference("pathway", "p", ("rule", "all_of", 1, "pathway")),
        Reference("definition", "b", ("rule", "all_of", 2, "credits", "from", 0)),
    )


@pytest.mark.parametrize("content", [None, [], {}, {"rule": 1}, {"rule": {"credits": {"from": 1}}}])
def test_what_is_no_rule_refers_to_nothing(content: Any) -> None:
    assert references(content) == ()

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from kompetenspass.core.errors import Problem
from kompetenspass.pathway import rule as nodes
from kompetenspass.pathway.notation import version_allows
from kompetenspass.pathway.parse import PathwayMalformed, parse
from kompetenspass.pathway.rule import Pathway, Validity
from kompetenspass.pathway.wellformed import faults, references

PILOTS = Path(__file__).parents[3] / "demo" / "pilots"
DOCUMENTS = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(PILOTS.glob("*.yaml"))]
PATHWAYS = [pathway for content in DOCUMENTS for pathway in content.get("pathways", ())]
SNAPSHOT, LIVE = Validity("snapshot"), Validity("live")
Json = Any


def document(rule: Json, **constraints: Any) -> dict[str, Any]:
    held = {"double_counting": "forbid", "default_validity": "snapshot"} | constraints
    award = {"mode": "decision", "on_satisfied": "propose_award"}
    return {"id": "p", "version": 3, "rule": rule, "constraints": held, "award": award}


def test_the_pilots_have_twelve_pathways() -> None:
    assert len(PATHWAYS) == 12


@pytest.mark.parametrize("content", PATHWAYS, ids=[pathway["id"] for pathway in PATHWAYS])
def test_a_pathway_of_the_pilots_is_well_formed_and_parses(content: dict[str, Any]) -> None:
    assert faults(content) == ()
    pathway = parse(content)
    assert (pathway.id, pathway.version, pathway.mode) == (content["id"], 1, content["award"]["mode"])
    named = {leaf.definition_id if isinstance(leaf, nodes.CredentialLeaf) else leaf.pathway_id
             for leaf in nodes.leaves(pathway.rule)}  # fmt: skip
    assert named <= {reference.id for reference in references(content)}


def test_every_member_of_a_leaf_is_read() -> None:
    leaf = {"credential": "a", "version": "2..4", "issued_by": ["org:x", "org:y"], "min_recognition": "R4"}
    more = {"min_result_percent": 80, "max_age": "P1Y6M2W3D", "validity": "grace:P30D", "rpl": False}
    assert parse(document(leaf | more)).rule == nodes.CredentialLeaf(
        place=("rule",),
        definition_id="a",
        validity=Validity("grace", timedelta(days=30)),
        version="2..4",
        issued_by=("org:x", "org:y"),
        min_recognition="R4",
        min_result_percent=80,
        max_age=nodes.Age(1, 6, 17),
        rpl=False,
    )


def test_a_leafs_own_validity_wins_over_the_default() -> None:
    leaves = [{"credential": "a"}, {"credential": "b", "validity": "live"}, {"pathway": "q"}]
    rule = {"n_of": {"min": 2, "of": [*leaves, {"pathway": "r", "validity": "live"}]}}
    found = [leaf.validity for leaf in nodes.leaves(parse(document(rule)).rule)]
    assert found == [SNAPSHOT, LIVE, SNAPSHOT, LIVE]


def test_every_node_is_read_with_its_place() -> None:
    selector = {"field": "0231", "issuer_role": "provider"}
    rule = {
        "all_of": [
            {"any_of": [{"n_of": {"min": 1, "of": [{"pathway": "q"}, {"credential": "a"}]}}]},
            {"credits": {"unit": "ects", "min": 7.5, "from": ["a", selector], "max_per_item": 5}},
            {"level": {"framework": "eqf", "at_least": 4, "min_share": 0.5, "from": ["a"]}},
            {"outcomes": {"esco": ["u"], "category": "skill", "min_count": 2}},
        ]
    }
    of = ("rule", "all_of")
    inner = (*of, 0, "any_of", 0)
    below = (*inner, "n_of", "of")
    leaves = (nodes.PathwayLeaf((*below, 0), "q", SNAPSHOT), nodes.CredentialLeaf((*below, 1), "a", SNAPSHOT))
    sources = ("a", nodes.Selector(field="0231", issuer_role="provider"))
    assert parse(document(rule)).rule == nodes.AllOf(
        ("rule",),
        (
            nodes.AnyOf((*of, 0), (nodes.NOf(inner, 1, leaves),)),
            nodes.Credits((*of, 1), "ects", 7.5, sources, 5),
            nodes.Level((*of, 2), "eqf", 4, ("a",), min_share=0.5),
            nodes.Outcomes((*of, 3), 2, ("u",), "skill"),
        ),
    )


def test_constraints_are_read() -> None:
    rule = {"all_of": [{"credential": "a"}, {"credential": "b"}]}
    more = {"min_recognition": "R3", "min_issuers": 2, "order": [["a", "b"]], "on_lapse": "suspend"}
    assert parse(document(rule, **more)).constraints == nodes.Constraints(
        "forbid", SNAPSHOT, min_recognition="R3", min_issuers=2, order=(("a", "b"),), on_lapse="suspend"
    )
    assert parse(document(rule)).constraints == nodes.Constraints("forbid", SNAPSHOT)


def test_a_malformed_document_is_refused_with_every_reason() -> None:
    with pytest.raises(PathwayMalformed) as refused:
        parse(document({"all_of": [{"credential": "a", "x": 1}, {}]}))
    assert isinstance(refused.value, Problem)
    assert refused.value.code == "pathway_malformed"
    reasons = refused.value.members["reasons"]
    assert isinstance(reasons, list)
    assert [reason["path"] for reason in reasons] == ["rule.all_of[0].x", "rule.all_of[1]"]


@pytest.mark.parametrize(
    ("range_", "allowed"),
    [(None, {1, 2, 3, 4}), ("2", {2}), (">=3", {3, 4}), ("2..3", {2, 3}), ("2..2", {2}), ("x", set()), ("", set())],
)
def test_a_version_range_allows_what_it_says(range_: str | None, allowed: set[int]) -> None:
    assert {version for version in range(1, 5) if version_allows(range_, version)} == allowed


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5),
    st.sampled_from(["a", "b", "live", "snapshot", "grace:P30D", "forbid", "R3", "hours", "seqf", "2..3", "P2Y"]),
)  # fmt: skip
NAMES = st.sampled_from(
    [
        *("id", "version", "rule", "constraints", "award", "credential", "pathway", "all_of", "any_of", "n_of"),
        *("credits", "level", "outcomes", "min", "of", "from", "unit", "framework", "at_least", "min_count"),
        *("min_share", "esco", "category", "validity", "order", "double_counting", "default_validity", "mode", "x"),
    ]
)
ANYTHING = st.recursive(
    SCALARS, lambda below: st.lists(below, max_size=4) | st.dictionaries(NAMES, below, max_size=4), max_leaves=20
)
TEXTS = st.sampled_from(["a", "b", "c"])
LEAVES = st.fixed_dictionaries(
    {"credential": TEXTS}, optional={"validity": SCALARS, "version": SCALARS, "rpl": SCALARS}
)
RULES = st.recursive(
    LEAVES | st.fixed_dictionaries({"pathway": TEXTS}) | ANYTHING,
    lambda below: (
        st.fixed_dictionaries({"all_of": st.lists(below, max_size=4)})
        | st.builds(
            lambda of, least: {"n_of": {"min": least, "of": of}}, st.lists(below, max_size=4), st.integers(0, 3)
        )
    ),
    max_leaves=12,
)
CONSTRAINTS = st.fixed_dictionaries(
    {}, optional={"order": ANYTHING, "min_issuers": SCALARS, "default_validity": SCALARS}
)


def total(content: Json) -> None:
    found = faults(content)
    references(content)
    if found:
        with pytest.raises(PathwayMalformed):
            parse(content)
    else:
        assert isinstance(parse(content), Pathway)


@given(ANYTHING)
def test_any_json_is_a_pathway_or_has_faults(content: Json) -> None:
    total(content)


@given(RULES, CONSTRAINTS)
def test_whatever_stands_in_the_rule_it_is_a_pathway_or_has_faults(rule: Json, constraints: dict[str, Any]) -> None:
    total(document(rule, **constraints))

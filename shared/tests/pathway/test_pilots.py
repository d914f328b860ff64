from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from kompetenspass.pathway.evaluate import evaluate
from kompetenspass.pathway.held import Held, HeldAward, LearningOutcome
from kompetenspass.pathway.parse import parse
from kompetenspass.pathway.proof import Evaluation
from kompetenspass.testing.holdings import NOW, award, merit

PILOTS = Path(__file__).parents[3] / "demo" / "pilots"
DOCUMENTS = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(PILOTS.glob("0*.yaml"))]
DEFINITIONS = {one["id"]: one for content in DOCUMENTS for one in content.get("definitions", ())}
PATHWAYS = {one["id"]: one for content in DOCUMENTS for one in content.get("pathways", ())}
DUTY = "skk-path-vakthavande"
Json = Any


def holding(definition_id: str) -> Held:
    content = DEFINITIONS[definition_id]
    outcomes = tuple(LearningOutcome(outcome["category"]) for outcome in content["learning_outcomes"])
    level, workload = content["level"], content["workload"]
    return merit(
        definition_id,
        issuer_org=content["awarding_body"],
        recognition_level="R5",
        result_percent=90,
        hours=workload["hours"] or 0,
        ects=workload["ects"] or 0,
        eqf=level.get("eqf"),
        seqf=level.get("seqf"),
        outcomes=outcomes,
    )


def names(rule: Json, operator: str) -> Iterator[str]:
    """Every definition or pathway that a leaf of the document names."""
    if isinstance(rule, list):
        for child in rule:
            yield from names(child, operator)
    elif isinstance(rule, dict):
        if isinstance(rule.get(operator), str):
            yield rule[operator]
        for child in rule.values():
            yield from names(child, operator)


def everything(pathway_id: str) -> tuple[list[Held], list[HeldAward]]:
    rule = PATHWAYS[pathway_id]["rule"]
    sources = [one for node in measures(rule) for one in node["from"]]
    needed = sorted({*names(rule, "credential"), *sources})
    return [holding(one) for one in needed], [award(one, recognition_level="R5") for one in set(names(rule, "pathway"))]


def measures(rule: Json) -> Iterator[Mapping[str, Json]]:
    for child in rule if isinstance(rule, list) else rule.values() if isinstance(rule, dict) else ():
        if isinstance(child, dict) and "from" in child:
            yield child
        yield from measures(child)


def holds(rule: Json, have: frozenset[str], awards: frozenset[str]) -> bool:
    """The rule read straight from its document, for holders of at most one credential of each definition."""
    ((operator, inner),) = ((name, rule[name]) for name in OPERATORS if name in rule)
    match operator:
        case "credential":
            return str(inner) in have
        case "pathway":
            return str(inner) in awards
        case "all_of":
            return all(holds(child, have, awards) for child in inner)
        case "any_of":
            return any(holds(child, have, awards) for child in inner)
        case "n_of":
            return sum(holds(child, have, awards) for child in inner["of"]) >= int(inner["min"])
        case "credits":
            hours = [DEFINITIONS[one]["workload"][inner["unit"]] for one in have & {*inner["from"]}]
            return bool(sum(hours) >= inner["min"])
        case "level":
            levels = [DEFINITIONS[one]["level"].get(inner["framework"]) or 0 for one in have & {*inner["from"]}]
            return bool(sum(level >= inner["at_least"] for level in levels) >= inner["min_count"])
    assert set(inner) == {"category", "min_count"}  # every held credential can be bound in the pilots' one rule with it
    found = (outcome for one in have for outcome in DEFINITIONS[one]["learning_outcomes"])
    return bool(sum(outcome["category"] == inner["category"] for outcome in found) >= inner["min_count"])


OPERATORS = ("credential", "pathway", "all_of", "any_of", "n_of", "credits", "level", "outcomes")


def expected(pathway_id: str, held: list[Held], awards: list[HeldAward]) -> bool:
    content = PATHWAYS[pathway_id]
    have = frozenset(one.definition_id for one in held)
    issuers = {one.issuer_org for one in held if one.definition_id in set(names(content["rule"], "credential"))}
    enough = len(issuers) >= content["constraints"].get("min_issuers", 1)
    return enough and holds(content["rule"], have, frozenset(one.pathway_id for one in awards))


def found(pathway_id: str, held: list[Held], awards: list[HeldAward]) -> Evaluation:
    return evaluate(parse(PATHWAYS[pathway_id]), held, awards, NOW)


@pytest.mark.parametrize("pathway_id", PATHWAYS)
def test_a_pathway_is_satisfied_with_one_merit_of_each_definition(pathway_id: str) -> None:
    held, awards = everything(pathway_id)
    answer = found(pathway_id, held, awards)
    assert (answer.outcome, answer.missing, answer.unknown) == ("satisfied", (), ())
    used = {use.credential_id for use in answer.used}
    assert expected(pathway_id, [one for one in held if one.credential_id in used],
                    [one for one in awards if one.credential_id in used])  # fmt: skip


@pytest.mark.parametrize("pathway_id", PATHWAYS)
def test_removing_any_one_credential_breaks_what_it_should(pathway_id: str) -> None:
    held, awards = everything(pathway_id)
    for gone in held:
        rest = [one for one in held if one is not gone]
        assert (found(pathway_id, rest, awards).outcome == "satisfied") == expected(pathway_id, rest, awards), gone
    for lost in awards:
        others = [one for one in awards if one is not lost]
        assert (found(pathway_id, held, others).outcome == "satisfied") == expected(pathway_id, held, others)


SMALL = [one for one in PATHWAYS if len(everything(one)[0]) <= 8]


@pytest.mark.parametrize("pathway_id", SMALL)
def test_every_holding_of_a_small_pathway_is_judged_right(pathway_id: str) -> None:
    held, awards = everything(pathway_id)
    for size in range(len(held) + 1):
        for some in combinations(held, size):
            answer = found(pathway_id, list(some), awards)
            assert (answer.outcome == "satisfied") == expected(pathway_id, list(some), awards)
            assert bool(answer.missing) != (answer.outcome == "satisfied")


def test_any_of_the_23_breaks_the_technician_on_duty() -> None:
    numbers = [f"skk-vk-{number:02}" for number in range(1, 24)]

    def on_duty(held: list[Held]) -> bool:
        technician = found("skk-path-drifttekniker", held, []).outcome == "satisfied"
        return found(DUTY, held, [award("skk-path-drifttekniker")] if technician else []).outcome == "satisfied"

    assert on_duty([holding(one) for one in numbers])
    for gone in numbers:
        assert not on_duty([holding(one) for one in numbers if one != gone]), gone


def test_yrkessvenska_needs_80_percent_in_every_part() -> None:
    held, _ = everything("sko-path-yrkessvenska")
    poor = [merit("sko-ys-01", result_percent=79), *(one for one in held if one.definition_id != "sko-ys-01")]
    answer = found("sko-path-yrkessvenska", poor, [])
    assert (answer.outcome, [part.id for part in answer.missing]) == ("not_satisfied", ["sko-ys-01"])


def test_circular_textile_needs_two_issuers_and_four_outcomes_of_responsibility() -> None:
    held, _ = everything("tvar-path-cirkular-textil")
    assert found("tvar-path-cirkular-textil", held, []).proof.children[1].have == 3
    one_issuer = [merit(one.definition_id, issuer_org="org:one", outcomes=one.outcomes) for one in held]
    answer = found("tvar-path-cirkular-textil", one_issuer, [])
    assert [part.kind for part in answer.missing] == ["issuers"]

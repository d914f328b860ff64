from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from kompetenspass.core.errors import Problem
from kompetenspass.events.envelope import Context
from kompetenspass.pathway.wellformed import Reference
from services.catalog.domain import pathway
from services.catalog.service.pathways import Pathways


def test_a_reference_is_published_and_does_not_lead_back() -> None:
    references = [
        Reference("definition", "a", ("x",)),
        Reference("pathway", "p", ("y",)),
        Reference("pathway", "me", ()),
    ]
    below = {"p": frozenset({"p", "me"})}
    found = pathway.faults_of_references("me", references, frozenset({("pathway", "p")}), below)
    assert [fault.code for fault in found] == ["reference_unpublished", "pathway_cycle", "pathway_cycle"]


@pytest.mark.parametrize(
    ("change", "code", "place"),
    [
        (lambda d: d["rule"]["all_of"][0].update(colour=1), "rule_member", "rule.all_of[0].colour"),
        (lambda d: d["rule"]["all_of"][0].update(version="new"), "rule_value", "rule.all_of[0].version"),
        (lambda d: d["rule"].update(all_of=[]), "rule_bounds", "rule.all_of"),
        (lambda d: d["constraints"].update(double_counting="x"), "rule_value", "constraints.double_counting"),
        (lambda d: d["constraints"].pop("default_validity"), "rule_member", "constraints.default_validity"),
        (lambda d: d["constraints"].update(order=[["mm-01", "mm-02"]]), "order_unknown", "constraints.order[0][1]"),
        (lambda d: d["award"].update(mode="decision"), "award_mode", "award"),
        (lambda d: d.update(awarding_body="org:nobody"), "unknown_organisation", "awarding_body"),
        (lambda d: d.update(id="Not an id"), "identifier", "id"),
    ],
)
async def test_a_draft_is_refused_with_the_place_of_what_is_wrong(
    pathways: Pathways,
    good_pathway: dict[str, Any],
    by_owner: Context,
    change: Callable[[dict[str, Any]], Any],
    code: str,
    place: str,
) -> None:
    change(good_pathway)
    with pytest.raises(Problem) as refused:
        await pathways.draft(good_pathway, by_owner)
    assert refused.value.code == "pathway_refused"
    reasons = refused.value.members["reasons"]
    assert isinstance(reasons, list)
    assert [(reason["code"], reason["path"]) for reason in reasons] == [(code, place)]

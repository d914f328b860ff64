"""Pathways that name pathways: one level per event, and progress through all of them."""

from __future__ import annotations

from typing import Any

from kompetenspass.events import registry
from services.issuance.tests.pathways import (
    ONE,
    THREE,
    TWO,
    Merit,
    all_of,
    award,
    becomes,
    merit,
    merits,
    pathway,
    publish,
)
from services.issuance.tests.rig import Json, Rig

LIVE = {"credential": ONE, "validity": "live"}


def levels(**constraints: Any) -> tuple[Json, Json, Json]:
    """Return three pathways, each live on the one below."""
    inner = pathway(all_of(LIVE), "inner", **constraints)
    middle = pathway(all_of({"pathway": "inner", "validity": "live"}, TWO), "middle", **constraints)
    return inner, middle, pathway(all_of({"pathway": "middle", "validity": "live"}, THREE), "outer", **constraints)


async def stood(rig: Rig, *definition_ids: str) -> list[Merit]:
    await publish(rig, *levels(on_lapse="suspend"))
    return await merits(rig, *definition_ids)


async def states(rig: Rig) -> list[str]:
    return [(await award(rig, one))["state"] for one in ("inner", "middle", "outer")]


async def test_an_award_satisfies_the_leaf_above_it_one_level_per_event(rig: Rig) -> None:
    await stood(rig, THREE, TWO, ONE)
    assert [one["pathway_id"] for one in await rig.events("CredentialStacked")] == ["inner", "middle", "outer"]
    outer = await award(rig, "outer")
    assert [one["kind"] for one in outer["constituents"]] == ["pathway", "definition"]


async def test_a_lapse_at_the_bottom_reaches_the_top_and_so_does_its_end(rig: Rig) -> None:
    held = await stood(rig, ONE, TWO, THREE)
    await becomes(rig, held[0].credential_id, registry.CredentialSuspended)
    assert await states(rig) == ["suspended", "suspended", "suspended"]
    assert [one["pathway_id"] for one in await rig.events("StackSuspended")] == ["inner", "middle", "outer"]
    await becomes(rig, held[0].credential_id, registry.CredentialReinstated)
    assert await states(rig) == ["awarded", "awarded", "awarded"]


async def test_the_issuers_suspension_of_an_award_reaches_those_above_it(rig: Rig) -> None:
    await stood(rig, ONE, TWO, THREE)
    await becomes(rig, (await award(rig, "inner"))["credential_id"], registry.CredentialSuspended)
    assert await states(rig) == ["awarded", "suspended", "suspended"]


async def test_a_revoked_award_is_lost_to_those_above_it(rig: Rig) -> None:
    await stood(rig, ONE, TWO, THREE)
    inner = await award(rig, "inner")
    await becomes(rig, inner["credential_id"], registry.CredentialRevoked, void_ab_initio=False)
    assert await states(rig) == ["revoked", "suspended", "suspended"]
    (revoked,) = await rig.events("StackRevoked")
    assert (revoked["stack_id"], revoked["reason_code"]) == (inner["stack_id"], "issued_in_error")


async def test_progress_counts_through_nested_pathways(rig: Rig) -> None:
    await publish(rig, *levels())
    first = await merit(rig, ONE)
    await merit(rig, THREE, first.learner_ref)
    said = {one["pathway_id"]: one for one in await rig.events("PathwayProgressed")}
    assert {id_: (one["done"], one["total"]) for id_, one in said.items() if id_ in ("inner", "middle", "outer")} == {
        "inner": (1, 1),
        "middle": (1, 2),
        "outer": (2, 3),
    }
    assert [part["id"] for part in said["outer"]["missing"]] == [TWO]


async def test_a_nested_pathway_whose_award_waits_for_a_decision_stays_missing(rig: Rig) -> None:
    await publish(rig, pathway(all_of(ONE), "inner", mode="decision"), pathway(all_of({"pathway": "inner"}), "outer"))
    await merit(rig, ONE)
    last = [one for one in await rig.events("PathwayProgressed") if one["pathway_id"] == "outer"][-1]
    assert (last["outcome"], last["missing"]) == ("not_satisfied", [{"kind": "pathway", "id": "inner"}])

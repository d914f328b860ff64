"""Awards that are made by themselves: once, offered, and progress on the way."""

from __future__ import annotations

import asyncio
from uuid import UUID

from kompetenspass.core.ids import uuid7
from kompetenspass.events import registry
from kompetenspass.events.envelope import SYSTEM, Context
from services.issuance.service.awards_cause import Cause
from services.issuance.tests.pathways import (
    BODY,
    ONE,
    PATH,
    THREE,
    TWO,
    all_of,
    award,
    becomes,
    command,
    merit,
    merits,
    pathway,
    publish,
    settled,
    stacking,
)
from services.issuance.tests.rig import Rig, Wallet
from services.issuance.tests.world import KOMMUN


async def test_an_automatic_pathway_is_awarded_by_itself_and_offered(rig: Rig) -> None:
    await publish(rig, pathway(all_of(ONE, TWO)))
    first, second = await merits(rig, ONE, TWO)
    found = await award(rig)
    assert (found["state"], found["ordinal"], found["learner_ref"]) == ("awarded", 1, first.learner_ref)
    bound = {one["credential_id"] for one in found["constituents"]}
    assert bound == {str(first.credential_id), str(second.credential_id)}
    assert found["evaluation"]["outcome"] == "satisfied"
    assert found["explanation"][0]["depth"] == 0
    stacked, *more = await rig.events("CredentialStacked")
    assert more == []
    assert (stacked["mode"], stacked["awarded_on"]) == ("automatic", rig.clock().date().isoformat())


async def test_the_offer_of_an_award_is_told_again_while_it_is_open(rig: Rig) -> None:
    await publish(rig, pathway(all_of(ONE)))
    await merit(rig, ONE)
    offer = (await award(rig))["offer"]
    assert offer == (await award(rig))["offer"]
    wallet = Wallet(rig, {**offer, "tx_code": None}, {})
    await wallet.token()
    fetched = await wallet.credential(configuration=PATH)
    assert fetched.status_code == 200, fetched.text
    await settled(rig)
    assert (await award(rig))["offer"] is None


async def test_one_award_is_made_whatever_is_handled_again_at_the_same_time(rig: Rig) -> None:
    await publish(rig, pathway(all_of(ONE)))
    held = await merit(rig, ONE)
    causes = [Cause(uuid7(), Context(SYSTEM, rig.clock(), "again")) for _ in range(6)]
    use_cases = [stacking(rig).stacks for _ in causes]
    await asyncio.gather(
        *(
            each.changed(held.learner_ref, ONE, cause)
            for each, cause in [*zip(use_cases, causes, strict=True), (use_cases[0], causes[0])]
        )
    )
    await settled(rig)
    assert len(await rig.events("CredentialStacked")) == len(await rig.events("CredentialOffered")) - 1 == 1


async def test_the_award_of_an_earlier_version_is_not_made_again_under_a_newer_one(rig: Rig) -> None:
    await publish(rig, pathway(all_of(ONE)))
    held = await merit(rig, ONE)
    await publish(rig, pathway(all_of(ONE), version=2))
    await merit(rig, TWO, held.learner_ref)
    await stacking(rig).stacks.changed(held.learner_ref, ONE, Cause(uuid7(), Context(SYSTEM, rig.clock(), "again")))
    await settled(rig)
    assert [one["pathway_version"] for one in await rig.events("CredentialStacked")] == [1]


async def test_progress_is_said_when_it_changes_and_only_then(rig: Rig) -> None:
    await publish(rig, pathway(all_of(ONE, TWO)))
    first = await merit(rig, ONE)
    await merit(rig, THREE, first.learner_ref)
    await merit(rig, TWO, first.learner_ref)
    steps = [one for one in await rig.events("PathwayProgressed") if one["pathway_id"] == PATH]
    assert [(one["done"], one["total"], one["outcome"]) for one in steps] == [
        (1, 2, "not_satisfied"),
        (2, 2, "satisfied"),
    ]
    assert [part["id"] for part in steps[0]["missing"]] == [TWO]


async def test_a_credential_that_no_pathway_names_writes_nothing(rig: Rig) -> None:
    await publish(rig, pathway(all_of(TWO)))
    await merit(rig, ONE)
    assert [one for one in await rig.events("PathwayProgressed") if one["pathway_id"] == PATH] == []


async def test_a_result_below_what_a_leaf_asks_does_not_count(rig: Rig) -> None:
    await publish(rig, pathway({"credential": ONE, "min_result_percent": 95}))
    below = await merit(rig, ONE, percent=94)
    assert await rig.events("CredentialStacked") == []
    await merit(rig, ONE, percent=96)
    (stacked,) = await rig.events("CredentialStacked")
    assert stacked["learner_ref"] != below.learner_ref


async def test_of_a_learner_who_was_forgotten_the_answer_is_indeterminate(rig: Rig) -> None:
    held = await merit(rig, ONE)
    await publish(rig, pathway({"credential": ONE, "min_result_percent": 80}))
    assert await rig.vault.shred(held.learner_ref)
    await becomes(rig, held.credential_id, registry.CredentialSuspended)
    await becomes(rig, held.credential_id, registry.CredentialReinstated)
    last = [one for one in await rig.events("PathwayProgressed") if one["pathway_id"] == PATH][-1]
    assert (last["outcome"], last["unknown"]) == ("indeterminate", [str(held.credential_id)])
    assert await rig.events("CredentialStacked") == []
    evaluations = f"/v1/pathways/{PATH}/evaluations"
    assert (await command(rig, evaluations, learner_ref=held.learner_ref)).status_code == 404


async def test_without_the_role_an_automatic_award_waits_for_a_decision(rig: Rig) -> None:
    await publish(rig, pathway(all_of(ONE)))
    withdrawn = registry.RoleWithdrawn(
        org_id=KOMMUN, role="awarding_body", withdrawn_from=rig.clock(), reason_code="ended"
    )
    achieved = await rig.achieved(ONE)
    wallet = Wallet(rig, await rig.offer(achieved["achievement_id"]), achieved)
    await wallet.token()
    await rig.world.state(f"org-{KOMMUN}", withdrawn)
    await settled(rig)
    assert (await wallet.credential()).status_code == 200
    await settled(rig)
    found = await award(rig)
    assert found["state"] == "proposed"
    decision = f"/v1/awards/{found['stack_id']}/decision"
    refused = await command(rig, decision, BODY, decision="award", decision_ref="d-1")
    assert refused.json()["code"] == "role_not_held"


async def test_events_of_an_award_hold_no_name_and_no_score(rig: Rig) -> None:
    await publish(rig, pathway({"credential": ONE, "min_result_percent": 80}))
    await merit(rig, ONE, percent=93.25)
    said = "".join(await rig.logged())
    assert "Ingeborg" not in said
    assert "93.25" not in said
    assert UUID((await rig.events("CredentialStacked"))[0]["stack_id"])

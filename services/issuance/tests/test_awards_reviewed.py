"""What follows for an award from its constituents: reviews and their decisions, appeals, suspension, re-binding."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx2
import pytest
from structlog.testing import capture_logs

from kompetenspass.events import registry
from services.issuance.tests.pathways import (
    BODY,
    ONE,
    TWO,
    Merit,
    all_of,
    award,
    becomes,
    command,
    later,
    merit,
    merits,
    pathway,
    publish,
    refused,
    settled,
    stacking,
)
from services.issuance.tests.rig import Json, Rig, Wallet

LIVE = {"credential": ONE, "validity": "live"}
AGAINST: Json = {"decision_ref": "d-1", "ground": "wrong_information", "heard_on": "2026-11-20"}


async def void(rig: Rig, *, on_lapse: str = "none") -> tuple[Merit, Json]:
    """Return a merit that was void from the start, and the award that rests on it."""
    await publish(rig, pathway(all_of(ONE, TWO), on_lapse=on_lapse))
    first, _ = await merits(rig, ONE, TWO)
    await becomes(rig, first.credential_id, registry.CredentialRevoked)
    return first, await award(rig)


async def reviewed(rig: Rig, stack_id: str, decision: str, **more: Any) -> httpx2.Response:
    return await command(rig, f"/v1/awards/{stack_id}/review", decision=decision, **more)


async def test_a_constituent_void_from_the_start_opens_a_review_and_the_award_stands_until_decided(rig: Rig) -> None:
    first, found = await void(rig)
    assert found["state"] == "awarded"
    review = found["review"]
    assert (review["constituent_id"], review["reason_code"]) == (str(first.credential_id), "issued_in_error")
    assert (review["deadline"], review["overdue"]) == (
        (rig.clock() + timedelta(days=30)).isoformat().replace("+00:00", "Z"),
        False,
    )
    assert found["evaluation"]["outcome"] == "not_satisfied"


async def test_with_on_lapse_suspend_it_is_suspended_at_once_and_its_offer_withdrawn(rig: Rig) -> None:
    _, found = await void(rig, on_lapse="suspend")
    assert (found["state"], found["causes"]) == ("suspended", [f"lapse:{found['stack_id']}"])
    assert found["offer"] is None
    assert [event["cause"] for event in await rig.events("OfferWithdrawn")] == ["suspended"]
    (suspended,) = await rig.events("StackSuspended")
    assert (suspended["reason_code"], len(suspended["lapsed"])) == ("constituent_lapsed", 1)


async def test_a_confirmed_review_lets_the_award_stand_and_lifts_the_lapse(rig: Rig) -> None:
    first, found = await void(rig, on_lapse="suspend")
    answer = await reviewed(rig, found["stack_id"], "confirm", decision_ref="d-1")
    assert (answer.status_code, answer.json()["state"], answer.json()["review"]) == (200, "awarded", None)
    now = await award(rig)
    assert (now["evaluation"]["outcome"], now["causes"]) == ("satisfied", [])
    assert now["offer"] is not None
    assert (await rig.events("StackConfirmed"))[0]["accepted"] == [str(first.credential_id)]
    last = (await rig.events("PathwayProgressed"))[-1]
    assert last["outcome"] == "satisfied"


async def test_a_review_can_suspend_and_then_confirm(rig: Rig) -> None:
    _, found = await void(rig)
    assert (await reviewed(rig, found["stack_id"], "suspend", **AGAINST)).json()["causes"] == ["review"]
    lifted = await reviewed(rig, found["stack_id"], "confirm", decision_ref="d-2")
    assert lifted.json()["state"] == "awarded"


async def test_a_review_can_revoke_for_good(rig: Rig) -> None:
    _, found = await void(rig)
    revoked = await reviewed(rig, found["stack_id"], "revoke", **AGAINST)
    assert revoked.json()["state"] == "revoked"
    refused(await reviewed(rig, found["stack_id"], "confirm", decision_ref="d-2"), 409, "award_revoked")
    refused(await command(rig, f"/v1/awards/{found['stack_id']}/appeals", appeal_ref="a-1"), 409, "award_revoked")
    assert [event["cause"] for event in await rig.events("OfferWithdrawn")] == ["revoked"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"ground": None}, "ground_needed"),
        ({"heard_on": None}, "not_heard"),
        ({"heard_on": "2026-11-22"}, "not_heard"),
        ({"reason_code": "dislike"}, "reason_unknown"),
    ],
)
async def test_a_decision_against_the_holder_needs_a_ground_and_the_holder_heard(
    rig: Rig, change: Json, code: str
) -> None:
    _, found = await void(rig)
    refused(await reviewed(rig, found["stack_id"], "revoke", **(AGAINST | change)), 400, code)
    assert (await award(rig))["state"] == "awarded"


async def test_without_a_review_there_is_nothing_to_decide_until_the_holder_appeals(rig: Rig) -> None:
    await publish(rig, pathway(all_of(ONE)))
    await merit(rig, ONE)
    stack_id = (await award(rig))["stack_id"]
    refused(await reviewed(rig, stack_id, "confirm", decision_ref="d-1"), 409, "no_review")
    lodged = await command(rig, f"/v1/awards/{stack_id}/appeals", appeal_ref="a-1")
    assert lodged.status_code == 201
    assert (await command(rig, f"/v1/awards/{stack_id}/appeals", appeal_ref="a-1")).status_code == 201
    assert len(await rig.events("StackAppealLodged")) == 1
    assert (await award(rig))["review"]["reason_code"] == "appeal"
    assert (await reviewed(rig, stack_id, "confirm", decision_ref="d-1")).status_code == 200


async def test_an_overdue_review_is_listed_and_told_by_an_alarm_that_names_no_learner(rig: Rig) -> None:
    first, found = await void(rig)
    rig.clock.advance(timedelta(days=31))
    await rig.caught_up()
    listed = await rig.client.get("/v1/awards", params={"review": "overdue"}, headers=rig.headers(*BODY))
    assert [row["review"]["overdue"] for row in listed.json()["items"]] == [True]
    with capture_logs() as lines:
        await stacking(rig).stacks.tell_overdue()
    (line,) = [one for one in lines if one["event"] == "reviews_overdue"]
    assert (line["alarm"], line["stack_ids"]) == (True, [found["stack_id"]])
    assert first.learner_ref not in str(line)


async def test_a_snapshot_award_is_not_touched_by_expiry_suspension_or_the_holders_own_request(rig: Rig) -> None:
    await publish(rig, pathway(all_of(ONE, TWO), on_lapse="suspend"))
    first, second = await merits(rig, ONE, TWO)
    await becomes(rig, first.credential_id, registry.CredentialExpired)
    await becomes(rig, second.credential_id, registry.CredentialSuspended)
    await becomes(
        rig, second.credential_id, registry.CredentialRevoked, reason_code="holder_request", void_ab_initio=False
    )
    found = await award(rig)
    assert (found["state"], found["review"]) == ("awarded", None)


async def test_a_live_leaf_suspends_the_award_and_a_renewal_reinstates_it_and_offers_it_again(rig: Rig) -> None:
    await publish(rig, pathway(all_of(LIVE, TWO), on_lapse="suspend"))
    first, _ = await merits(rig, ONE, TWO)
    await becomes(rig, first.credential_id, registry.CredentialExpired)
    assert (await award(rig))["state"] == "suspended"
    renewed = await merit(rig, ONE, first.learner_ref)
    found = await award(rig)
    assert (found["state"], found["causes"]) == ("awarded", [])
    assert str(renewed.credential_id) in {one["credential_id"] for one in found["constituents"]}
    assert found["offer"] is not None


async def test_the_issuers_own_suspension_of_the_award_is_not_lifted_by_stacking(rig: Rig) -> None:
    await publish(rig, pathway(all_of(LIVE), on_lapse="suspend"))
    held = await merit(rig, ONE)
    await becomes(rig, (await award(rig))["credential_id"], registry.CredentialSuspended)
    await becomes(rig, held.credential_id, registry.CredentialSuspended)
    await becomes(rig, held.credential_id, registry.CredentialReinstated)
    assert len(await rig.events("StackSuspended")) == len(await rig.events("StackReinstated")) == 1
    assert (await award(rig))["state"] == "awarded"


async def test_copies_fetched_again_are_rebound_and_the_award_is_offered_again(rig: Rig) -> None:
    await publish(rig, pathway(all_of(ONE)))
    held = await merit(rig, ONE)
    before = await award(rig)
    again = await held.wallet.credential()
    assert again.status_code == 200
    await settled(rig)
    after = await award(rig)
    (issued_first, issued_again) = [e for e in await rig.events("CredentialIssued") if e["learner_ref"]]
    digests = [copy["digest"] for copy in issued_again["copies"]]
    assert issued_again["replaces"] == [copy["digest"] for copy in issued_first["copies"]]
    assert after["constituents"][0]["digests"] == digests
    assert after["offer"]["offer_uri"] != before["offer"]["offer_uri"]


async def test_a_successor_is_rebound_silently(rig: Rig) -> None:
    await publish(rig, pathway(all_of(ONE)))
    held = await merit(rig, ONE)
    wallet = Wallet(rig, {**(await award(rig))["offer"], "tx_code": None}, {})
    await wallet.token()
    assert (await wallet.credential(configuration="test-path")).status_code == 200
    renewed = await merit(rig, ONE, held.learner_ref)
    answer = await command(
        rig, f"/v1/credentials/{held.credential_id}/supersede",
        by_credential_id=str(renewed.credential_id), cause="renewal",
    )  # fmt: skip
    assert answer.status_code == 200, answer.text
    await becomes(rig, held.credential_id, registry.CredentialRevoked, reason_code="superseded", void_ab_initio=False)
    found = await award(rig)
    assert [one["credential_id"] for one in found["constituents"]] == [str(renewed.credential_id)]
    assert (found["state"], found["review"]) == ("awarded", None)
    assert found["offer"] is not None
    assert len(await rig.events("StackRebound")) == 1


async def test_time_alone_is_enough_for_a_later_look(rig: Rig) -> None:
    await publish(rig, pathway(all_of(ONE)))
    await merit(rig, ONE)
    await later(rig, timedelta(days=4000))
    assert (await award(rig))["state"] == "awarded"

"""Evidence: what counts for a learner though another issued it, once it was presented to their awarding body."""

from __future__ import annotations

import json

import pytest

from kompetenspass.core.ids import uuid7
from kompetenspass.events import registry
from services.issuance.tests.abroad import (
    ABROAD,
    STRANGER,
    THEIR_PATH,
    THEIRS,
    Abroad,
    copy_of,
    recognised,
    withdrawn,
)
from services.issuance.tests.awarded import constituent
from services.issuance.tests.pathways import (
    BODY,
    ONE,
    PATH,
    all_of,
    award,
    becomes,
    command,
    merit,
    pathway,
    publish,
    refused,
)
from services.issuance.tests.rig import Json, Rig, Wallet

LIVE = {"credential": THEIRS, "validity": "live"}


@pytest.fixture
async def abroad(rig: Rig) -> Abroad:
    return await Abroad(rig).founded()


async def test_merits_of_two_tenants_make_one_award_once_the_other_is_presented(rig: Rig, abroad: Abroad) -> None:
    await publish(rig, pathway(all_of(ONE, THEIRS), min_issuers=2))
    own, theirs = await merit(rig, ONE), await abroad.earned()
    assert await rig.events("CredentialStacked") == []
    answer = await recognised(rig, own.learner_ref)
    assert answer.status_code == 201, answer.text
    assert answer.json()["credential_id"] == str(theirs)
    assert answer.headers["log-position"].startswith("issuance=")
    found = await award(rig)
    assert (found["state"], found["learner_ref"]) == ("awarded", own.learner_ref)
    digests = {one["credential_id"]: one["digests"] for one in found["constituents"]}
    assert digests == {
        str(own.credential_id): [*(await constituent(rig, own.wallet)).digests],
        str(theirs): [copy_of("one")],
    }
    wallet = Wallet(rig, {**found["offer"], "tx_code": None}, {})
    await wallet.token()
    assert (await wallet.credential(configuration=PATH)).status_code == 200


async def test_what_is_recognised_again_says_nothing(rig: Rig, abroad: Abroad) -> None:
    own, theirs = await merit(rig, ONE), await abroad.earned()
    first = await recognised(rig, own.learner_ref, result_percent=90)
    again = await recognised(rig, own.learner_ref, result_percent=91)
    assert again.status_code == 201
    assert again.json() == first.json()
    assert "log-position" not in again.headers
    assert len(await rig.events("CredentialRecognised")) == 1
    assert await rig.scalar("select count(*) from vault_entries where kind = 'evidence'") == 1
    assert (await withdrawn(rig, own.learner_ref, theirs)).status_code == 200
    assert (await withdrawn(rig, own.learner_ref, theirs)).status_code == 200
    assert len(await rig.events("CredentialUnrecognised")) == 1
    assert await rig.scalar("select count(*) from vault_entries where kind = 'evidence'") == 0


async def test_only_a_valid_copy_of_another_tenants_credential_counts(rig: Rig, abroad: Abroad) -> None:
    own, theirs = await merit(rig, ONE), await abroad.earned()
    refused(await recognised(rig, own.learner_ref, "no such copy"), 404, "evidence_unknown")
    mine = (await constituent(rig, own.wallet)).digests[0]
    body = {"request_id": str(uuid7()), "digest": mine}
    refused(await command(rig, f"/v1/learners/{own.learner_ref}/evidence", BODY, **body), 409, "evidence_needless")
    await abroad.again(theirs, "newer")
    old = refused(await recognised(rig, own.learner_ref), 409, "evidence_not_valid")
    assert "newest copy" in old["remedy"]
    assert (await recognised(rig, own.learner_ref, "newer")).status_code == 201
    second = await abroad.earned("two")
    await abroad.superseded(theirs, second, "renewal")
    refused(await recognised(rig, own.learner_ref, "newer"), 409, "evidence_not_valid")
    await becomes(rig, second, registry.CredentialRevoked)
    refused(await recognised(rig, own.learner_ref, "two"), 409, "evidence_not_valid")


async def test_the_learner_must_be_the_callers(rig: Rig, abroad: Abroad) -> None:
    own, theirs = await merit(rig, ONE), await abroad.earned()
    refused(await recognised(rig, STRANGER), 404, "not_found")
    refused(await withdrawn(rig, STRANGER, theirs), 404, "not_found")
    refused(await withdrawn(rig, own.learner_ref, theirs), 404, "not_found")
    body = {"request_id": str(uuid7()), "digest": copy_of("one")}
    path = f"/v1/learners/{own.learner_ref}/evidence"
    refused(await command(rig, path, (ABROAD, "awarding_body"), **body), 404, "not_found")
    refused(await command(rig, path, (BODY[0], "provider"), **body), 403, "forbidden")
    assert await rig.events("CredentialRecognised") == []


async def test_a_pathway_is_awarded_to_learners_of_its_own_body_only(rig: Rig, abroad: Abroad) -> None:
    await publish(rig, pathway(all_of(THEIRS)))
    await abroad.earned()
    assert [one["learner_ref"] for one in await rig.events("PathwayProgressed")] == [STRANGER]
    assert await rig.events("CredentialStacked") == []
    own = await merit(rig, ONE)
    await recognised(rig, own.learner_ref)
    assert [one["learner_ref"] for one in await rig.events("CredentialStacked")] == [own.learner_ref]


async def test_a_result_is_known_only_as_it_was_disclosed(rig: Rig, abroad: Abroad) -> None:
    await publish(rig, pathway({"credential": THEIRS, "min_result_percent": 80}))
    own, theirs = await merit(rig, ONE), await abroad.earned()
    await recognised(rig, own.learner_ref)
    last = [one for one in await rig.events("PathwayProgressed") if one["learner_ref"] == own.learner_ref][-1]
    assert (last["outcome"], last["unknown"]) == ("indeterminate", [str(theirs)])
    await recognised(rig, own.learner_ref, result_percent=93.25)
    assert (await award(rig))["state"] == "awarded"
    assert "93.25" not in "".join(await rig.logged())


async def test_what_becomes_of_it_abroad_is_followed(rig: Rig, abroad: Abroad) -> None:
    await publish(rig, pathway(all_of(ONE, LIVE), on_lapse="suspend"))
    own, theirs = await merit(rig, ONE), await abroad.earned()
    await recognised(rig, own.learner_ref)
    await becomes(rig, theirs, registry.CredentialSuspended)
    assert (await award(rig))["state"] == "suspended"
    await becomes(rig, theirs, registry.CredentialReinstated)
    assert (await award(rig))["state"] == "awarded"
    await abroad.again(theirs, "newer")
    assert [copy_of("newer")] in [one["digests"] for one in (await award(rig))["constituents"]]
    await becomes(rig, theirs, registry.CredentialRevoked)
    found = await award(rig)
    assert (found["state"], found["review"]["constituent_id"]) == ("suspended", str(theirs))


async def test_a_successor_counts_where_the_credential_was_presented(rig: Rig, abroad: Abroad) -> None:
    await publish(rig, pathway(all_of(ONE, LIVE), on_lapse="suspend"))
    own, theirs = await merit(rig, ONE), await abroad.earned()
    await recognised(rig, own.learner_ref)
    await abroad.superseded(theirs, await abroad.earned("two"), "re_key")
    found = await award(rig)
    assert found["state"] == "awarded"
    assert [copy_of("two")] in [one["digests"] for one in found["constituents"]]
    await withdrawn(rig, own.learner_ref, theirs)
    assert (await award(rig))["state"] == "suspended"


async def test_an_award_stands_though_its_holder_withdrew_what_it_rests_on(rig: Rig, abroad: Abroad) -> None:
    await publish(rig, pathway(all_of(ONE, THEIRS)))
    own, theirs = await merit(rig, ONE), await abroad.earned()
    await recognised(rig, own.learner_ref)
    await withdrawn(rig, own.learner_ref, theirs)
    found = await award(rig)
    assert (found["state"], found["review"]) == ("awarded", None)
    await becomes(rig, theirs, registry.CredentialRevoked)
    assert (await award(rig))["review"] is None


async def test_what_was_recorded_in_error_opens_a_review(rig: Rig, abroad: Abroad) -> None:
    await publish(rig, pathway(all_of(ONE, THEIRS)))
    own, theirs = await merit(rig, ONE), await abroad.earned()
    await recognised(rig, own.learner_ref)
    await withdrawn(rig, own.learner_ref, theirs, reason_code="recorded_in_error")
    found = await award(rig)
    assert (found["state"], found["review"]["reason_code"]) == ("awarded", "recorded_in_error")
    assert (await recognised(rig, own.learner_ref)).status_code == 201
    said = [one["credential_id"] for one in await rig.events("ConstituentRestored")]
    assert said == [str(theirs)]


async def test_what_was_withdrawn_makes_no_award(rig: Rig, abroad: Abroad) -> None:
    own, theirs = await merit(rig, ONE), await abroad.earned()
    await recognised(rig, own.learner_ref)
    await withdrawn(rig, own.learner_ref, theirs)
    await publish(rig, pathway(all_of(THEIRS)))
    answer = await command(rig, f"/v1/pathways/{PATH}/evaluations", learner_ref=own.learner_ref)
    assert answer.json()["outcome"] == "not_satisfied"


async def test_an_award_of_another_tenant_counts_as_one(rig: Rig, abroad: Abroad) -> None:
    await abroad.earned()
    theirs = await abroad.awarded()
    await publish(rig, pathway({"pathway": THEIR_PATH, "validity": "live"}, on_lapse="suspend"))
    own = await merit(rig, ONE)
    assert (await recognised(rig, own.learner_ref, "award")).status_code == 201
    found = await award(rig)
    assert found["state"] == "awarded"
    assert [(one["kind"], one["credential_id"]) for one in found["constituents"]] == [("pathway", str(theirs))]
    assert not [one for one in await rig.events("PathwayProgressed") if _of_theirs(one, own.learner_ref)]
    await abroad.award_ends(theirs)
    assert (await award(rig))["state"] == "suspended"


async def test_a_body_that_cannot_be_is_refused(rig: Rig) -> None:
    own = await merit(rig, ONE)
    digest, request = copy_of("one"), str(uuid7())
    bodies: tuple[Json, ...] = (
        {"digest": digest},
        {"request_id": request, "digest": "short"},
        {"request_id": request, "digest": digest, "result_percent": 100.5},
    )
    for body in bodies:
        path = f"/v1/learners/{own.learner_ref}/evidence"
        refused(await command(rig, path, BODY, **body), 400, "invalid_request")
    whole = {"request_id": request, "digest": digest}
    for learner_ref in ("%00", "a%20b", "x" * 65):
        answer = await command(rig, f"/v1/learners/{learner_ref}/evidence", BODY, **whole)
        assert 400 <= answer.status_code < 500, json.dumps(answer.json())


def _of_theirs(said: Json, learner_ref: str) -> bool:
    return bool(said["learner_ref"] == learner_ref and said["pathway_id"] == THEIR_PATH)

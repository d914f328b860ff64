"""What an award's credential says when it is fetched, and when it is refused."""

from __future__ import annotations

from typing import Any

import pytest

from kompetenspass.core.clock import Clock
from kompetenspass.core.digest import content_digest
from kompetenspass.core.errors import Problem
from kompetenspass.events import catalog, registry
from kompetenspass.openid.jose import public_key
from kompetenspass.openid.mikromerit import type_metadata, vct
from kompetenspass.openid.sdjwt.parse import digest_of_copy
from kompetenspass.openid.sdjwt.type_metadata import check_type, read_type_metadata
from kompetenspass.openid.sdjwt.verify import verify
from services.issuance.domain.award_claims import RESERVATION
from services.issuance.tests.awarded import (
    MERITS,
    PATHWAY,
    Award,
    award,
    by_itself,
    compact,
    constituent,
    offers_of,
    refused,
)
from services.issuance.tests.rig import CATALOG, ISSUER, LEARNER, Json, Rig
from services.issuance.tests.world import KOMMUN, SINCE

OUTER: Json = {
    "id": "outer",
    "urn": "urn:mikromerit:demo:pathway:outer",
    "version": 1,
    "title": {"sv": "Vårdbiträde", "en": "Care assistant"},
    "awarding_body": KOMMUN,
    "result": {"kind": "internal_role", "seqf": None, "eqf": None, "placement": "not_applied"},
    "rule": {"all_of": [{"pathway": PATHWAY["id"]}, {"credential": MERITS[0]}]},
    "constraints": {"double_counting": "forbid", "default_validity": "snapshot", "on_lapse": "suspend"},
    "award": {"mode": "decision", "on_satisfied": "propose_award"},
}


def published(content: Json) -> catalog.PathwayPublished:
    """Return the publication of a pathway of Skellefteå kommun."""
    return catalog.PathwayPublished(
        pathway_id=content["id"],
        urn=content["urn"],
        version=1,
        owner_org=KOMMUN,
        awarding_body=KOMMUN,
        content=content,
        content_digest=content_digest(content),
        rule_digest=content_digest(content["rule"]),
        effective_from=SINCE,
    )


def claims_of(rig: Rig, compact: str, now: Clock) -> dict[str, Any]:
    """Return all claims of an issued credential, as a verifier that knows the type accepts them."""
    verified = verify(compact, issuer_key=public_key(dict(rig.signer.public_jwk)), now=now())
    check_type(read_type_metadata(type_metadata(CATALOG), vct=vct(CATALOG)), verified)
    return dict(verified.claims)


async def test_an_award_offered_by_command_is_issued_with_its_parts(rig: Rig) -> None:
    made = await award(rig)
    offered = await rig.offers.offer_award(made.caller, made.stack_id, tx_code=True)
    assert (offered.credential_id, len(offered.tx_code or "")) == (made.credential_id, 6)
    wallet = made.handed(offered)
    assert wallet.document["credential_issuer"] == ISSUER
    assert wallet.document["credential_configuration_ids"] == [PATHWAY["id"]]
    claims = claims_of(rig, await compact(wallet), rig.clock)
    assert (claims["family_name"], claims["achievement_title"]) == (LEARNER["family_name"], PATHWAY["title"]["sv"])
    assert (claims["definition"], claims["expected_study_time"]) == (PATHWAY["urn"], "PT40H")
    assert [one["definition"] for one in claims["has_part"]] == [f"urn:mikromerit:demo:{id_}" for id_ in MERITS]
    merits = {one["definition_id"]: one for one in await rig.events("CredentialIssued")}
    assert [one["digests"] for one in claims["has_part"]] == [[merits[id_]["copies"][0]["digest"]] for id_ in MERITS]


async def test_the_event_names_the_award_and_no_end(rig: Rig) -> None:
    made = await award(rig)
    await compact(await made.offered(await by_itself(made)))
    (issued,) = await offers_of(made, "CredentialIssued")
    assert (issued["stack_id"], issued.get("achievement_id")) == (str(made.stack_id), None)
    assert (issued["definition_id"], issued["recognition_level"]) == (PATHWAY["id"], "R4")
    assert issued.get("valid_to") is None


async def test_the_learner_is_the_same_towards_verifiers_as_in_the_merits(rig: Rig) -> None:
    made = await award(rig)
    claims = claims_of(rig, await compact(await made.offered(await by_itself(made))), rig.clock)
    assert claims["learner_identification"] == await rig.vault.identification(KOMMUN, made.learner_ref)
    assert claims["quality_assurance_body"]["id"] == "org:skelleftea-kommun-socialkontoret"


async def test_a_suspension_between_offer_and_issue_refuses_whether_the_offer_was_taken_back_or_not(rig: Rig) -> None:
    made = await award(rig)
    wallet = await made.offered(await by_itself(made))
    await wallet.token()
    await made.suspend()
    await refused(wallet)
    assert await offers_of(made, "CredentialIssued") == []


async def test_after_a_rebinding_the_wallets_new_copy_replaces_the_old_one(rig: Rig) -> None:
    made = await award(rig)
    first = await compact(await made.offered(await by_itself(made)))
    await rig.caught_up()
    cause = await made.rebind(MERITS[0])
    again = await made.offered(await rig.offers.offer_award_by_itself(made.stack_id, cause))
    second = await compact(again)
    issued = await offers_of(made, "CredentialIssued")
    assert issued[1]["replaces"] == [digest_of_copy(first)]
    before, now = (claims_of(rig, one, rig.clock)["has_part"] for one in (first, second))
    assert [one == other for one, other in zip(before, now, strict=True)] == [False, True]
    newest = [one for one in await rig.events("CredentialIssued") if one["definition_id"] == MERITS[0]][-1]
    assert now[0]["digests"] == [newest["copies"][0]["digest"]]


@pytest.mark.parametrize("role", ["issuer", "awarding_body"])
async def test_an_awarding_body_that_lost_a_role_offers_and_issues_nothing(rig: Rig, role: str) -> None:
    made = await award(rig)
    wallet = await made.offered(await by_itself(made))
    await wallet.token()
    proof = wallet.proof(await wallet.nonce())
    withdrawn = registry.RoleWithdrawn(org_id=KOMMUN, role=role, withdrawn_from=SINCE, reason_code="ended")
    await rig.world.state(f"org-{KOMMUN}", withdrawn)
    await rig.caught_up()
    with pytest.raises(Problem, match=role):
        await rig.offers.offer_award(made.caller, made.stack_id, tx_code=False)
    answer = await wallet.credential(proof, configuration=PATHWAY["id"])
    assert answer.json()["error"] == "credential_request_denied"


async def test_an_award_whose_learner_was_forgotten_is_not_issued(rig: Rig) -> None:
    made = await award(rig)
    wallet = await made.offered(await by_itself(made))
    await wallet.token()
    await rig.vault.shred(made.learner_ref)
    await refused(wallet)


async def test_a_nested_award_is_a_part_and_says_which_pathways_it_is_part_of(rig: Rig) -> None:
    await rig.world.state("path-outer", published(OUTER))
    made = await award(rig)
    inner = await made.offered(await by_itself(made))
    claims = claims_of(rig, await compact(inner), rig.clock)
    assert (claims["part_of"], claims["integration_stackability_options"]) == ([OUTER["urn"]], True)
    outer = Award(rig, made.learner_ref, pathway=OUTER)
    await rig.caught_up()
    parts = [await constituent(rig, wallet) for wallet in (inner, made.wallets[MERITS[0]])]
    await outer.make(parts)
    claims = claims_of(rig, await compact(await outer.offered(await by_itself(outer)), OUTER["id"]), rig.clock)
    assert claims["expected_study_time"] == "PT40H"
    assert claims["has_part"] == [
        {"definition": PATHWAY["urn"], "digests": list(parts[0].digests)},
        {"definition": f"urn:mikromerit:demo:{MERITS[0]}", "digests": list(parts[1].digests)},
    ]
    assert claims["achievement_description"] == RESERVATION

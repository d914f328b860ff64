"""The credential endpoint over HTTP. Numbers are those of the OpenID4VCI checklist."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kompetenspass.events import registry
from kompetenspass.openid import mikromerit
from kompetenspass.openid.sdjwt.parse import digest_of_copy, parse_header
from services.issuance.tests.rig import CATALOG, ISSUER, MERIT, SLUG, Json, Rig, Wallet
from services.issuance.tests.verifier import disclosed, signed_claims
from services.issuance.tests.world import KOMMUN, LIST_URI, SINCE


async def test_vci_31_the_answer_is_a_credential_and_a_notification_id(rig: Rig) -> None:
    wallet = await rig.wallet()
    await wallet.token()
    answer = await wallet.credential()
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Type"] == "application/json"
    assert set(answer.json()) == {"credentials", "notification_id"}
    assert answer.headers["Log-Position"].startswith("issuance=")


async def test_vci_43_the_credential_is_a_compact_sd_jwt_with_x5c_and_without_an_anchor(rig: Rig) -> None:
    compact = (await (await rig.wallet()).fetched())["credentials"][0]["credential"]
    header = parse_header(compact)
    assert (header["typ"], header["alg"]) == ("dc+sd-jwt", "ES256")
    assert header["x5c"] == list(rig.signer.x5c)
    assert compact.endswith("~")


async def test_the_credential_says_what_the_type_wants_and_keeps_back_what_it_may(rig: Rig) -> None:
    wallet = await rig.wallet()
    compact = (await wallet.fetched())["credentials"][0]["credential"]
    open_claims, all_claims = signed_claims(compact, rig.signer), disclosed(compact, rig.signer)
    assert open_claims["iss"] == ISSUER
    assert open_claims["vct"] == mikromerit.vct(CATALOG)
    assert open_claims["vct#integrity"] == mikromerit.type_integrity(CATALOG)
    assert open_claims["cnf"] == {"jwk": dict(wallet.key.public_jwk)}
    assert set(open_claims) >= mikromerit.MANDATORY_OPEN
    assert not {str(path[0]) for path in mikromerit.DISCLOSABLE} & set(open_claims)
    assert (all_claims["family_name"], all_claims["assessment_grade"]) == ("Förstapristagare", "92 %")


async def test_the_learners_pseudonym_is_not_their_reference(rig: Rig) -> None:
    wallet = await rig.wallet()
    claims = disclosed((await wallet.fetched())["credentials"][0]["credential"], rig.signer)
    assert len(claims["learner_identification"]) == 43
    assert wallet.achievement["learner_ref"] not in json.dumps(claims)


async def test_the_event_names_the_copy_by_digest_and_status_entry(rig: Rig) -> None:
    wallet = await rig.wallet()
    compact = (await wallet.fetched())["credentials"][0]["credential"]
    (event,) = await rig.events("CredentialIssued")
    entry = signed_claims(compact, rig.signer)["status"]["status_list"]
    assert event["copies"] == [{"digest": digest_of_copy(compact), "status_uri": entry["uri"], "index": entry["idx"]}]
    assert entry["uri"] == LIST_URI
    assert (event["issuer"], event["kid"], event["format"]) == (ISSUER, rig.signer.kid, "dc+sd-jwt")


async def refused(wallet: Wallet, body: Json, code: str) -> None:
    await wallet.token()
    answer = await wallet.request(body)
    assert (answer.status_code, answer.json()["error"]) == (400, code), answer.text


@pytest.mark.parametrize(
    ("ids", "code"),
    [
        ({}, "invalid_credential_request"),
        ({"credential_configuration_id": MERIT, "credential_identifier": MERIT}, "invalid_credential_request"),
        ({"credential_configuration_id": "unknown"}, "unknown_credential_configuration"),
        ({"credential_configuration_id": "sko-ys-02"}, "invalid_credential_request"),
        ({"credential_identifier": "unknown"}, "unknown_credential_identifier"),
        ({"credential_identifier": MERIT}, "unknown_credential_identifier"),
        ({"format": "dc+sd-jwt"}, "invalid_credential_request"),
    ],
)
async def test_vci_27_exactly_one_known_id_of_the_right_kind_is_needed(rig: Rig, ids: Json, code: str) -> None:
    wallet = await rig.wallet()
    await refused(wallet, {**ids, "proofs": {"jwt": [wallet.proof(await wallet.nonce())]}}, code)


async def test_vci_24_after_identifiers_the_identifier_must_be_used(rig: Rig) -> None:
    wallet = await rig.wallet()
    details = [{"type": "openid_credential", "credential_configuration_id": MERIT}]
    await wallet.token(authorization_details=json.dumps(details))
    assert (await wallet.credential()).json()["error"] == "invalid_credential_request"
    unknown = await wallet.credential(configuration="unknown")
    assert unknown.json()["error"] == "unknown_credential_configuration"
    proofs = {"jwt": [wallet.proof(await wallet.nonce())]}
    assert (await wallet.request({"credential_identifier": MERIT, "proofs": proofs})).status_code == 200


@pytest.mark.parametrize(
    "proofs",
    [None, {}, {"jwt": []}, {"jwt": "x"}, {"jwt": ["x"], "attestation": ["y"]}, {"di_vp": [{}]}],
)
async def test_vci_28_proofs_are_one_type_with_at_least_one_proof(rig: Rig, proofs: Any) -> None:
    body = {"credential_configuration_id": MERIT} | ({} if proofs is None else {"proofs": proofs})
    await refused(await rig.wallet(), body, "invalid_proof")


async def test_vci_28_no_more_proofs_than_the_batch_size_are_taken(rig: Rig) -> None:
    wallet = await rig.wallet()
    await wallet.token()
    nonce = await wallet.nonce()
    answer = await wallet.credential(wallet.proof(nonce), wallet.proof(nonce))
    assert answer.json()["error"] == "invalid_proof"


async def test_vci_28_unknown_members_are_ignored(rig: Rig) -> None:
    wallet = await rig.wallet()
    await wallet.token()
    assert (await wallet.credential(unknown={"a": 1})).status_code == 200


async def test_vci_29_an_encrypted_answer_is_not_offered(rig: Rig) -> None:
    wallet = await rig.wallet()
    await wallet.token()
    answer = await wallet.credential(credential_response_encryption={"jwk": {}, "enc": "A256GCM"})
    assert answer.json()["error"] == "invalid_encryption_parameters"


@pytest.mark.parametrize(("headers", "challenge"), [({}, "Bearer"), ({"Authorization": "Bearer x"}, "invalid_token")])
async def test_vci_34_without_a_live_token_the_answer_is_a_challenge(
    rig: Rig, headers: dict[str, str], challenge: str
) -> None:
    answer = await rig.client.post(f"/issuers/{SLUG}/credential", json={}, headers=headers)
    assert answer.status_code == 401
    assert challenge in answer.headers["WWW-Authenticate"]


async def test_vci_36_a_token_in_the_query_is_refused(rig: Rig) -> None:
    wallet = await rig.wallet()
    token = await wallet.token()
    answer = await rig.client.post(f"/issuers/{SLUG}/credential?access_token={token}", json={})
    assert answer.status_code == 400


async def test_a_token_of_one_issuer_is_not_good_at_another(rig: Rig) -> None:
    wallet = await rig.wallet()
    headers = {"Authorization": f"Bearer {await wallet.token()}"}
    answer = await rig.client.post("/issuers/skelleftea-vux/credential", json={}, headers=headers)
    assert answer.status_code == 401


async def test_trap_28_the_wallet_may_ask_again_and_the_first_copy_is_replaced(rig: Rig) -> None:
    wallet = await rig.wallet()
    first = await wallet.fetched()
    second = await wallet.credential()
    assert second.status_code == 200
    issued = await rig.events("CredentialIssued")
    assert issued[1]["replaces"] == [digest_of_copy(first["credentials"][0]["credential"])]
    assert issued[1]["credential_id"] == issued[0]["credential_id"]
    assert issued[1]["copies"][0]["index"] != issued[0]["copies"][0]["index"]


async def test_an_offer_again_after_the_issue_replaces_the_first_copy(rig: Rig) -> None:
    wallet = await rig.wallet()
    first = await wallet.fetched()
    again = Wallet(rig, await rig.offer(wallet.achievement["achievement_id"]), wallet.achievement)
    await again.fetched()
    assert (await rig.events("CredentialIssued"))[1]["replaces"] == [
        digest_of_copy(first["credentials"][0]["credential"])
    ]


@pytest.mark.parametrize("over", ["revoked", "suspended"])
async def test_what_is_revoked_or_suspended_is_not_issued_again(rig: Rig, over: str) -> None:
    wallet = await rig.wallet()
    await wallet.fetched()
    await rig.world.state(f"status-{wallet.offered['credential_id']}", _ended(wallet, over))
    await rig.caught_up()
    assert (await wallet.credential()).json()["error"] == "credential_request_denied"
    path = f"/v1/achievements/{wallet.achievement['achievement_id']}/offers"
    offered = await rig.post(path, {"tx_code": False}, KOMMUN, "awarding_body")
    assert (offered.status_code, offered.json()["code"]) == (409, "credential_over")


def _ended(wallet: Wallet, how: str) -> registry.CredentialRevoked | registry.CredentialSuspended:
    shared: Json = {"credential_id": wallet.offered["credential_id"], "copies": ()}
    if how == "suspended":
        return registry.CredentialSuspended(**shared, cause="issuer", causes=("issuer",), reason_code="review")
    return registry.CredentialRevoked(**shared, reason_code="fraud", effective_from=SINCE, void_ab_initio=True)


async def test_an_issuer_that_lost_its_role_issues_nothing(rig: Rig) -> None:
    wallet = await rig.wallet()
    await wallet.token()
    proof = wallet.proof(await wallet.nonce())
    withdrawn = registry.RoleWithdrawn(org_id=KOMMUN, role="issuer", withdrawn_from=SINCE, reason_code="ended")
    await rig.world.state(f"org-{KOMMUN}", withdrawn)
    await rig.caught_up()
    assert (await wallet.credential(proof)).json()["error"] == "credential_request_denied"


async def test_nothing_is_signed_with_a_compromised_key(rig: Rig) -> None:
    wallet = await rig.wallet()
    await wallet.token()
    compromised = registry.IssuerKeyCompromised(org_id=KOMMUN, kid=rig.signer.kid, compromised_since=rig.clock())
    await rig.world.state(f"org-{KOMMUN}", compromised)
    await rig.caught_up()
    assert (await wallet.credential()).json()["error"] == "credential_request_denied"

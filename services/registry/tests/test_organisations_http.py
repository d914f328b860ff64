"""Organisations and the enrolment of keys over HTTP."""

from typing import Any

import pytest

from services.registry.tests.conftest import ALFA, ISSUANCE, Rig

ROLE = {"role": "issuer", "mandate_ref": "M-1", "valid_from": "2026-01-01T00:00:00Z"}
ASSESSOR = {
    "assessor_ref": "assessor:alfa-1",
    "fields": ["0231"],
    "basis": "founding_decision",
    "decision_ref": "D-1",
    "valid_from": "2026-09-01T00:00:00Z",
    "valid_to": "2028-09-01T00:00:00Z",
}


async def test_an_organisation_is_registered_and_shown_with_its_roles(rig: Rig) -> None:
    registered = await rig.post("/v1/organisations", ALFA)
    assert (registered.status_code, registered.json()) == (
        201,
        {"org_id": "org:alfa", "issuer": f"{ISSUANCE}/issuers/alfa"},
    )
    granted = await rig.post("/v1/organisations/org:alfa/roles", ROLE)
    headers = {"Wait-For": granted.headers["Log-Position"]}
    shown = (await rig.client.get("/v1/organisations/org:alfa", headers=headers)).json()
    assert (shown["legal_name"], shown["slug"]) == ({"sv": "Alfa"}, "alfa")
    assert [role["role"] for role in shown["roles"]] == ["issuer"]


async def test_a_repeated_registration_answers_200_and_other_particulars_409(rig: Rig) -> None:
    await rig.post("/v1/organisations", ALFA)
    assert (await rig.post("/v1/organisations", ALFA)).status_code == 200
    other = await rig.post("/v1/organisations", ALFA | {"country": "FI"})
    assert (other.status_code, other.json()["code"]) == (409, "organisation_already_registered")


async def test_a_slug_belongs_to_one_organisation(rig: Rig) -> None:
    await rig.post("/v1/organisations", ALFA)
    other = await rig.post("/v1/organisations", ALFA | {"org_id": "org:beta"})
    assert (other.status_code, other.json()["code"]) == (409, "slug_taken")


async def test_a_parent_must_be_registered_first(rig: Rig) -> None:
    answer = await rig.post("/v1/organisations", ALFA | {"parent": "org:none"})
    assert (answer.status_code, answer.json()["code"]) == (409, "parent_not_registered")


async def test_unknown_members_are_refused(rig: Rig) -> None:
    answer = await rig.post("/v1/organisations", ALFA | {"contact": "x"})
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"


async def test_commands_need_a_token_and_the_role_of_the_scheme_owner(rig: Rig) -> None:
    assert (await rig.client.post("/v1/organisations", json=ALFA)).status_code == 401
    assert (await rig.post("/v1/organisations", ALFA, "org:alfa", "issuer")).status_code == 403


async def test_a_withdrawn_role_ends_and_an_assessor_comes_and_goes(rig: Rig) -> None:
    await rig.post("/v1/organisations", ALFA)
    await rig.post("/v1/organisations/org:alfa/roles", ROLE)
    body = {"withdrawn_from": "2026-06-01T00:00:00Z", "reason_code": "mandate_ended"}
    withdrawn = await rig.post("/v1/organisations/org:alfa/roles/issuer/withdraw", body)
    headers = {"Wait-For": withdrawn.headers["Log-Position"]}
    shown = (await rig.client.get("/v1/organisations/org:alfa", headers=headers)).json()
    assert shown["roles"][0]["valid_to"] == "2026-06-01T00:00:00Z"

    assert (await rig.post("/v1/organisations/org:alfa/assessors", ASSESSOR)).status_code == 201
    assert (await rig.post("/v1/organisations/org:alfa/assessors", ASSESSOR)).status_code == 200
    end = {"withdrawn_from": "2026-10-01T00:00:00Z"}
    path = "/v1/organisations/org:alfa/assessors/assessor:alfa-1/withdraw"
    assert (await rig.post(path, end)).status_code == 200


async def test_organisations_are_listed_in_pages(rig: Rig) -> None:
    for name in ("alfa", "beta", "gamma"):
        last = await rig.post("/v1/organisations", ALFA | {"org_id": f"org:{name}", "slug": name})
    headers = {"Wait-For": last.headers["Log-Position"]}
    first = (await rig.client.get("/v1/organisations?limit=2", headers=headers)).json()
    rest = (await rig.client.get("/v1/organisations", params={"limit": 2, "after": first["next"]})).json()
    ids = [row["org_id"] for row in first["organisations"] + rest["organisations"]]
    assert (ids, rest["next"]) == (["org:alfa", "org:beta", "org:gamma"], None)


async def test_an_unknown_organisation_is_not_found(rig: Rig) -> None:
    assert (await rig.client.get("/v1/organisations/org:none")).status_code == 404


async def test_a_key_is_enrolled_by_signing_the_challenge_and_shown(rig: Rig) -> None:
    await rig.issuer()
    key = rig.key()
    answer = await rig.enrol(key)
    assert (answer.status_code, answer.json()["kid"]) == (201, key.kid)
    headers = {"Wait-For": answer.headers["Log-Position"]}
    shown = (await rig.client.get("/v1/organisations/org:alfa", headers=headers)).json()
    assert [(row["kid"], row["issuer"], row["jwk"]) for row in shown["keys"]] == [
        (key.kid, f"{ISSUANCE}/issuers/alfa", dict(key.public_jwk))
    ]


async def test_a_challenge_is_good_for_one_enrolment(rig: Rig) -> None:
    await rig.issuer()
    key, challenge = rig.key(), await rig.challenge()
    body = {"x5c": list(key.x5c), "proof": rig.proof(key, challenge)}
    assert (await rig.issuer_command("/v1/organisations/org:alfa/keys", body)).status_code == 201
    again = await rig.issuer_command("/v1/organisations/org:alfa/keys", body)
    assert (again.status_code, again.json()["code"]) == (400, "challenge_not_valid")


async def test_a_challenge_expires_and_is_no_other_organisations(rig: Rig) -> None:
    await rig.issuer()
    await rig.issuer("org:beta")
    key, foreign, late = rig.key(), await rig.challenge("org:beta"), await rig.challenge()
    body = {"x5c": list(key.x5c), "proof": rig.proof(key, foreign)}
    answer = await rig.issuer_command("/v1/organisations/org:alfa/keys", body)
    assert answer.json()["code"] == "challenge_not_valid"
    rig.clock.advance(seconds=rig.settings.challenge_lifetime_seconds)
    body = {"x5c": list(key.x5c), "proof": rig.proof(key, late)}
    answer = await rig.issuer_command("/v1/organisations/org:alfa/keys", body)
    assert answer.json()["code"] == "challenge_not_valid"


@pytest.mark.parametrize(
    ("defect", "code"),
    [
        ({"aud": "https://other.example"}, "invalid_key_proof"),
        ({"org_id": "org:beta"}, "invalid_key_proof"),
        ({"iat": 0}, "too_old"),
        ({"challenge": 7}, "challenge_not_valid"),
    ],
)
async def test_a_proof_with_a_wrong_claim_is_refused(rig: Rig, defect: dict[str, Any], code: str) -> None:
    await rig.issuer()
    key = rig.key()
    body = {"x5c": list(key.x5c), "proof": rig.proof(key, await rig.challenge(), defect=defect)}
    answer = await rig.issuer_command("/v1/organisations/org:alfa/keys", body)
    assert (answer.status_code, answer.json()["code"]) == (400, code)


async def test_a_proof_by_another_key_under_the_right_certificate_is_refused(rig: Rig) -> None:
    await rig.issuer()
    body = {"x5c": list(rig.key().x5c), "proof": rig.proof(rig.key(), await rig.challenge())}
    answer = await rig.issuer_command("/v1/organisations/org:alfa/keys", body)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_signature")


async def test_a_chain_with_its_anchor_or_for_another_issuer_is_refused(rig: Rig) -> None:
    await rig.issuer()
    key, foreign = rig.key(), rig.key("beta")
    anchor = "".join(rig.signer.anchor.root_pem.splitlines()[1:-1])
    body = {"x5c": [*key.x5c, anchor], "proof": rig.proof(key, await rig.challenge())}
    answer = await rig.issuer_command("/v1/organisations/org:alfa/keys", body)
    assert answer.json()["code"] == "untrusted_chain"
    assert (await rig.enrol(foreign)).json()["code"] == "certificate_subject_mismatch"


async def test_keys_are_the_own_organisations_and_need_its_role(rig: Rig) -> None:
    await rig.issuer()
    foreign = await rig.issuer_command("/v1/organisations/org:alfa/keys/challenges", {}, "org:beta")
    assert foreign.status_code == 404
    roleless = await rig.post("/v1/organisations/org:alfa/keys/challenges", {}, "org:alfa", "provider")
    assert roleless.status_code == 403


async def test_a_compromised_key_is_marked_and_never_enrolled_again(rig: Rig) -> None:
    await rig.issuer()
    key = rig.key()
    await rig.enrol(key)
    path = f"/v1/organisations/org:alfa/keys/{key.kid}/compromise"
    answer = await rig.issuer_command(path, {"compromised_since": "2026-10-01T00:00:00Z"})
    assert answer.status_code == 200
    assert (await rig.enrol(key)).json()["code"] == "key_compromised"

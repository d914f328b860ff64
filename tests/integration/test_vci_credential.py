"""The credential endpoint over HTTP: VCI-27 to VCI-36 of the checklist. Source: OpenID4VCI 1.0, section 8."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from kompetenspass.core.ids import random_token
from kompetenspass.testing.keys import TestSigner
from tests.integration.parties import Parties
from tests.integration.statuses import stays_valid, value_of
from tests.integration.stranger import JSON, SOBONA, Held, Stranger, check_error, eventually

ID = "credential_configuration_id"


@pytest.fixture(scope="module")
def access_token(kommun: Stranger) -> str:
    return kommun.access_token(kommun.offered(kommun.achieved()))


def with_identifiers(kommun: Stranger) -> str:
    """Return an access token whose response gave credential identifiers."""
    details = [{"type": "openid_credential", ID: kommun.office.definition}]
    answer = kommun.token(kommun.offered().code, authorization_details=json.dumps(details))
    return str(answer.raise_for_status().json()["access_token"])


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b"x", b'{"a":1,"a":2}', b"\xff", b'"x"', b"[" * 5000])
def test_vci_33_a_body_that_is_no_json_object_is_refused(kommun: Stranger, access_token: str, content: bytes) -> None:
    answer = kommun.post("credential", access_token, content=content, headers={"Content-Type": "application/json"})
    check_error(answer, "invalid_credential_request")


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({}, "invalid_credential_request"),
        ({ID: "sko-ys-01", "credential_identifier": "sko-ys-01"}, "invalid_credential_request"),
        ({ID: ""}, "invalid_credential_request"),
        ({ID: 7}, "invalid_credential_request"),
        ({ID: None}, "invalid_credential_request"),
        ({"format": "dc+sd-jwt", "vct": "x"}, "invalid_credential_request"),
        ({ID: "never-published"}, "unknown_credential_configuration"),
        ({ID: "sob-tex-02"}, "unknown_credential_configuration"),
        ({ID: "sko-ys-02"}, "invalid_credential_request"),
        ({"credential_identifier": "never-given"}, "unknown_credential_identifier"),
        ({ID: "sko-ys-01", "credential_response_encryption": {}}, "invalid_encryption_parameters"),
    ],
)
def test_vci_27_vci_29_vci_33_a_request_for_something_else_is_refused(
    kommun: Stranger, access_token: str, request_: JSON, code: str
) -> None:
    check_error(kommun.credential(access_token, request_ | {"proofs": {"jwt": [kommun.proof()]}}), code)


def test_vci_27_vci_35_trap_1_with_identifiers_an_unknown_configuration_is_unknown_and_a_known_one_refused(
    kommun: Stranger,
) -> None:
    token, proofs = with_identifiers(kommun), {"proofs": {"jwt": [kommun.proof()]}}
    check_error(kommun.credential(token, {ID: "never-published"} | proofs), "unknown_credential_configuration")
    check_error(kommun.credential(token, {ID: kommun.office.definition} | proofs), "invalid_credential_request")
    check_error(kommun.credential(token, {"credential_identifier": "x"} | proofs), "unknown_credential_identifier")


@pytest.mark.parametrize("endpoint", ["credential", "notification"])
@pytest.mark.parametrize(
    "authorization", [None, "Bearer", "Bearer x", "Basic eDp5", "DPoP x", "Bearer " + "a" * 9000, "Bearer ÅÄÖ"]
)
def test_vci_34_a_missing_or_unknown_token_is_a_401_with_a_challenge(
    kommun: Stranger, endpoint: str, authorization: str | None
) -> None:
    headers = {} if authorization is None else {"Authorization": authorization.encode()}
    answer = kommun.post(endpoint, json={}, headers=headers)
    check_error(answer, "invalid_token", 401)
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("endpoint", ["credential", "notification"])
def test_vci_36_a_token_in_the_query_is_refused(kommun: Stranger, access_token: str, endpoint: str) -> None:
    alone = kommun.post(f"{endpoint}?access_token={access_token}", json=kommun.request(kommun.proof()))
    assert alone.status_code in (400, 401)
    assert "error" in alone.json()
    both = kommun.post(f"{endpoint}?access_token={access_token}", access_token, json=kommun.request(kommun.proof()))
    check_error(both, "invalid_request")


def test_vci_34_a_token_of_another_issuer_is_refused(kommun: Stranger, parties: Parties, access_token: str) -> None:
    sobona = Stranger(parties, SOBONA)
    check_error(sobona.credential(access_token, sobona.request(sobona.proof())), "invalid_token", 401)


def test_vci_33_the_token_of_an_offer_that_was_replaced_gives_nothing(kommun: Stranger) -> None:
    achievement_id = kommun.achieved()
    token = kommun.access_token(kommun.offered(achievement_id))
    kommun.offered(achievement_id)
    answer = kommun.credential(token, kommun.request(kommun.proof()))
    assert answer.json().get("error") in ("credential_request_denied", "invalid_token"), answer.text


def test_vci_33_the_token_of_an_offer_that_was_withdrawn_gives_nothing(kommun: Stranger) -> None:
    offer = kommun.offered(kommun.achieved())
    token = kommun.access_token(offer)
    path, awarding_body = f"/v1/offers/{offer.told['offer_id']}/withdraw", kommun.office.org
    kommun.parties.must("issuance", path, kommun.parties.token(awarding_body, "awarding_body"), {})
    answer = kommun.credential(token, kommun.request(kommun.proof()))
    assert answer.json().get("error") in ("credential_request_denied", "invalid_token"), answer.text


def test_vci_30_an_encrypted_request_is_refused(kommun: Stranger, access_token: str) -> None:
    headers = {"Content-Type": "application/jwt"}
    answer = kommun.post("credential", access_token, content=b"e30.e30.AA.AA.AA", headers=headers)
    assert answer.json()["error"] in ("invalid_encryption_parameters", "invalid_credential_request")
    assert answer.status_code == 400


def test_vci_31_vci_32_the_answer_is_one_credential_and_a_notification_id(held: Held) -> None:
    assert set(held.answer) == {"credentials", "notification_id"}
    assert held.answer["credentials"] == [{"credential": held.credential}]


def test_vci_31_the_answer_is_plain_json_that_nobody_stores(kommun: Stranger) -> None:
    request = kommun.request(kommun.proof()) | {"unknown_member": {"a": [1]}}
    answer = kommun.credential(kommun.access_token(), request)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.headers["cache-control"] == "no-store"


def test_vci_32_trap_28_a_second_request_replaces_the_first_copy_on_the_list(kommun: Stranger) -> None:
    first = kommun.received()
    key = TestSigner()
    second = kommun.received_again(first.access_token, first.credential_id, key)
    assert first.payload["jti"] != second.payload["jti"]
    assert first.status != second.status
    assert eventually(lambda: value_of(kommun.parties, first) == 1)
    assert value_of(kommun.parties, second) == 0


def test_vci_33_after_the_notification_a_further_request_is_denied(kommun: Stranger) -> None:
    held = kommun.received()
    said = {"notification_id": held.answer["notification_id"], "event": "credential_accepted"}
    assert kommun.post("notification", held.access_token, json=said).status_code == 204
    again = kommun.credential(held.access_token, kommun.request(kommun.proof()))
    check_error(again, "credential_request_denied")
    assert stays_valid(kommun, held)


def test_vci_32_of_requests_at_once_at_most_one_copy_lives(kommun: Stranger) -> None:
    offer = kommun.offered(kommun.achieved())
    token = kommun.access_token(offer)
    keys = [TestSigner() for _ in range(4)]
    with ThreadPoolExecutor(len(keys)) as wallets:
        copies = list(wallets.map(lambda key: kommun.received_again(token, offer.credential_id, key), keys))
    assert len({copy.status["idx"] for copy in copies}) == len(copies)
    assert eventually(lambda: sorted(value_of(kommun.parties, copy) for copy in copies) == [0, 1, 1, 1])


def test_vci_34_an_unguessed_token_opens_nothing(kommun: Stranger) -> None:
    answer = kommun.credential(random_token(), kommun.request(kommun.proof()))
    check_error(answer, "invalid_token", 401)
    assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'

"""The token endpoint over HTTP: VCI-6 and VCI-21 to VCI-25 of the checklist. Source: OpenID4VCI 1.0, section 6."""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest

from kompetenspass.core.ids import random_token
from tests.integration.parties import PRE_AUTHORIZED, Parties
from tests.integration.stranger import SOBONA, Stranger, check_error, check_one_won

GRANT = {"grant_type": PRE_AUTHORIZED}
RIVALS = 8


def wrong(tx_code: str) -> str:
    return str((int(tx_code) + 1) % 10 ** len(tx_code)).zfill(len(tx_code))


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({}, "invalid_request"),
        ({"pre-authorized_code": "x"}, "invalid_request"),
        (GRANT, "invalid_request"),
        ({"grant_type": "authorization_code", "code": "x"}, "unsupported_grant_type"),
        ({"grant_type": "", "pre-authorized_code": "x"}, "invalid_request"),
        (GRANT | {"pre-authorized_code": ""}, "invalid_request"),
        (GRANT | {"pre-authorized_code": random_token()}, "invalid_grant"),
        (GRANT | {"pre-authorized_code": "å" * 5000}, "invalid_grant"),
        (GRANT | {"pre-authorized_code": "x", "tx_code": "1"}, "invalid_grant"),
        (GRANT | {"pre-authorized_code": "x\0"}, "invalid_request"),
        (GRANT | {"pre-authorized_code": ["x", "y"]}, "invalid_request"),
    ],
)
def test_vci_22_vci_23_a_form_that_is_not_a_token_request_is_refused(
    kommun: Stranger, form: Mapping[str, str | list[str]], code: str
) -> None:
    check_error(kommun.post("token", data=form), code)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"{}", b"&".join(b"a%d=b" % n for n in range(200))])
def test_vci_23_a_body_that_is_no_form_is_refused(kommun: Stranger, content: bytes) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    check_error(kommun.post("token", content=content, headers=headers), "invalid_request")


def test_vci_23_json_instead_of_a_form_is_refused_and_the_code_lives_on(kommun: Stranger) -> None:
    offer = kommun.offered()
    check_error(kommun.post("token", json=GRANT | {"pre-authorized_code": offer.code}), "invalid_request")
    assert kommun.token(offer.code).status_code == 200


def test_vci_23_a_missing_tx_code_is_invalid_request_and_never_counts(kommun: Stranger) -> None:
    offer = kommun.offered(tx_code=True)
    for _ in range(6):
        check_error(kommun.token(offer.code), "invalid_request")
        check_error(kommun.token(offer.code, tx_code=""), "invalid_request")
    assert kommun.token(offer.code, tx_code=offer.tx_code).status_code == 200


def test_vci_23_an_unexpected_tx_code_is_invalid_request_and_the_code_lives_on(kommun: Stranger) -> None:
    offer = kommun.offered()
    check_error(kommun.token(offer.code, tx_code="123456"), "invalid_request")
    assert kommun.token(offer.code).status_code == 200


def test_vci_6_vci_23_the_right_tx_code_works_after_four_wrong_ones(kommun: Stranger) -> None:
    offer = kommun.offered(tx_code=True)
    for guess in (wrong(offer.tx_code), "x", offer.tx_code + "0", "å" * 1000):
        check_error(kommun.token(offer.code, tx_code=guess), "invalid_grant")
    assert kommun.token(offer.code, tx_code=offer.tx_code).status_code == 200


def test_vci_6_five_wrong_tx_codes_burn_the_offer(kommun: Stranger) -> None:
    offer = kommun.offered(tx_code=True)
    for _ in range(5):
        check_error(kommun.token(offer.code, tx_code=wrong(offer.tx_code)), "invalid_grant")
    check_error(kommun.token(offer.code, tx_code=offer.tx_code), "invalid_grant")
    check_error(kommun.token(offer.code), "invalid_grant")


def test_vci_6_guessing_at_once_gives_no_more_than_five_guesses(kommun: Stranger) -> None:
    offer = kommun.offered(tx_code=True)
    guesses = [str(n).zfill(6) for n in range(RIVALS)]
    with ThreadPoolExecutor(RIVALS) as rivals:
        answers = list(rivals.map(lambda guess: kommun.token(offer.code, tx_code=guess), guesses))
    assert offer.tx_code in guesses or {answer.status_code for answer in answers} == {400}
    check_error(kommun.token(offer.code, tx_code=offer.tx_code), "invalid_grant")


def test_vci_23_a_used_code_is_refused(kommun: Stranger) -> None:
    offer = kommun.offered(tx_code=True)
    assert kommun.token(offer.code, tx_code=offer.tx_code).status_code == 200
    check_error(kommun.token(offer.code, tx_code=offer.tx_code), "invalid_grant")


def test_vci_23_of_several_at_once_one_gets_a_token(kommun: Stranger) -> None:
    offer = kommun.offered(tx_code=True)
    with ThreadPoolExecutor(RIVALS) as rivals:
        answers = list(rivals.map(lambda _: kommun.token(offer.code, tx_code=offer.tx_code), range(RIVALS)))
    check_one_won(answers, 400, "invalid_grant")


def test_vci_23_a_code_of_another_issuer_is_refused_and_lives_on(kommun: Stranger, parties: Parties) -> None:
    offer = kommun.offered()
    check_error(Stranger(parties, SOBONA).token(offer.code), "invalid_grant")
    assert kommun.token(offer.code).status_code == 200


def test_vci_23_a_code_of_an_offer_that_was_replaced_is_refused(kommun: Stranger) -> None:
    older, _newer = kommun.offered(), kommun.offered()
    check_error(kommun.token(older.code), "invalid_grant")


def test_vci_22_an_issuer_that_does_not_exist_has_no_token_endpoint(kommun: Stranger, parties: Parties) -> None:
    offer = kommun.offered()
    form = GRANT | {"pre-authorized_code": offer.code}
    answer = parties.ask("post", "issuance", "/issuers/nobody/token", data=form)
    assert answer.status_code in (400, 404)
    check_error(answer, answer.json()["error"], answer.status_code)
    assert kommun.token(offer.code).status_code == 200


@pytest.mark.parametrize("endpoint", ["token", "nonce", "credential", "notification"])
def test_trap_26_a_wrong_method_or_a_huge_body_has_an_error_on_top(kommun: Stranger, endpoint: str) -> None:
    path = f"/issuers/{kommun.office.slug}/{endpoint}"
    wrong_method = kommun.parties.ask("get", "issuance", path)
    assert (wrong_method.status_code, wrong_method.headers["allow"]) == (405, "POST")
    huge = kommun.post(endpoint, content=b"x" * 300_000)
    assert huge.status_code == 413
    for answer in (wrong_method, huge):
        assert isinstance(answer.json()["error"], str), answer.text


def test_vci_24_unknown_configurations_in_authorization_details_are_refused(kommun: Stranger) -> None:
    offer = kommun.offered()
    for details in ("{}", "[]", "x", '["x"]', '[{"type":"openid_credential"}]', '[{"type":"other"}]'):
        check_error(kommun.token(offer.code, authorization_details=details), "invalid_authorization_details")
    other = [{"type": "openid_credential", "credential_configuration_id": "sko-ys-02"}]
    answer = kommun.token(offer.code, authorization_details=json.dumps(other))
    check_error(answer, "invalid_authorization_details")
    assert kommun.token(offer.code).status_code == 200


def test_vci_24_authorization_details_are_answered_with_identifiers(kommun: Stranger) -> None:
    asked = [
        {"type": "openid_credential", "credential_configuration_id": kommun.office.definition, "unknown": True},
    ]
    answer = kommun.token(kommun.offered().code, authorization_details=json.dumps(asked)).json()
    (detail,) = answer["authorization_details"]
    assert detail["credential_configuration_id"] == kommun.office.definition
    assert detail["credential_identifiers"]
    request = {
        "credential_identifier": detail["credential_identifiers"][0],
        "proofs": {"jwt": [kommun.proof()]},
    }
    assert kommun.credential(answer["access_token"], request).status_code == 200


def test_vci_21_vci_22_vci_25_a_token_is_a_bearer_of_five_minutes_for_an_anonymous_wallet(kommun: Stranger) -> None:
    offer = kommun.offered()
    answer = kommun.token(offer.code, client_id="anybody", resource=kommun.issuer, unknown_parameter="x")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.headers["cache-control"] == "no-store"
    assert set(answer.json()) == {"access_token", "token_type", "expires_in"}
    assert answer.json()["token_type"] == "Bearer"
    assert 0 < answer.json()["expires_in"] <= 300
    assert len(answer.json()["access_token"]) >= 22

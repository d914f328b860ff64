"""What a wallet sends, and how it reads the answers."""

import json
from typing import Any

import pytest

from kompetenspass.openid.oauth import OAuthError, TokenResponse, authorization_server_metadata
from kompetenspass.openid.oid4vci import (
    CredentialIssuerMetadata,
    NotificationEvent,
    PreAuthorizedCodeGrant,
    TxCode,
    client,
    credential_issuer_metadata,
    parse_credential_issuer_metadata,
    parse_credential_request,
    parse_notification,
    pre_authorized_offer,
    sd_jwt_configuration,
)

ISSUER = "https://kompetens.example/issuers/skelleftea-kommun"
SERVER = authorization_server_metadata(ISSUER, token_endpoint=f"{ISSUER}/token", jwks_uri=f"{ISSUER}/jwks")
OFFER = pre_authorized_offer(ISSUER, ["sko-ys-09"], "code")
METADATA = credential_issuer_metadata(
    ISSUER,
    credential_endpoint=f"{ISSUER}/credential",
    nonce_endpoint=f"{ISSUER}/nonce",
    configurations={"sko-ys-09": sd_jwt_configuration(scope="sko-ys-09", vct="https://c.example/vct/mikromerit/1")},
)


def with_configuration(**changes: Any) -> CredentialIssuerMetadata:
    document = METADATA.to_json()
    document["credential_configurations_supported"]["sko-ys-09"] |= changes
    return parse_credential_issuer_metadata(document, credential_issuer=ISSUER)


def grant(tx_code: TxCode | None = None) -> PreAuthorizedCodeGrant:
    return PreAuthorizedCodeGrant(pre_authorized_code="code", tx_code=tx_code)


def token(**members: Any) -> TokenResponse:
    return client.parse_token_response(json.dumps({"access_token": "t", "token_type": "Bearer"} | members).encode())


def test_vci_22_the_token_request_has_a_tx_code_iff_the_offer_does() -> None:
    plain = {
        "grant_type": "urn:ietf:params:oauth:grant-type:pre-authorized_code",
        "pre-authorized_code": "code",
    }
    assert client.token_request_form(grant(), SERVER) == plain
    assert client.token_request_form(grant(TxCode()), SERVER, "493536") == plain | {"tx_code": "493536"}


@pytest.mark.parametrize(
    ("tx_code", "entered", "code"), [(TxCode(), None, "tx_code_required"), (None, "1", "invalid_credential_offer")]
)
def test_vciw_2_a_transaction_code_is_asked_for_and_never_sent_unasked(
    tx_code: TxCode | None, entered: str | None, code: str
) -> None:
    with pytest.raises(OAuthError) as refused:
        client.token_request_form(grant(tx_code), SERVER, entered)
    assert refused.value.code == code


def test_vci_22_a_server_that_wants_a_client_id_is_not_asked_anonymously() -> None:
    with pytest.raises(OAuthError):
        client.token_request_form(
            grant(), SERVER.model_copy(update={"pre_authorized_grant_anonymous_access_supported": False})
        )


@pytest.mark.parametrize("kind", ["Bearer", "bearer", "BEARER"])
def test_vciw_4_the_token_type_may_be_written_in_any_case_and_expires_in_may_be_missing(kind: str) -> None:
    assert token(token_type=kind, unknown=1).access_token == "t"


@pytest.mark.parametrize("members", [{"token_type": "DPoP"}, {"access_token": ""}, {"access_token": None}])
def test_a_token_response_that_cannot_be_used_is_refused(members: dict[str, Any]) -> None:
    with pytest.raises(OAuthError) as refused:
        token(**members)
    assert refused.value.code == "invalid_credential_response"


def test_vciw_5_a_credential_is_asked_for_by_identifier_iff_identifiers_came_back() -> None:
    (plain,) = client.requested_credentials(OFFER, token())
    request = parse_credential_request(client.credential_request_body(plain, ["p"]))
    assert (request.credential_configuration_id, request.credential_identifier) == ("sko-ys-09", None)
    detail = {
        "type": "openid_credential",
        "credential_configuration_id": "sko-ys-09",
        "credential_identifiers": ["one", "two"],
    }
    first, second = client.requested_credentials(OFFER, token(authorization_details=[detail]))
    request = parse_credential_request(client.credential_request_body(second, ["p"]))
    assert (request.credential_configuration_id, request.credential_identifier) == (None, "two")
    assert first.credential_configuration_id == "sko-ys-09"


def test_vciw_5_the_nonce_is_read_from_its_response() -> None:
    assert client.parse_nonce_response(b'{"c_nonce":"wKI4LT17ac15ES9bw8ac4","c_nonce_expires_in":1}') is not None
    for broken in (b"{}", b'{"c_nonce":""}', b'{"c_nonce":1}'):
        with pytest.raises(OAuthError):
            client.parse_nonce_response(broken)


def test_an_offered_configuration_of_ours_can_be_taken() -> None:
    assert client.offered_configuration(METADATA, "sko-ys-09").vct == "https://c.example/vct/mikromerit/1"
    unbound = with_configuration(proof_types_supported=None, cryptographic_binding_methods_supported=None)
    assert client.offered_configuration(unbound, "sko-ys-09").proof_types_supported is None


@pytest.mark.parametrize(
    "changes",
    [
        {"format": "mso_mdoc"},
        {"proof_types_supported": {"attestation": {"proof_signing_alg_values_supported": ["ES256"]}}},
        {"proof_types_supported": {"jwt": {"proof_signing_alg_values_supported": ["EdDSA"]}}},
        {
            "proof_types_supported": {
                "jwt": {"proof_signing_alg_values_supported": ["ES256"], "key_attestations_required": {}}
            }
        },
        {"cryptographic_binding_methods_supported": ["did:key"]},
    ],
)
def test_vciw_5_a_configuration_that_this_wallet_cannot_serve_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(OAuthError) as refused:
        client.offered_configuration(with_configuration(**changes), "sko-ys-09")
    assert refused.value.code == "invalid_credential_offer"


def test_an_offer_of_something_that_the_issuer_does_not_have_is_refused() -> None:
    with pytest.raises(OAuthError):
        client.offered_configuration(METADATA, "other")


@pytest.mark.parametrize("member", ["credential_request_encryption", "credential_response_encryption"])
def test_vciw_6_an_issuer_that_insists_on_encryption_is_refused(member: str) -> None:
    document = METADATA.to_json() | {"credential_request_encryption": {"encryption_required": False}}
    document |= {member: {"encryption_required": True}}
    metadata = parse_credential_issuer_metadata(document, credential_issuer=ISSUER)
    with pytest.raises(OAuthError):
        client.offered_configuration(metadata, "sko-ys-09")


def test_vci_31_the_credential_response_is_read_and_unknown_members_ignored() -> None:
    raw = b'{"credentials":[{"credential":"a~","x":1}],"notification_id":"3fwe98js","c_nonce":"old"}'
    response = client.parse_credential_response(raw, proofs=1)
    assert [issued.credential for issued in response.credentials] == ["a~"]
    assert response.notification_id == "3fwe98js"


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ({"transaction_id": "8xLOxBtZp8", "interval": 3600}, "issuance_deferred"),
        ({"transaction_id": "a", "credentials": [{"credential": "a~"}]}, "invalid_credential_response"),
        ({"interval": 5, "credentials": [{"credential": "a~"}]}, "invalid_credential_response"),
        ({"credentials": []}, "invalid_credential_response"),
        ({"credential": "a~"}, "invalid_credential_response"),
        ({"credentials": ["a~"]}, "invalid_credential_response"),
        ({"credentials": [{"credential": {}}]}, "invalid_credential_response"),
        ({"credentials": [{"credential": "a~"}, {"credential": "b~"}]}, "invalid_credential_response"),
    ],
)
def test_vci_31_and_32_a_response_that_breaks_a_rule_is_refused(value: dict[str, Any], code: str) -> None:
    with pytest.raises(OAuthError) as refused:
        client.parse_credential_response(json.dumps(value).encode(), proofs=1)
    assert refused.value.code == code


def test_vciw_6_a_notification_has_known_members_only() -> None:
    raw = client.notification_body("3fwe98js", NotificationEvent.ACCEPTED)
    assert json.loads(raw) == {"notification_id": "3fwe98js", "event": "credential_accepted"}
    told = parse_notification(client.notification_body("a", NotificationEvent.FAILURE, "no room"))
    assert told.event_description == "no room"


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b'{"error":"invalid_nonce","error_description":"x"}', "invalid_nonce"),
        (b"<html>", "unknown_error"),
        (b'{"error":7}', "unknown_error"),
        (b'{"error":""}', "unknown_error"),
    ],
)
def test_an_error_answer_gives_its_code(raw: bytes, code: str) -> None:
    assert client.parse_error_response(raw) == code

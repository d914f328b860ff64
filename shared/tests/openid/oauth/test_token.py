"""The token endpoint of the pre-authorized code grant."""

import json
from urllib.parse import urlencode

import pytest

from kompetenspass.openid.oauth import (
    PRE_AUTHORIZED_CODE,
    AuthorizationDetail,
    OAuthError,
    parse_token_request,
    token_response,
)

CODE = {"grant_type": PRE_AUTHORIZED_CODE, "pre-authorized_code": "SplxlOBeZQQYbYS6WxSbIA"}

DETAIL = '[{"type":"openid_credential","credential_configuration_id":"a"}]'


def form(**more: str) -> bytes:
    return urlencode(CODE | more).encode()


def error_of(body: bytes) -> str:
    with pytest.raises(OAuthError) as refused:
        parse_token_request(body)
    return refused.value.code


def test_vci_22_the_specifications_example_request_is_read() -> None:
    body = (
        b"grant_type=urn:ietf:params:oauth:grant-type:pre-authorized_code"
        b"&pre-authorized_code=SplxlOBeZQQYbYS6WxSbIA&tx_code=493536"
        b"&authorization_details=%5B%7B%22type%22%3A%20%22openid_credential%22%2C%20%22"
        b"credential_configuration_id%22%3A%20%22UniversityDegreeCredential%22%7D%5D"
    )
    request = parse_token_request(body)
    assert (request.pre_authorized_code, request.tx_code) == ("SplxlOBeZQQYbYS6WxSbIA", "493536")
    details = request.authorization_details
    assert details is not None
    assert [detail.credential_configuration_id for detail in details] == ["UniversityDegreeCredential"]


def test_vci_21_unknown_parameters_are_ignored_and_empty_ones_count_as_absent() -> None:
    request = parse_token_request(form(random="x", tx_code="", client_id="wallet"))
    assert (request.tx_code, request.client_id, request.authorization_details) == (None, "wallet", None)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "invalid_request"),
        (urlencode({"pre-authorized_code": "x"}).encode(), "invalid_request"),
        (urlencode({"grant_type": PRE_AUTHORIZED_CODE}).encode(), "invalid_request"),
        (form() + b"&pre-authorized_code=other", "invalid_request"),
        (form() + b"&a=%ff", "invalid_request"),
        (form() + b"&a=%00", "invalid_request"),
        (b"\xff", "invalid_request"),
        (b"&".join(b"a%d=1" % n for n in range(100)), "invalid_request"),
        (b"grant_type=authorization_code&code=x", "unsupported_grant_type"),
        (form(authorization_details="[]"), "invalid_authorization_details"),
        (form(authorization_details="{"), "invalid_authorization_details"),
        (form(authorization_details=f'{DETAIL},"x":1'), "invalid_authorization_details"),
        (form(authorization_details="[1]"), "invalid_authorization_details"),
        (
            form(authorization_details='[{"type":"other","credential_configuration_id":"a"}]'),
            "invalid_authorization_details",
        ),
        (form(authorization_details='[{"type":"openid_credential"}]'), "invalid_authorization_details"),
    ],
)
def test_vci_23_a_broken_token_request_has_its_error_code(body: bytes, code: str) -> None:
    assert error_of(body) == code


def test_vci_24_the_response_carries_the_details_that_were_granted() -> None:
    detail = AuthorizationDetail(
        type="openid_credential", credential_configuration_id="sko-ys-09", credential_identifiers=("one",)
    )
    assert json.loads(json.dumps(token_response("t", expires_in_seconds=300, details=(detail,)).to_json())) == {
        "access_token": "t",
        "token_type": "Bearer",
        "expires_in": 300,
        "authorization_details": [
            {
                "type": "openid_credential",
                "credential_configuration_id": "sko-ys-09",
                "credential_identifiers": ["one"],
            }
        ],
    }


@pytest.mark.parametrize("seconds", [0, 301])
def test_vci_25_a_bearer_token_lives_at_most_five_minutes(seconds: int) -> None:
    with pytest.raises(ValueError, match="300"):
        token_response("t", expires_in_seconds=seconds)


def test_secrets_do_not_stand_in_the_text_of_a_request() -> None:
    text = repr(parse_token_request(form(tx_code="493536")))
    assert "493536" not in text
    assert CODE["pre-authorized_code"] not in text

"""Requests as the verifier builds them."""

import base64
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from kompetenspass.core.digest import sha256_b64u
from kompetenspass.core.ids import random_token
from kompetenspass.openid import jose
from kompetenspass.openid.oauth import OAuthError
from kompetenspass.openid.oid4vp import (
    AuthorizationRequest,
    parse_request_uri_form,
    request_object,
    request_url,
    x509_hash_client_id,
)
from kompetenspass.openid.oid4vp.dcql import InvalidQuery, definition_query
from kompetenspass.testing.keys import TestSigner

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
VERIFIER = TestSigner()
CLIENT_ID = x509_hash_client_id(VERIFIER.x5c)
QUERY = definition_query(vct="https://c.example/vct/mikromerit/1", definition="urn:a")
NONCE, STATE = random_token(), random_token()


def made(wallet_nonce: str | None = None, **changes: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    fields: dict[str, Any] = {
        "client_id": CLIENT_ID,
        "response_uri": "https://verifier.example/responses/1",
        "nonce": NONCE,
        "state": STATE,
        "dcql_query": QUERY,
    }
    request = AuthorizationRequest(**(fields | changes))
    token = request_object(request, signer=VERIFIER, now=NOW, ttl_seconds=300, wallet_nonce=wallet_nonce)
    verified = jose.verify_jws(token, VERIFIER.public_key, typ="oauth-authz-req+jwt")
    return verified.header, verified.payload


def test_vp_1_2_3_and_7_the_request_object_holds_exactly_this() -> None:
    header, payload = made()
    assert header == {"alg": "ES256", "typ": "oauth-authz-req+jwt", "x5c": list(VERIFIER.x5c)}
    assert payload == {
        "client_id": CLIENT_ID,
        "response_type": "vp_token",
        "response_mode": "direct_post",
        "response_uri": "https://verifier.example/responses/1",
        "nonce": NONCE,
        "state": STATE,
        "aud": "https://self-issued.me/v2",
        "dcql_query": QUERY,
        "client_metadata": {
            "vp_formats_supported": {"dc+sd-jwt": {"sd-jwt_alg_values": ["ES256"], "kb-jwt_alg_values": ["ES256"]}}
        },
        "iat": int(NOW.timestamp()),
        "exp": int(NOW.timestamp()) + 300,
    }


def test_vp_4_the_client_id_is_the_hash_of_the_leafs_der() -> None:
    der = base64.b64decode(VERIFIER.x5c[0])
    assert f"x509_hash:{sha256_b64u(der)}" == CLIENT_ID


def test_vp_6_the_wallets_nonce_is_repeated_only_if_it_sent_one() -> None:
    assert made("qPmxiNFCR3QTm19POc8u")[1]["wallet_nonce"] == "qPmxiNFCR3QTm19POc8u"
    assert "wallet_nonce" not in made()[1]


@pytest.mark.parametrize("value", ["", "short", "å" * 22, "a" * 21, "a" * 44, "a" * 21 + " ", "a" * 22 + "\n"])
def test_vp_2_a_guessable_or_unsafe_nonce_or_state_is_never_sent(value: str) -> None:
    for name in ("nonce", "state"):
        with pytest.raises(ValueError, match="URL-safe"):
            made(**{name: value})


def test_vp_8_an_invalid_query_is_never_signed() -> None:
    with pytest.raises(InvalidQuery):
        made(dcql_query={"credentials": []})


@pytest.mark.parametrize("method", [None, "get", "post"])
def test_vp_7_the_url_holds_the_client_id_the_request_uri_and_the_method_alone(method: Any) -> None:
    url = request_url(CLIENT_ID, "https://verifier.example/requests/1?a=b", method)
    parts = urlsplit(url)
    expected = {"client_id": [CLIENT_ID], "request_uri": ["https://verifier.example/requests/1?a=b"]}
    assert parts.scheme == "openid4vp"
    assert parse_qs(parts.query) == expected | ({"request_uri_method": [method]} if method else {})


def test_vp_6_the_specifications_example_post_gives_the_wallet_nonce() -> None:
    body = (
        b"wallet_metadata=%7B%22vp_formats_supported%22%3A%7B%22dc%2Bsd-jwt%22%3A%7B%22sd-jwt_alg_values%22%3A%20%5B"
        b"%22ES256%22%5D%2C%22kb-jwt_alg_values%22%3A%20%5B%22ES256%22%5D%7D%7D%7D&wallet_nonce=qPmxiNFCR3QTm19POc8u"
    )
    assert parse_request_uri_form(body) == "qPmxiNFCR3QTm19POc8u"
    assert parse_request_uri_form(b"unknown=1") is None


@pytest.mark.parametrize("body", [b"wallet_nonce=a&wallet_nonce=b", b"\xff", b"wallet_nonce=" + b"a" * 513])
def test_vp_6_a_broken_post_is_refused(body: bytes) -> None:
    with pytest.raises(OAuthError):
        parse_request_uri_form(body)


def test_nonce_and_state_do_not_stand_in_the_text_of_a_request() -> None:
    request = AuthorizationRequest(CLIENT_ID, "https://v.example", NONCE, STATE, QUERY)
    assert NONCE not in repr(request)
    assert STATE not in repr(request)

"""Requests as a wallet reads them."""

from datetime import UTC, datetime
from typing import Any

import pytest

from kompetenspass.openid import jose
from kompetenspass.openid.oid4vp import (
    Invocation,
    RequestRefused,
    VerifiedRequest,
    parse_request_url,
    request_uri_form,
    request_url,
    verify_request_object,
    x509_hash_client_id,
)
from kompetenspass.openid.oid4vp.dcql import definition_query
from kompetenspass.testing.keys import TestAnchor, TestSigner

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
ANCHOR = TestAnchor()
VERIFIER = TestSigner(hosts=["verifier.example"], anchor=ANCHOR)
STRANGER = TestSigner(hosts=["verifier.example"])
HASH = x509_hash_client_id(VERIFIER.x5c)
ANOTHER_HASH = "x509_hash:Uvo3HtuIxuhC92rShpgqcT3YXwrqRxWEviRiA0OZszk"
SAN = "x509_san_dns:verifier.example"
RESPONSE_URI = "https://verifier.example/responses/1"
QUERY = definition_query(vct="https://c.example/vct/mikromerit/1", definition="urn:a")


def claims(client_id: Any = HASH, **changes: Any) -> dict[str, Any]:
    """A sound request; a claim that is ... is left out."""
    sound: dict[str, Any] = {
        "client_id": client_id,
        "response_type": "vp_token",
        "response_mode": "direct_post",
        "response_uri": RESPONSE_URI,
        "nonce": "n-0S6_WzA2Mj",
        "state": "eyJhb.6-sVA",
        "aud": "https://self-issued.me/v2",
        "dcql_query": QUERY,
        "iat": int(NOW.timestamp()),
        "exp": int(NOW.timestamp()) + 300,
    }
    return {name: value for name, value in (sound | changes).items() if value is not ...}


def signed(payload: dict[str, Any], signer: TestSigner = VERIFIER, **header: Any) -> str:
    head = {"typ": "oauth-authz-req+jwt", "x5c": list(VERIFIER.x5c)} | header
    return jose.sign_jws({name: value for name, value in head.items() if value is not ...}, payload, signer)


def read(token: str, client_id: str = HASH, wallet_nonce: str | None = None) -> VerifiedRequest:
    invocation = Invocation(client_id, "https://verifier.example/requests/1")
    return verify_request_object(token, invocation, anchors=[ANCHOR.certificate], now=NOW, wallet_nonce=wallet_nonce)


def refusal(token: str, client_id: str = HASH, wallet_nonce: str | None = None) -> RequestRefused:
    with pytest.raises(RequestRefused) as refused:
        read(token, client_id, wallet_nonce)
    return refused.value


@pytest.mark.parametrize("client_id", [HASH, SAN], ids=["x509_hash", "x509_san_dns"])
def test_vp_21_a_sound_request_is_verified(client_id: str) -> None:
    request = read(signed(claims(client_id)), client_id)
    assert (request.client_id, request.response_uri) == (client_id, RESPONSE_URI)
    assert (request.nonce, request.state) == ("n-0S6_WzA2Mj", "eyJhb.6-sVA")
    assert request.query.credentials[0].id == "mikromerit"
    assert request.certificate == VERIFIER.leaf


def test_vp_22_unknown_parameters_and_iss_are_ignored() -> None:
    assert read(signed(claims(iss="https://other.example", unknown=1, request_uri_method="get")))


@pytest.mark.parametrize("header", [{"typ": ...}, {"typ": "JWT"}, {"x5c": ...}, {"x5c": []}, {"x5c": ["AAAA"]}])
def test_vp_21_a_wrong_typ_or_chain_is_refused_without_telling_anyone(header: dict[str, Any]) -> None:
    refused = refusal(signed(claims(), **header))
    assert (refused.code, refused.response_uri) == ("invalid_request", None)


def test_vp_21_and_trap_30_a_foreign_key_under_the_right_chain_is_refused() -> None:
    assert refusal(signed(claims(), STRANGER)).response_uri is None


def test_vp_21_a_chain_to_another_anchor_is_refused() -> None:
    client_id = x509_hash_client_id(STRANGER.x5c)
    token = signed(claims(client_id), STRANGER, x5c=list(STRANGER.x5c))
    assert refusal(token, client_id).response_uri is None


def test_vp_21_and_trap_5_an_anchor_in_the_chain_is_refused() -> None:
    root = jose.x5c_of([ANCHOR.certificate])
    assert refusal(signed(claims(), x5c=[*VERIFIER.x5c, *root])).response_uri is None


@pytest.mark.parametrize(
    ("client_id", "in_object"),
    [
        pytest.param(HASH, SAN, id="another_in_the_object"),
        pytest.param(HASH, HASH[len("x509_hash:") :], id="without_prefix_in_the_object"),
        pytest.param(HASH, ..., id="none_in_the_object"),
        pytest.param(ANOTHER_HASH, ANOTHER_HASH, id="hash_of_another_leaf"),
        ("x509_san_dns:other.example", "x509_san_dns:other.example"),
        ("x509_san_dns:https://verifier.example", "x509_san_dns:https://verifier.example"),
        ("redirect_uri:https://verifier.example", "redirect_uri:https://verifier.example"),
        ("origin:https://verifier.example", "origin:https://verifier.example"),
        ("decentralized_identifier:did:example:123", "decentralized_identifier:did:example:123"),
        ("verifier.example", "verifier.example"),
    ],
)
def test_vp_4_and_21_a_client_id_that_differs_or_is_not_proved_is_refused(client_id: str, in_object: Any) -> None:
    refused = refusal(signed(claims(in_object)), client_id)
    assert (refused.code, refused.response_uri) == ("invalid_request", None)


def test_vp_4_with_a_dns_name_the_response_uri_is_at_that_host() -> None:
    token = signed(claims(SAN, response_uri="https://evil.example/responses/1"))
    assert refusal(token, SAN).response_uri is None
    assert read(signed(claims(response_uri="https://elsewhere.example/responses/1"))).response_uri


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": int(NOW.timestamp()) - 61},
        {"iat": int(NOW.timestamp()) + 61},
        {"response_mode": ...},
        {"response_mode": "direct_post.jwt"},
        {"response_mode": "fragment"},
        {"response_uri": ...},
        {"response_uri": 7},
        {"response_uri": "http://verifier.example/responses/1"},
        {"response_uri": "https://verifier.example/responses/1#a"},
        {"state": "a b"},
    ],
)
def test_vp_24_as_long_as_the_response_uri_is_not_sure_nobody_is_told(changes: dict[str, Any]) -> None:
    refused = refusal(signed(claims(**changes)))
    assert (refused.code, refused.response_uri) == ("invalid_request", None)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"redirect_uri": "https://verifier.example/cb"}, "invalid_request"),
        ({"nonce": ...}, "invalid_request"),
        ({"nonce": ""}, "invalid_request"),
        ({"nonce": "a b"}, "invalid_request"),
        ({"response_type": "code"}, "invalid_request"),
        ({"aud": "https://other.example"}, "invalid_request"),
        ({"dcql_query": ...}, "invalid_request"),
        ({"dcql_query": ..., "scope": "pid"}, "invalid_request"),
        ({"scope": "pid"}, "invalid_request"),
        ({"dcql_query": {"credentials": []}}, "invalid_request"),
        ({"dcql_query": "text"}, "invalid_request"),
        ({"transaction_data": ["e30"]}, "invalid_transaction_data"),
        ({"client_metadata": {"vp_formats_supported": {"mso_mdoc": {}}}}, "vp_formats_not_supported"),
        (
            {"client_metadata": {"vp_formats_supported": {"dc+sd-jwt": {"kb-jwt_alg_values": ["ES384"]}}}},
            "vp_formats_not_supported",
        ),
        (
            {"dcql_query": {"credentials": [{"id": "a", "format": "mso_mdoc", "meta": {"doctype_value": "b"}}]}},
            "vp_formats_not_supported",
        ),
    ],
)
def test_vp_21_and_24_an_authenticated_verifier_is_told_what_is_wrong(changes: dict[str, Any], code: str) -> None:
    refused = refusal(signed(claims(**changes)))
    assert (refused.code, refused.response_uri, refused.state) == (code, RESPONSE_URI, "eyJhb.6-sVA")


def test_vp_5_a_verifier_that_takes_our_format_in_es256_or_says_nothing_of_it_is_served() -> None:
    either: dict[str, object] = {"dc+sd-jwt": {"sd-jwt_alg_values": ["ES384", "ES256"]}, "mso_mdoc": {}}
    anything: dict[str, object] = {"dc+sd-jwt": {}}
    for formats in (either, anything):
        assert read(signed(claims(client_metadata={"vp_formats_supported": formats, "jwks": {"keys": []}})))
    assert read(signed(claims(client_metadata={})))


def test_vp_2_without_holder_binding_a_state_is_needed() -> None:
    unbound = {"id": "a", "format": "dc+sd-jwt", "meta": {}, "require_cryptographic_holder_binding": False}
    query = {"credentials": [unbound]}
    assert read(signed(claims(dcql_query=query))).query.needs_state
    assert refusal(signed(claims(dcql_query=query, state=...))).code == "invalid_request"
    assert read(signed(claims(state=...))).state is None


def test_vp_6_and_22_the_wallet_nonce_must_come_back() -> None:
    assert read(signed(claims(wallet_nonce="w")), wallet_nonce="w")
    assert read(signed(claims(wallet_nonce="unasked")))
    for other in (..., "x"):
        assert refusal(signed(claims(wallet_nonce=other)), wallet_nonce="w").response_uri is None
    assert request_uri_form("a+b") == "wallet_nonce=a%2Bb"


@pytest.mark.parametrize("method", ["get", "post"])
def test_vp_6_the_url_is_read_with_its_method(method: Any) -> None:
    url = request_url(HASH, "https://verifier.example/requests/1", method) + "&unknown=1&nonce=ignored"
    assert parse_request_url(url) == Invocation(HASH, "https://verifier.example/requests/1", method)


def test_vp_6_without_a_method_the_request_is_fetched_by_get() -> None:
    url = "openid4vp://?client_id=x509_san_dns%3Aa&request_uri=https%3A%2F%2Fclient.example.org%2F567545564"
    assert parse_request_url(url) == Invocation("x509_san_dns:a", "https://client.example.org/567545564", "get")


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("openid4vp://?client_id=a", "invalid_request"),
        ("openid4vp://?request_uri=https://a.example", "invalid_request"),
        ("openid4vp://?client_id=a&request=e30.e30.", "invalid_request"),
        ("openid4vp://?client_id=a&client_id=b&request_uri=https://a.example", "invalid_request"),
        ("openid4vp://?client_id=a&request_uri=http://a.example", "invalid_request"),
        ("openid4vp://?client_id=%ff&request_uri=https://a.example", "invalid_request"),
        ("other://?client_id=a&request_uri=https://a.example", "invalid_request"),
        ("openid4vp://?client_id=a&request_uri=https://a.b&request_uri_method=POST", "invalid_request_uri_method"),
    ],
)
def test_vp_24_a_url_that_cannot_be_used_is_refused(url: str, code: str) -> None:
    with pytest.raises(RequestRefused) as refused:
        parse_request_url(url)
    assert (refused.value.code, refused.value.response_uri) == (code, None)

"""Credential offers, by value and by reference."""

import json
from urllib.parse import quote

import pytest

from kompetenspass.openid.oauth import OAuthError
from kompetenspass.openid.oid4vci import (
    CredentialOffer,
    PreAuthorizedCodeGrant,
    TxCode,
    authorization_server_of,
    offer_uri_by_reference,
    offer_uri_by_value,
    parse_offer,
    parse_offer_uri,
    pre_authorized_grant,
    pre_authorized_offer,
)

GRANT = "urn:ietf:params:oauth:grant-type:pre-authorized_code"
ISSUER = "https://credential-issuer.example.com"
SEVERAL = {
    "credential_issuer": ISSUER,
    "credential_configuration_ids": ["UniversityDegreeCredential", "org.iso.18013.5.1.mDL"],
    "grants": {
        GRANT: {
            "pre-authorized_code": "oaKazRN8I0IbtZ0C7JuMn5",
            "tx_code": {
                "length": 4,
                "input_mode": "numeric",
                "description": "Please provide the one-time code that was sent via e-mail",
            },
        }
    },
}
BY_REFERENCE = {
    "credential_issuer": ISSUER,
    "credential_configuration_ids": ["UniversityDegree_LDP_VC"],
    "grants": {GRANT: {"pre-authorized_code": "adhjhdjajkdkhjhdj", "tx_code": {}}},
}


def changed(**members: object) -> bytes:
    return json.dumps(SEVERAL | members).encode()


def refused(document: bytes) -> None:
    with pytest.raises(OAuthError) as error:
        parse_offer(document)
    assert error.value.code == "invalid_credential_offer"


@pytest.mark.parametrize("example", [SEVERAL, BY_REFERENCE])
def test_vci_1_the_specifications_example_offers_are_read_and_written_alike(example: dict[str, object]) -> None:
    assert parse_offer(json.dumps(example)).to_json() == example


def test_vci_1_the_offer_for_an_authorization_code_is_read() -> None:
    offer = parse_offer(changed(grants={"authorization_code": {"issuer_state": "eyJhbGciOiJSU0Et"}}))
    assert offer.grants is not None
    assert offer.grants.authorization_code is not None
    assert offer.grants.authorization_code.issuer_state == "eyJhbGciOiJSU0Et"
    with pytest.raises(OAuthError):
        pre_authorized_grant(offer)


@pytest.mark.parametrize(
    "document",
    [
        b"[]",
        changed(credential_configuration_ids=[]),
        changed(credential_configuration_ids=["a", "a"]),
        changed(credential_configuration_ids=[""]),
        changed(credential_configuration_ids="a"),
        changed(credential_issuer="http://credential-issuer.example.com"),
        changed(credential_issuer=f"{ISSUER}?a=b"),
        changed(credential_issuer=f"{ISSUER}#a"),
        changed(credential_issuer=None),
        changed(grants={GRANT: {}}),
        changed(grants={GRANT: {"pre-authorized_code": ""}}),
        changed(grants={GRANT: {"pre-authorized_code": "x", "tx_code": {"input_mode": "digits"}}}),
        changed(grants={GRANT: {"pre-authorized_code": "x", "tx_code": {"length": 0}}}),
        changed(grants={GRANT: {"pre-authorized_code": "x", "tx_code": {"description": "x" * 301}}}),
    ],
)
def test_vci_1_and_5_a_malformed_offer_is_refused(document: bytes) -> None:
    refused(document)


def test_vci_2_the_specifications_uri_by_value_is_read() -> None:
    uri = (
        "openid-credential-offer://?credential_offer=%7B%22credential_issuer%22:%22https://credential-issuer.exam"
        "ple.com%22,%22credential_configuration_ids%22:%5B%22org.iso.18013.5.1.mDL%22%5D,%22grants%22:%7B%22urn:ie"
        "tf:params:oauth:grant-type:pre-authorized_code%22:%7B%22pre-authorized_code%22:%22oaKazRN8I0IbtZ0C7JuMn5"
        "%22,%22tx_code%22:%7B%22input_mode%22:%22text%22,%22description%22:%22Please%20enter%20the%20serial%20nu"
        "mber%20of%20your%20physical%20drivers%20license%22%7D%7D%7D%7D"
    )
    offer = parse_offer_uri(uri)
    assert isinstance(offer, CredentialOffer)
    tx_code = pre_authorized_grant(offer).tx_code
    assert tx_code is not None
    assert tx_code.input_mode == "text"


def test_vci_2_the_specifications_uri_by_reference_is_read() -> None:
    uri = (
        "openid-credential-offer://?credential_offer_uri=https%3A%2F%2Fserver%2Eexample%2Ecom%2Fcredential-offer"
        "%2FGkurKxf5T0Y-mnPFCHqWOMiZi4VS138cQO_V7PZHAdM"
    )
    expected = "https://server.example.com/credential-offer/GkurKxf5T0Y-mnPFCHqWOMiZi4VS138cQO_V7PZHAdM"
    assert parse_offer_uri(uri) == expected
    assert parse_offer_uri(offer_uri_by_reference(expected)) == expected


def test_vci_5_a_built_offer_comes_back_from_its_uri_and_an_empty_tx_code_stays() -> None:
    offer = pre_authorized_offer(ISSUER, ["åäö&=+"], "code", TxCode())
    assert parse_offer_uri(offer_uri_by_value(offer)) == offer
    assert pre_authorized_grant(offer).tx_code == TxCode()
    assert offer.to_json()["grants"][GRANT]["tx_code"] == {}


@pytest.mark.parametrize(
    "uri",
    [
        "openid-credential-offer://",
        "openid-credential-offer://?a=b",
        f"openid-credential-offer://?credential_offer={quote(json.dumps(SEVERAL))}&credential_offer_uri=https://a.b",
        "openid-credential-offer://?credential_offer_uri=http://a.example/offer",
        "openid-credential-offer://?credential_offer_uri=https://a.b&credential_offer_uri=https://a.c",
        "openid-credential-offer://?credential_offer=%ff",
        "openid4vp://?credential_offer_uri=https://a.b",
        "https://[",
    ],
)
def test_vci_2_a_uri_without_exactly_one_usable_offer_is_refused(uri: str) -> None:
    with pytest.raises(OAuthError) as error:
        parse_offer_uri(uri)
    assert error.value.code == "invalid_credential_offer"


def test_vciw_2_unknown_members_grants_and_parameters_are_ignored() -> None:
    offer = changed(extra={"a": 1}, grants=SEVERAL["grants"] | {"urn:other": {}})  # type: ignore[operator]  # a dict
    uri = f"openid-credential-offer://?x=y&credential_offer={quote(offer)}"
    assert parse_offer_uri(uri) == parse_offer(json.dumps(SEVERAL))


def test_vci_1_an_issuer_cannot_build_an_offer_of_nothing_or_of_one_thing_twice() -> None:
    for ids in ((), ("a", "a")):
        with pytest.raises(OAuthError):
            pre_authorized_offer(ISSUER, ids, "code")


def grant(server: str | None = None) -> PreAuthorizedCodeGrant:
    return PreAuthorizedCodeGrant(pre_authorized_code="x", authorization_server=server)


def test_vci_4_the_authorization_server_is_the_issuer_or_one_that_its_metadata_lists() -> None:
    assert authorization_server_of(grant(), ISSUER, None) == ISSUER
    assert authorization_server_of(grant(), ISSUER, ("https://a",)) == "https://a"
    assert authorization_server_of(grant("https://b"), ISSUER, ("https://a", "https://b")) == "https://b"


@pytest.mark.parametrize("servers", [None, ("https://b",), ("https://a", "https://c")])
def test_vci_4_a_server_that_is_not_one_of_several_is_refused(servers: tuple[str, ...] | None) -> None:
    with pytest.raises(OAuthError):
        authorization_server_of(grant("https://b"), ISSUER, servers)


def test_the_code_does_not_stand_in_the_text_of_an_offer() -> None:
    assert "oaKazRN8I0IbtZ0C7JuMn5" not in repr(parse_offer(json.dumps(SEVERAL)))

"""Issuer metadata: built, checked, parsed."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from kompetenspass.openid.oauth import OAuthError
from kompetenspass.openid.oid4vci import (
    ClaimDescription,
    CredentialConfiguration,
    Display,
    check_claims,
    check_configuration,
    credential_issuer_metadata,
    parse_credential_issuer_metadata,
    sd_jwt_configuration,
)

ISSUER = "https://credential-issuer.example.com"
NAMES = [{"name": "Given Name", "locale": "en-US"}, {"name": "Vorname", "locale": "de-DE"}]
SD_JWT_EXAMPLE: dict[str, Any] = {
    "format": "dc+sd-jwt",
    "scope": "SD_JWT_VC_example_in_OpenID4VCI",
    "credential_signing_alg_values_supported": ["ES256"],
    "cryptographic_binding_methods_supported": ["jwk"],
    "proof_types_supported": {
        "jwt": {
            "proof_signing_alg_values_supported": ["ES256"],
            "key_attestations_required": {
                "key_storage": ["iso_18045_moderate"],
                "user_authentication": ["iso_18045_moderate"],
            },
        }
    },
    "vct": "SD_JWT_VC_example_in_OpenID4VCI",
    "credential_metadata": {
        "display": [
            {
                "name": "IdentityCredential",
                "locale": "en-US",
                "logo": {"uri": "https://university.example.edu/public/logo.png", "alt_text": "a square logo"},
                "background_color": "#12107c",
                "text_color": "#FFFFFF",
            }
        ],
        "claims": [
            {"path": ["given_name"], "display": NAMES},
            {"path": ["address"], "display": [{"name": "Wohnsitz", "locale": "de-DE"}]},
            {"path": ["address", "street_address"]},
            {"path": ["is_over_65"]},
        ],
    },
}
LONG_EXAMPLE: dict[str, Any] = {
    "credential_issuer": ISSUER,
    "authorization_servers": ["https://server.example.com"],
    "credential_endpoint": f"{ISSUER}/credential",
    "nonce_endpoint": f"{ISSUER}/nonce",
    "deferred_credential_endpoint": f"{ISSUER}/deferred_credential",
    "notification_endpoint": f"{ISSUER}/notification",
    "credential_request_encryption": {
        "jwks": {"keys": []},
        "enc_values_supported": ["A128GCM"],
        "encryption_required": True,
    },
    "credential_response_encryption": {"enc_values_supported": ["A128GCM"], "encryption_required": True},
    "batch_credential_issuance": {"batch_size": 10},
    "display": [{"name": "Example University", "locale": "en-US"}],
    "credential_configurations_supported": {"SD_JWT_VC_example_in_OpenID4VCI": SD_JWT_EXAMPLE},
}


def claim(*path: str | int | None) -> ClaimDescription:
    return ClaimDescription(path=path)


def built(**changes: Any) -> dict[str, Any]:
    configuration = sd_jwt_configuration(
        scope="sko-ys-09",
        vct="https://catalog.example/vct/mikromerit/1",
        display=[Display(name="Yrkessvenska", locale="sv"), Display(name="Swedish for work", locale="en")],
        claims=[ClaimDescription(path=("has_part", None), mandatory=False), claim("family_name")],
    )
    metadata = credential_issuer_metadata(
        ISSUER,
        credential_endpoint=f"{ISSUER}/credential",
        nonce_endpoint=f"{ISSUER}/nonce",
        notification_endpoint=f"{ISSUER}/notification",
        batch_size=5,
        display=[Display(name="Skellefteå kommun", locale="sv")],
        configurations={"sko-ys-09": configuration},
    )
    return metadata.to_json() | changes


def refuses(document: dict[str, Any]) -> str:
    with pytest.raises(OAuthError) as refused:
        parse_credential_issuer_metadata(document, credential_issuer=ISSUER)
    assert refused.value.code == "invalid_metadata"
    return refused.value.title


def test_vci_11_the_specifications_example_configuration_is_read_and_written_alike() -> None:
    parsed = parse_credential_issuer_metadata(LONG_EXAMPLE, credential_issuer=ISSUER)
    written = parsed.credential_configurations_supported["SD_JWT_VC_example_in_OpenID4VCI"].to_json()
    assert written == SD_JWT_EXAMPLE
    assert parsed.authorization_servers == ("https://server.example.com",)
    assert parsed.credential_response_encryption is not None
    assert parsed.credential_response_encryption.encryption_required


def test_vci_10_the_built_document_holds_exactly_what_is_offered() -> None:
    document = built()
    assert set(document) == {
        "credential_issuer",
        "credential_endpoint",
        "nonce_endpoint",
        "notification_endpoint",
        "batch_credential_issuance",
        "display",
        "credential_configurations_supported",
    }
    assert document["batch_credential_issuance"] == {"batch_size": 5}


def test_vci_11_and_13_a_built_configuration_has_display_and_claims_under_credential_metadata() -> None:
    assert built()["credential_configurations_supported"]["sko-ys-09"] == {
        "format": "dc+sd-jwt",
        "scope": "sko-ys-09",
        "vct": "https://catalog.example/vct/mikromerit/1",
        "credential_signing_alg_values_supported": ["ES256"],
        "cryptographic_binding_methods_supported": ["jwk"],
        "proof_types_supported": {"jwt": {"proof_signing_alg_values_supported": ["ES256"]}},
        "credential_metadata": {
            "display": [
                {"name": "Yrkessvenska", "locale": "sv"},
                {"name": "Swedish for work", "locale": "en"},
            ],
            "claims": [{"path": ["has_part", None], "mandatory": False}, {"path": ["family_name"]}],
        },
    }


def test_a_configuration_without_display_or_claims_has_no_credential_metadata() -> None:
    assert "credential_metadata" not in sd_jwt_configuration(scope="a", vct="b").to_json()


def test_vciw_1_what_was_built_is_read_back_through_json() -> None:
    document = json.loads(json.dumps(built()))
    assert parse_credential_issuer_metadata(document, credential_issuer=ISSUER).to_json() == built()


@pytest.mark.parametrize(
    "issuer", [f"{ISSUER}/", "https://Credential-issuer.example.com", f"{ISSUER}:443", "https://other.example"]
)
def test_vci_9_and_vciw_1_metadata_of_another_issuer_is_refused_without_normalisation(issuer: str) -> None:
    assert "another" in refuses(built(credential_issuer=issuer))


@pytest.mark.parametrize(
    "changes",
    [
        {"credential_endpoint": "http://credential-issuer.example.com/credential"},
        {"nonce_endpoint": "http://credential-issuer.example.com/nonce"},
        {"notification_endpoint": "credential-issuer.example.com"},
        {"deferred_credential_endpoint": f"{ISSUER}/a#b"},
        {"credential_endpoint": None},
        {"authorization_servers": []},
        {"display": []},
        {"batch_credential_issuance": {"batch_size": 1}},
        {"batch_credential_issuance": {"batch_size": "5"}},
        {"credential_configurations_supported": []},
        {"credential_response_encryption": {"encryption_required": False}},
        {"display": [{"name": "a", "locale": "sv"}, {"name": "b", "locale": "sv"}]},
    ],
)
def test_vci_10_a_member_that_breaks_its_rule_is_refused(changes: dict[str, Any]) -> None:
    refuses(built(**changes))


@pytest.mark.parametrize("absent", ["proof_types_supported", "cryptographic_binding_methods_supported"])
def test_vci_12_proof_types_and_binding_methods_stand_together(absent: str) -> None:
    configuration = {name: value for name, value in SD_JWT_EXAMPLE.items() if name != absent}
    assert "together" in refuses(built(credential_configurations_supported={"a": configuration}))


@pytest.mark.parametrize(
    "changes",
    [
        {"vct": None},
        {"format": None},
        {"proof_types_supported": {}},
        {"proof_types_supported": {"jwt": {}}},
        {"cryptographic_binding_methods_supported": []},
        {"credential_metadata": {"display": [{"locale": "sv"}]}},
        {"credential_metadata": {"display": []}},
        {"credential_metadata": {"claims": []}},
        {"credential_metadata": {"claims": [{"path": []}]}},
        {"credential_metadata": {"claims": [{"path": [-1]}]}},
        {"credential_metadata": {"claims": [{"path": [True]}]}},
        {"credential_metadata": {"claims": [{"path": ["a"], "display": [{"locale": "sv"}, {"locale": "sv"}]}]}},
    ],
)
def test_vci_11_a_configuration_that_breaks_a_rule_is_refused(changes: dict[str, Any]) -> None:
    refuses(built(credential_configurations_supported={"a": SD_JWT_EXAMPLE | changes}))


def test_a_configuration_of_an_unknown_format_without_binding_is_none_of_our_business() -> None:
    check_configuration(CredentialConfiguration(format="mso_mdoc"))


@pytest.mark.parametrize(
    "claims",
    [
        [claim("a"), claim("a")],
        [claim("a", None), claim("a", 0)],
        [claim("a", None), claim("a", "b")],
        [claim("a", "b"), claim("a", 0, "c")],
        [claim("a", None, "b"), claim("a", None, 1)],
    ],
)
def test_vci_14_repeated_or_contradictory_claims_are_refused(claims: list[ClaimDescription]) -> None:
    with pytest.raises(OAuthError) as refused:
        check_claims(claims)
    assert refused.value.code == "invalid_metadata"


def test_vci_14_parents_siblings_and_several_indices_do_not_contradict() -> None:
    check_claims([claim("a"), claim("a", "b"), claim("a", "c"), claim("d", 0), claim("d", 1), claim("e", None, "f")])


def test_vci_10_a_batch_of_one_cannot_be_built() -> None:
    with pytest.raises(ValidationError):
        credential_issuer_metadata(
            ISSUER, credential_endpoint=ISSUER, nonce_endpoint=ISSUER, configurations={}, batch_size=1
        )

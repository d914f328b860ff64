"""The issuer's documents over HTTP: VCI-7 to VCI-18 of the checklist. Source: OpenID4VCI 1.0, section 12; RFC 8414."""

from __future__ import annotations

import json

import httpx2
import pytest

from tests.integration.parties import Parties
from tests.integration.stranger import JSON, KOMMUN, KRAFT, Stranger

CREDENTIAL, SERVER = "openid-credential-issuer", "oauth-authorization-server"
SLUG = KOMMUN.slug
MEMBERS = {
    "credential_issuer", "credential_endpoint", "nonce_endpoint", "notification_endpoint",
    "credential_configurations_supported", "display",
}  # fmt: skip
CONFIGURATION = {
    "format", "scope", "vct", "credential_signing_alg_values_supported", "cryptographic_binding_methods_supported",
    "proof_types_supported", "credential_metadata",
}  # fmt: skip
SERVER_MEMBERS = {
    "issuer", "token_endpoint", "jwks_uri", "grant_types_supported", "token_endpoint_auth_methods_supported",
    "scopes_supported", "authorization_details_types_supported", "pre-authorized_grant_anonymous_access_supported",
}  # fmt: skip
DRAFTS = (
    "credential_identifiers_supported", "c_nonce_expires_in", "vc+sd-jwt", "batch_credential_endpoint",
    "credentialSubject", "credentials_supported", "user_pin_required", '"cwt"', "claims_supported", "aka_vcts",
)  # fmt: skip


def fetched(parties: Parties, path: str, **headers: str) -> httpx2.Response:
    return parties.ask("get", "issuance", path, headers=headers)


@pytest.fixture(scope="module")
def issuer_metadata(parties: Parties) -> JSON:
    return dict(fetched(parties, f"/.well-known/{CREDENTIAL}/issuers/{SLUG}").raise_for_status().json())


@pytest.fixture(scope="module")
def server_metadata(parties: Parties) -> JSON:
    return dict(fetched(parties, f"/.well-known/{SERVER}/issuers/{SLUG}").raise_for_status().json())


@pytest.mark.parametrize("document", [CREDENTIAL, SERVER])
@pytest.mark.parametrize(
    "path",
    [
        f"/issuers/{SLUG}/.well-known/{{}}",
        "/.well-known/{}",
        "/.well-known/{}/issuers",
        "/.well-known/{}/issuers/nobody",
        f"/.well-known/{{}}/issuers/{SLUG.upper()}",
        f"/.well-known/{{}}/issuers/{SLUG}/",
        f"/.well-known/{{}}/issuers/{SLUG}/more",
        f"/.well-known/{{}}/{SLUG}",
    ],
)
def test_vci_7_vci_16_no_other_path_has_the_document(parties: Parties, document: str, path: str) -> None:
    assert fetched(parties, path.format(document)).status_code == 404


@pytest.mark.parametrize("document", [CREDENTIAL, SERVER])
def test_vci_8_the_documents_are_json_whatever_else_is_liked(parties: Parties, document: str) -> None:
    for accept in ("application/json", "application/jwt, application/json;q=0.5", "*/*"):
        answer = fetched(parties, f"/.well-known/{document}/issuers/{SLUG}", Accept=accept)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")


def test_vci_9_vci_10_the_issuer_metadata_has_known_members_only_under_one_name(
    issuer_metadata: JSON, kommun: Stranger
) -> None:
    assert set(issuer_metadata) == MEMBERS
    assert issuer_metadata["credential_issuer"] == kommun.issuer
    for name in ("credential", "nonce", "notification"):
        assert issuer_metadata[f"{name}_endpoint"] == f"{kommun.issuer}/{name}"
    for entry in issuer_metadata["display"]:
        assert set(entry) == {"name", "locale"}


def test_vci_11_vci_12_vci_13_each_configuration_is_as_version_1_has_it(issuer_metadata: JSON) -> None:
    configurations = issuer_metadata["credential_configurations_supported"]
    assert configurations
    for id_, configuration in configurations.items():
        assert set(configuration) == CONFIGURATION
        assert configuration["format"] == "dc+sd-jwt"
        assert configuration["scope"] == id_
        assert configuration["credential_signing_alg_values_supported"] == ["ES256"]
        assert configuration["cryptographic_binding_methods_supported"] == ["jwk"]
        assert configuration["proof_types_supported"] == {"jwt": {"proof_signing_alg_values_supported": ["ES256"]}}
        assert set(configuration["credential_metadata"]) == {"display", "claims"}


def test_vci_11_each_configuration_is_shown_once_in_each_language(issuer_metadata: JSON) -> None:
    for configuration in issuer_metadata["credential_configurations_supported"].values():
        display = configuration["credential_metadata"]["display"]
        assert all(entry["name"] for entry in display)
        assert sorted(entry["locale"] for entry in display) == ["en", "sv"]
        assert all(set(entry) <= {"name", "locale", "description"} for entry in display)


def test_vci_11_there_is_one_configuration_per_published_definition_and_pathway(parties: Parties) -> None:
    answer = fetched(parties, f"/.well-known/{CREDENTIAL}/issuers/{KRAFT.slug}").json()
    ids = set()
    for kind in ("definitions", "pathways"):
        query = f"/v1/{kind}?status=published&owner={KRAFT.org}&limit=100"
        ids |= {entry[f"{kind[:-1]}_id"] for entry in parties.ask("get", "catalog", query).json()["items"]}
    assert set(answer["credential_configurations_supported"]) == ids
    assert {"skk-val-03", "skk-path-vakthavande"} <= ids


def test_vci_14_no_claim_is_described_twice_or_in_two_shapes(issuer_metadata: JSON) -> None:
    for configuration in issuer_metadata["credential_configurations_supported"].values():
        paths = [claim["path"] for claim in configuration["credential_metadata"]["claims"]]
        assert len({json.dumps(path) for path in paths}) == len(paths)
        below: dict[str, set[type]] = {}
        for path in paths:
            for end in range(1, len(path)):
                below.setdefault(json.dumps(path[:end]), set()).add(type(path[end]))
        assert all(len(kinds) == 1 for kinds in below.values())


def test_vci_13_trap_25_nothing_is_left_over_from_drafts(issuer_metadata: JSON, server_metadata: JSON) -> None:
    text = json.dumps(issuer_metadata) + json.dumps(server_metadata)
    assert [name for name in DRAFTS if name in text] == []


def test_vci_16_vci_17_vci_18_the_server_metadata_names_what_there_is(
    server_metadata: JSON, issuer_metadata: JSON, kommun: Stranger
) -> None:
    assert set(server_metadata) <= SERVER_MEMBERS | {"pre-authorized_grant_anonymous_access_supported"}
    assert server_metadata["issuer"] == kommun.issuer
    assert server_metadata["token_endpoint"] == f"{kommun.issuer}/token"
    assert server_metadata["grant_types_supported"] == ["urn:ietf:params:oauth:grant-type:pre-authorized_code"]
    assert server_metadata["authorization_details_types_supported"] == ["openid_credential"]
    assert set(server_metadata["scopes_supported"]) == set(issuer_metadata["credential_configurations_supported"])
    assert server_metadata["pre-authorized_grant_anonymous_access_supported"] is True


def test_vci_17_the_jwks_has_public_keys_with_a_name_and_a_use(server_metadata: JSON, parties: Parties) -> None:
    keys = parties.http.get(server_metadata["jwks_uri"]).json()["keys"]
    assert keys
    for key in keys:
        assert set(key) == {"kty", "crv", "x", "y", "kid", "alg", "use"}
        assert (key["alg"], key["use"], key["crv"]) == ("ES256", "sig", "P-256")
    assert parties.ask("get", "issuance", "/issuers/nobody/jwks").status_code == 404

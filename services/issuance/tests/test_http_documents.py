"""What an issuer publishes about itself. Numbers are those of the OpenID4VCI checklist."""

from __future__ import annotations

from kompetenspass.openid import mikromerit
from kompetenspass.openid.oauth import parse_authorization_server_metadata
from kompetenspass.openid.oid4vci.metadata_rules import parse_credential_issuer_metadata
from services.issuance.tests.rig import CATALOG, ISSUER, MERIT, SLUG, Json, Rig

METADATA = f"/.well-known/openid-credential-issuer/issuers/{SLUG}"
SERVER = f"/.well-known/oauth-authorization-server/issuers/{SLUG}"


async def document(rig: Rig, path: str) -> Json:
    answer = await rig.client.get(path)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "application/json"
    return dict(answer.json())


async def test_vci_7_the_well_known_segment_stands_between_host_and_path(rig: Rig) -> None:
    assert (await rig.client.get(METADATA)).status_code == 200
    assert (await rig.client.get(f"/issuers/{SLUG}/.well-known/openid-credential-issuer")).status_code == 404


async def test_vci_8_json_is_the_answer_even_where_a_jwt_is_preferred(rig: Rig) -> None:
    answer = await rig.client.get(METADATA, headers={"Accept": "application/jwt, application/json;q=0.5"})
    assert answer.headers["Content-Type"] == "application/json"


async def test_vci_9_the_identifier_is_character_for_character_the_issuers(rig: Rig) -> None:
    parsed = parse_credential_issuer_metadata(await document(rig, METADATA), credential_issuer=ISSUER)
    assert parsed.credential_issuer == ISSUER


async def test_vci_10_every_endpoint_lies_below_the_issuer_and_nothing_else_is_claimed(rig: Rig) -> None:
    metadata = await document(rig, METADATA)
    ends = {name: value for name, value in metadata.items() if name.endswith("_endpoint")}
    assert ends == {f"{name}_endpoint": f"{ISSUER}/{name}" for name in ("credential", "nonce", "notification")}
    assert not {"authorization_servers", "batch_credential_issuance", "credential_response_encryption"} & set(metadata)


async def test_vci_11_every_published_definition_and_pathway_is_a_configuration_with_its_scope(rig: Rig) -> None:
    configurations = (await document(rig, METADATA))["credential_configurations_supported"]
    assert set(configurations) == {f"sko-ys-{number:02}" for number in range(1, 11)} | {"sko-path-yrkessvenska"}
    for id_, configuration in configurations.items():
        assert configuration["scope"] == id_
        assert configuration["vct"] == mikromerit.vct(CATALOG)
        assert configuration["format"] == "dc+sd-jwt"


async def test_vci_12_binding_methods_and_proof_types_stand_together(rig: Rig) -> None:
    one = (await document(rig, METADATA))["credential_configurations_supported"][MERIT]
    assert one["cryptographic_binding_methods_supported"] == ["jwk"]
    assert one["proof_types_supported"] == {"jwt": {"proof_signing_alg_values_supported": ["ES256"]}}


async def test_vci_13_display_and_claims_stand_in_credential_metadata(rig: Rig) -> None:
    one = (await document(rig, METADATA))["credential_configurations_supported"][MERIT]
    assert not {"display", "claims"} & set(one)
    assert {entry["locale"] for entry in one["credential_metadata"]["display"]} == {"sv", "en"}


async def test_vci_14_no_claim_is_described_twice(rig: Rig) -> None:
    one = (await document(rig, METADATA))["credential_configurations_supported"][MERIT]
    paths = [tuple(claim["path"]) for claim in one["credential_metadata"]["claims"]]
    assert len(set(paths)) == len(paths)
    assert ("has_part", None) in paths


async def test_vci_16_the_authorization_server_is_the_issuer_and_takes_anonymous_wallets(rig: Rig) -> None:
    metadata = await document(rig, SERVER)
    assert parse_authorization_server_metadata(metadata, issuer=ISSUER).issuer == ISSUER
    assert metadata["pre-authorized_grant_anonymous_access_supported"] is True


async def test_vci_17_only_what_is_there_is_published(rig: Rig) -> None:
    metadata = await document(rig, SERVER)
    assert metadata["token_endpoint"] == f"{ISSUER}/token"
    assert metadata["jwks_uri"] == f"{ISSUER}/jwks"
    assert metadata["grant_types_supported"] == ["urn:ietf:params:oauth:grant-type:pre-authorized_code"]
    assert "authorization_endpoint" not in metadata


async def test_vci_18_authorization_details_are_supported(rig: Rig) -> None:
    assert (await document(rig, SERVER))["authorization_details_types_supported"] == ["openid_credential"]


async def test_trap_32_the_issuers_key_is_published_in_its_jwks(rig: Rig) -> None:
    (key,) = (await document(rig, f"/issuers/{SLUG}/jwks"))["keys"]
    assert (key["kid"], key["x"]) == (rig.signer.kid, rig.signer.public_jwk["x"])
    assert "d" not in key


async def test_an_unknown_issuer_has_no_documents(rig: Rig) -> None:
    for path in (METADATA, SERVER):
        assert (await rig.client.get(path.replace(SLUG, "unknown"))).status_code == 404
    assert (await rig.client.get("/issuers/unknown/jwks")).status_code == 404

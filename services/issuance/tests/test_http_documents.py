"""What an issuer publishes about itself. Numbers are those of the OpenID4VCI checklist."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from kompetenspass.events import catalog, registry
from kompetenspass.openid import mikromerit
from kompetenspass.openid.oauth import parse_authorization_server_metadata
from kompetenspass.openid.oid4vci.metadata_rules import parse_credential_issuer_metadata
from services.issuance.tests.rig import CATALOG, ISSUER, MERIT, SLUG, Json, Rig
from services.issuance.tests.world import KOMMUN, SINCE, VUX, definition, published

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


DOCUMENTS = [METADATA, SERVER, f"/issuers/{SLUG}/jwks"]


async def statuses(rig: Rig, slug: str = SLUG) -> list[int]:
    return [(await rig.client.get(path.replace(SLUG, slug))).status_code for path in DOCUMENTS]


@pytest.mark.parametrize("slug", ["unknown", "skelleftea-vux"])
async def test_whoever_is_not_known_or_is_no_issuer_has_no_documents(rig: Rig, slug: str) -> None:
    assert await statuses(rig, slug) == [404, 404, 404]
    assert (await rig.client.post(f"/issuers/{slug}/nonce")).status_code == 404


async def test_an_organisation_has_documents_while_it_holds_the_role_issuer(rig: Rig) -> None:
    assert await statuses(rig) == [200, 200, 200]
    end = rig.clock() + timedelta(days=1)
    withdrawn = registry.RoleWithdrawn(org_id=KOMMUN, role="issuer", withdrawn_from=end, reason_code="ended")
    await rig.world.state(f"org-{KOMMUN}", withdrawn)
    await rig.caught_up()
    assert await statuses(rig) == [200, 200, 200]
    rig.clock.advance(timedelta(days=1))
    assert await statuses(rig) == [404, 404, 404]


async def test_unknown_issuers_are_not_remembered(rig: Rig) -> None:
    asked = rig.queries
    for number in range(20):
        assert await asked.issuer(f"unknown-{number}") is None
    await rig.world.found("org:unknown-7", "Sjunde", "issuer")
    await rig.caught_up()
    assert await asked.issuer("unknown-7") is not None


async def test_vci_11_only_what_the_issuer_may_issue_is_a_configuration(rig: Rig) -> None:
    for name in ("granted", "over", "awarded"):
        content = {**definition(MERIT), "id": f"theirs-{name}", "urn": f"urn:theirs-{name}"}
        await rig.world.state(f"def-theirs-{name}", published(content, owner_org=VUX, awarding_body=KOMMUN))
    await rig.world.state("def-theirs-granted", right("theirs-granted"))
    await rig.world.state("def-theirs-over", right("theirs-over", valid_to=rig.clock()))
    await rig.caught_up()
    configurations = (await document(rig, METADATA))["credential_configurations_supported"]
    assert {id_ for id_ in configurations if id_.startswith("theirs")} == {"theirs-granted"}


async def test_vci_11_what_the_scope_of_the_role_leaves_out_is_no_configuration(rig: Rig) -> None:
    await rig.world.found("org:narrow", "Smal", "issuer", scope=registry.Scope(definitions=("narrow-in",)))
    for name in ("narrow-in", "narrow-out"):
        content = {**definition(MERIT), "id": name, "urn": f"urn:{name}"}
        await rig.world.state(f"def-{name}", published(content, owner_org="org:narrow"))
    await rig.caught_up()
    metadata = await document(rig, METADATA.replace(SLUG, "narrow"))
    assert set(metadata["credential_configurations_supported"]) == {"narrow-in"}


def right(definition_id: str, valid_to: datetime | None = None) -> catalog.IssuingRightGranted:
    return catalog.IssuingRightGranted(
        definition_id=definition_id, issuer_org=KOMMUN, valid_from=SINCE, valid_to=valid_to
    )

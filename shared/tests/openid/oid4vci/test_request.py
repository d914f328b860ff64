"""Credential requests."""

import json

import pytest

from kompetenspass.openid.oauth import OAuthError
from kompetenspass.openid.oid4vci import (
    CredentialRequest,
    parse_credential_request,
    requested_configuration,
    required_proofs,
)

PROOFS = {"jwt": ["a.b.c"]}


def body(**members: object) -> bytes:
    return json.dumps(members).encode()


def code_of(raw: bytes, batch_size: int = 2) -> str:
    with pytest.raises(OAuthError) as refused:
        parse_credential_request(raw, batch_size=batch_size)
    return refused.value.code


def asked(identifier: str | None = None, configuration: str | None = None) -> CredentialRequest:
    return CredentialRequest(identifier, configuration, ())


def test_vci_27_the_specifications_example_by_configuration_is_read() -> None:
    request = parse_credential_request(body(credential_configuration_id="org.iso.18013.5.1.mDL", proofs=PROOFS))
    assert request == CredentialRequest(None, "org.iso.18013.5.1.mDL", ("a.b.c",))


def test_vci_27_the_specifications_example_by_identifier_with_two_proofs_is_read() -> None:
    raw = body(credential_identifier="CivilEngineeringDegree-2023", proofs={"jwt": ["a.b.c", "d.e.f"]})
    request = parse_credential_request(raw, batch_size=2)
    assert request == CredentialRequest("CivilEngineeringDegree-2023", None, ("a.b.c", "d.e.f"))


def test_vci_28_unknown_members_are_ignored() -> None:
    assert parse_credential_request(body(credential_configuration_id="a", extra=[1])).proofs_jwt == ()


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b'{"credential_configuration_id":"a","credential_configuration_id":"a"}',
        body(),
        body(proofs=PROOFS),
        body(format="mso_mdoc", doctype="org.iso.18013.5.1.mDL", proofs=PROOFS),
        body(credential_configuration_id="a", credential_identifier="b"),
        body(credential_configuration_id=7),
        body(credential_configuration_id=""),
        body(credential_configuration_id=None),
        body(credential_configuration_id="a", credential_identifier=None),
    ],
)
def test_vci_27_both_ids_or_neither_or_no_texts_are_an_invalid_credential_request(raw: bytes) -> None:
    assert code_of(raw) == "invalid_credential_request"


@pytest.mark.parametrize(
    "proofs",
    [
        {},
        [],
        None,
        "a.b.c",
        {"jwt": []},
        {"jwt": "a.b.c"},
        {"jwt": [7]},
        {"jwt": ["a.b.c"], "attestation": ["d.e.f"]},
        {"attestation": ["d.e.f"]},
        {"di_vp": [{}]},
        {"jwt": ["a.b.c", "d.e.f", "g.h.i"]},
    ],
)
def test_vci_28_proofs_are_one_type_with_a_non_empty_array_no_longer_than_a_batch(proofs: object) -> None:
    assert code_of(body(credential_configuration_id="a", proofs=proofs)) == "invalid_proof"


def test_vci_28_the_singular_proof_of_the_drafts_is_refused() -> None:
    raw = body(credential_configuration_id="a", proof={"proof_type": "jwt", "jwt": "a.b.c"})
    assert code_of(raw) == "invalid_proof"


def test_vci_29_response_encryption_is_refused_as_it_is_not_offered() -> None:
    raw = body(credential_configuration_id="a", proofs=PROOFS, credential_response_encryption={"enc": "A128GCM"})
    assert code_of(raw) == "invalid_encryption_parameters"


def test_vci_33_missing_proofs_are_an_invalid_proof() -> None:
    with pytest.raises(OAuthError) as refused:
        required_proofs(parse_credential_request(body(credential_configuration_id="a")))
    assert refused.value.code == "invalid_proof"
    assert required_proofs(CredentialRequest(None, "a", ("p",))) == ("p",)


@pytest.mark.parametrize("identifiers", [None, {}, {"one": "a"}])
def test_vci_35_an_unknown_configuration_is_told_even_if_identifiers_were_given(
    identifiers: dict[str, str] | None,
) -> None:
    with pytest.raises(OAuthError) as refused:
        requested_configuration(asked(configuration="zzz"), known={"a"}, granted={"a"}, identifiers=identifiers)
    assert refused.value.code == "unknown_credential_configuration"


@pytest.mark.parametrize("identifiers", [None, {"one": "a"}])
def test_vci_35_an_unknown_identifier_is_told_even_if_none_were_given(identifiers: dict[str, str] | None) -> None:
    with pytest.raises(OAuthError) as refused:
        requested_configuration(asked(identifier="zzz"), known={"a"}, granted={"a"}, identifiers=identifiers)
    assert refused.value.code == "unknown_credential_identifier"


@pytest.mark.parametrize(("granted", "identifiers"), [({"a"}, {"one": "a"}), ({"b"}, None)])
def test_vci_27_a_known_configuration_is_refused_where_an_identifier_is_due_or_the_token_is_for_another(
    granted: set[str], identifiers: dict[str, str] | None
) -> None:
    with pytest.raises(OAuthError) as refused:
        requested_configuration(asked(configuration="a"), known={"a", "b"}, granted=granted, identifiers=identifiers)
    assert refused.value.code == "invalid_credential_request"


def test_vci_27_the_configuration_is_found_by_its_id_or_by_an_identifier() -> None:
    assert requested_configuration(asked(configuration="a"), known={"a"}, granted={"a"}) == "a"
    found = requested_configuration(asked(identifier="one"), known={"a"}, granted={"a"}, identifiers={"one": "a"})
    assert found == "a"

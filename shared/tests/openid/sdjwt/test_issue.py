"""What an issued SD-JWT looks like, and what the issuer refuses."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from kompetenspass.openid.jose import parse_unverified
from kompetenspass.openid.sdjwt import SDJWT, Path, SDJWTError, digest_of_copy, issue, present, verify
from kompetenspass.openid.sdjwt.parse import read_disclosure
from kompetenspass.testing.keys import TestSigner

Claims = dict[str, object]


def test_sd_1_the_compact_form_ends_with_a_tilde(credential: SDJWT) -> None:
    assert credential.compact == "~".join((credential.jwt, *credential.disclosures, ""))


def test_sd_3_salts_have_128_bits_and_differ(credential: SDJWT) -> None:
    salts = [read_disclosure(disclosure)[0] for disclosure in credential.disclosures]
    assert len(set(salts)) == len(credential.disclosures) == 5
    assert all(len(salt) * 6 >= 128 for salt in salts)


def test_randomness_is_asked_for_once_per_credential(claims: Claims, issuer: TestSigner) -> None:
    asked: list[int] = []

    def random(size: int) -> bytes:
        asked.append(size)
        return secrets.token_bytes(size)

    issued = issue(claims, disclosable=["given_name", "absent", ("has_part", None)], signer=issuer, random=random)
    assert len(issued.disclosures) == 3
    issue(claims, disclosable=[("has_part", None, "definition")], signer=issuer, random=random)
    assert asked == [3 * 18, 2 * 18]


def test_sd_3_digests_are_sorted_so_that_their_order_tells_nothing(claims: Claims, issuer: TestSigner) -> None:
    names = ["given_name", "address", "has_part"]
    issued = issue(claims, disclosable=names, signer=issuer, random=secrets.token_bytes)
    digests = parse_unverified(issued.jwt).payload["_sd"]
    assert len(digests) == 3
    assert digests == sorted(digests)


def test_sd_5_a_nested_disclosure_hides_inside_its_parents(credential: SDJWT) -> None:
    payload = parse_unverified(credential.jwt).payload
    assert "address" not in payload
    address = next(content for d in credential.disclosures if (content := read_disclosure(d))[1] == "address")
    assert set(address[2]) == {"_sd", "street"}


def test_sd_7_the_header_names_the_type_the_key_and_the_chain(credential: SDJWT, issuer: TestSigner) -> None:
    header = parse_unverified(credential.jwt).header
    assert header == {"alg": "ES256", "typ": "dc+sd-jwt", "kid": issuer.kid, "x5c": list(issuer.x5c)}


def test_a_header_of_the_callers_adds_and_replaces(claims: Claims, issuer: TestSigner) -> None:
    header = {"typ": "example+sd-jwt", "kid": "k1"}
    issued = issue({"a": 1}, disclosable=["iss"], signer=issuer, random=secrets.token_bytes, header=header)
    held = parse_unverified(issued.jwt).header
    assert held == {"alg": "ES256", "typ": "example+sd-jwt", "kid": "k1", "x5c": list(issuer.x5c)}


def test_one_element_of_an_array_can_be_disclosable_alone(claims: Claims, issuer: TestSigner) -> None:
    issued = issue(claims, disclosable=[("has_part", 1)], signer=issuer, random=secrets.token_bytes)
    parts = parse_unverified(issued.jwt).payload["has_part"]
    assert parts[0] == {"definition": "a"}
    assert set(parts[1]) == {"..."}


def test_the_holders_key_becomes_cnf(credential: SDJWT, holder: TestSigner) -> None:
    payload = parse_unverified(credential.jwt).payload
    assert payload["cnf"] == {"jwk": dict(holder.public_jwk)}
    assert payload["_sd_alg"] == "sha-256"


def test_a_credential_without_disclosures_has_no_sd_members(claims: Claims, issuer: TestSigner) -> None:
    issued = issue(claims, disclosable=[], signer=issuer, random=secrets.token_bytes)
    assert parse_unverified(issued.jwt).payload == claims
    assert issued.compact == issued.jwt + "~"


def test_the_claims_handed_in_are_not_changed(claims: Claims, issuer: TestSigner) -> None:
    before = repr(claims)
    issue(claims, disclosable=["address", ("address", "city")], signer=issuer, random=secrets.token_bytes)
    assert repr(claims) == before


@pytest.mark.parametrize("name", ["_sd", "...", "_sd_alg"])
def test_sd_3_reserved_claim_names_are_refused(name: str, claims: Claims, issuer: TestSigner) -> None:
    for bad in ({**claims, name: 1}, {**claims, "a": [{"b": {name: 1}}]}):
        with pytest.raises(SDJWTError) as refused:
            issue(bad, disclosable=[], signer=issuer, random=secrets.token_bytes)
        assert refused.value.code == "claim_name_reserved"


@pytest.mark.parametrize("name", ["_sd", "...", "_sd_alg"])
def test_sd_3_reserved_names_are_refused_inside_what_is_disclosed(
    name: str, claims: Claims, issuer: TestSigner
) -> None:
    for value in ({name: 1}, [{name: 1}], ({"b": ({name: 1},)},)):
        with pytest.raises(SDJWTError) as refused:
            issue({**claims, "a": value}, disclosable=["a"], signer=issuer, random=secrets.token_bytes)
        assert refused.value.code == "claim_name_reserved"


@pytest.mark.parametrize("value", [float("nan"), {"set"}, b"bytes", datetime(2026, 1, 1, tzinfo=UTC)], ids=repr)
def test_what_json_cannot_hold_is_not_issued(value: object, claims: Claims, issuer: TestSigner) -> None:
    for more in ({"a": value}, {"a": [{"b": value}]}):
        for paths in ([], ["a"]):
            with pytest.raises((ValueError, TypeError)):
                issue({**claims, **more}, disclosable=paths, signer=issuer, random=secrets.token_bytes)
    with pytest.raises((ValueError, TypeError)):
        issue(claims, disclosable=[], signer=issuer, random=secrets.token_bytes, holder_jwk={"x": value})


def test_the_order_of_the_disclosures_tells_nothing_of_the_order_of_the_claims(issuer: TestSigner) -> None:
    claims = {"vct": "urn:example:type", "a": 1, "b": 2, "c": {"d": 3, "e": 4}}
    paths: list[str | Path] = ["a", "b", "c", ("c", "d"), ("c", "e")]
    names = []
    for given in (claims, dict(reversed(claims.items()))):
        issued = issue(given, disclosable=paths, signer=issuer, random=secrets.token_bytes)
        names.append([read_disclosure(disclosure)[1] for disclosure in issued.disclosures])
    assert names == [["d", "e", "a", "b", "c"]] * 2


@pytest.mark.parametrize("path", ["iss", "vct", "exp", "status", ("cnf", "jwk"), "aka_vcts", "vct#integrity", "nbf"])
def test_sd_7_registered_claims_are_never_made_disclosable(path: str, claims: Claims, issuer: TestSigner) -> None:
    with pytest.raises(SDJWTError) as refused:
        issue(claims, disclosable=[path], signer=issuer, random=secrets.token_bytes)
    assert refused.value.code == "claim_not_disclosable"


def test_sd_7_vct_is_required(claims: Claims, issuer: TestSigner) -> None:
    del claims["vct"]
    with pytest.raises(SDJWTError) as refused:
        issue(claims, disclosable=[], signer=issuer, random=secrets.token_bytes)
    assert refused.value.code == "vct_missing"


def test_the_digest_of_a_copy_survives_presentation(credential: SDJWT) -> None:
    assert digest_of_copy(credential.compact) == credential.digest
    assert digest_of_copy(present(credential.compact, ["given_name"])) == credential.digest


def test_sd_11_copies_share_no_salt_and_no_digest(
    claims: Claims, issuer: TestSigner, now: datetime, signed: Callable[..., str]
) -> None:
    copies = [issue(claims, disclosable=["given_name"], signer=issuer, random=secrets.token_bytes) for _ in range(2)]
    assert copies[0].disclosures != copies[1].disclosures
    assert copies[0].digest != copies[1].digest
    assert all(verify(copy.compact, issuer_key=issuer.public_key, now=now).claims == claims for copy in copies)

"""The same credentials through the reference implementation `sd-jwt`, in both directions, and round trips."""

from __future__ import annotations

import json
import secrets
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from jwcrypto.jwk import JWK
from sd_jwt.common import SDObj
from sd_jwt.holder import SDJWTHolder
from sd_jwt.issuer import SDJWTIssuer
from sd_jwt.verifier import SDJWTVerifier

from kompetenspass.openid.jose import parse_unverified, public_key
from kompetenspass.openid.sdjwt import SDJWT, KeyBinding, Path, issue, present, verify, verify_presentation
from kompetenspass.testing.clock import NOON
from kompetenspass.testing.keys import TestSigner

AUD, NONCE = "https://verifier.example", "1234567890"
SIGNER = TestSigner()


def private_jwk() -> JWK:
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return JWK.from_pem(pem)


def public_of(key: JWK) -> dict[str, str]:
    exported: dict[str, str] = json.loads(key.export_public())
    return {name: exported[name] for name in ("kty", "crv", "x", "y")}


def test_the_reference_verifier_accepts_what_we_issue_and_present(
    credential: SDJWT, issuer: TestSigner, holder: TestSigner, now: datetime
) -> None:
    key = JWK.from_json(json.dumps(dict(issuer.public_jwk)))
    shown = present(credential.compact, ["address", ("has_part", 1)], kb=KeyBinding(AUD, NONCE, now, holder))
    verifier = SDJWTVerifier(shown, lambda *_: key, AUD, NONCE)
    ours = verify_presentation(shown, issuer_key=issuer.public_key, aud=AUD, nonce=NONCE, now=now)
    assert verifier.get_verified_payload() == ours.claims


def test_we_accept_what_the_reference_implementation_issues_and_presents() -> None:
    issuer_key, holder_key = private_jwk(), private_jwk()
    claims = {
        "vct": "urn:example:type",
        SDObj("name"): "Åsa",
        SDObj("address"): {SDObj("city"): "Skellefteå", "street": "x"},
        "parts": [SDObj("a"), "b", SDObj({"c": 1})],
    }
    made = SDJWTIssuer(
        claims, issuer_key, holder_key, add_decoy_claims=True, extra_header_parameters={"typ": "dc+sd-jwt"}
    )
    holder = SDJWTHolder(made.sd_jwt_issuance)
    chosen = {"address": {"city": True}, "parts": [False, False, True]}
    holder.create_presentation(chosen, NONCE, AUD, holder_key)
    bound = parse_unverified(holder.serialized_key_binding_jwt).payload
    now = datetime.fromtimestamp(bound["iat"], UTC)
    key = public_key(public_of(issuer_key))
    verified = verify_presentation(holder.sd_jwt_presentation, issuer_key=key, aud=AUD, nonce=NONCE, now=now)
    assert verified.claims["address"] == {"city": "Skellefteå", "street": "x"}
    assert verified.claims["parts"] == ["b", {"c": 1}]
    assert "name" not in verified.claims


def test_the_reference_holder_presents_our_credential(credential: SDJWT, issuer: TestSigner, now: datetime) -> None:
    holder = SDJWTHolder(credential.compact)
    holder.create_presentation({"given_name": True})
    verified = verify(holder.sd_jwt_presentation, issuer_key=issuer.public_key, now=now)
    assert verified.disclosed == {("given_name",)}


names = st.text(min_size=1, max_size=6).filter(lambda text: text not in {"_sd", "...", "_sd_alg", "exp", "nbf", "iat"})
leaves = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    leaves | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=12,
)


def places(value: Any, start: Path = ()) -> list[Path]:
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for step, item in steps for place in ((*start, step), *places(item, (*start, step)))]


def top(name: object) -> bool:
    return name not in {"iss", "cnf", "vct", "vct#integrity", "aka_vcts", "status"}


@settings(deadline=None)
@given(body=st.dictionaries(names.filter(top), values, max_size=4), data=st.data())
def test_any_claims_survive_issue_and_verify_whatever_is_disclosable(
    body: dict[str, object], data: st.DataObject
) -> None:
    claims = {"vct": "urn:example:type", **body}
    known = places(body)
    paths = data.draw(st.sets(st.sampled_from(known))) if known else set()
    copy = issue(claims, disclosable=paths, signer=SIGNER, random=secrets.token_bytes)
    verified = verify(copy.compact, issuer_key=SIGNER.public_key, now=NOON)
    assert verified.claims == claims
    assert verified.disclosed == paths
    reference = SDJWTVerifier(copy.compact, lambda *_: JWK.from_json(json.dumps(dict(SIGNER.public_jwk))))
    assert reference.get_verified_payload() == claims


@settings(deadline=None)
@given(body=st.dictionaries(names.filter(top), values, min_size=1, max_size=4), data=st.data())
def test_any_chosen_claim_is_shown_and_nothing_beside_it(body: dict[str, object], data: st.DataObject) -> None:
    known = places(body)
    paths = data.draw(st.sets(st.sampled_from(known)))
    chosen = data.draw(st.sampled_from(known))
    claims = {"vct": "urn:example:type", **body}
    copy = issue(claims, disclosable=paths, signer=SIGNER, random=secrets.token_bytes)
    verified = verify(present(copy.compact, [chosen]), issuer_key=SIGNER.public_key, now=NOON)
    expected = {path for path in paths if path == chosen[: len(path)] or chosen == path[: len(chosen)]}
    assert verified.disclosed == expected


@pytest.mark.parametrize("size", [0, 1, 40])
def test_credentials_of_any_number_of_disclosures_come_back(size: int) -> None:
    claims: dict[str, object] = {"vct": "urn:example:type", **{f"c{number}": number for number in range(size)}}
    copy = issue(claims, disclosable=set(claims) - {"vct"}, signer=SIGNER, random=secrets.token_bytes)
    assert verify(copy.compact, issuer_key=SIGNER.public_key, now=NOON).claims == claims

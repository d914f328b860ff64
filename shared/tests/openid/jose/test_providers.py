"""Tokens are judged alike whatever computes ES256, and the other algorithms are not touched by the choice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from kompetenspass.embedded.pki import DevelopmentCA
from kompetenspass.keys import es256
from kompetenspass.keys.aws_lc import AwsLcKey
from kompetenspass.keys.es256 import Crypto
from kompetenspass.keys.file import FileSigner, create_key
from kompetenspass.openid import jose, sdjwt
from kompetenspass.openid.jose.algorithms import verify_signature
from kompetenspass.testing.keys import TestSigner

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
BOTH: tuple[Crypto, ...] = ("cryptography", "aws-lc")


@pytest.fixture(params=BOTH)
def crypto(request: pytest.FixtureRequest) -> Iterator[Crypto]:
    """Each provider in turn, switched on."""
    with es256.using(request.param):
        yield request.param


def spoilt(token: str) -> dict[str, str]:
    """Return a token spoilt in ways of its own."""
    head, body, tail = token.split(".")
    cut = jose.b64u_encode(jose.b64u_decode_strict(tail)[:-1])
    return {
        "another body": f"{head}.{jose.b64u_encode(b'{}')}.{tail}",
        "zeros": f"{head}.{body}.{'A' * 86}",
        "cut": f"{head}.{body}.{cut}",
    }


@pytest.mark.parametrize("how", ["another body", "zeros", "cut"])
def test_a_spoilt_token_is_refused_with_one_code(how: str, crypto: Crypto) -> None:
    signer = TestSigner()
    token, key = jose.sign_jws({"typ": "t"}, {"a": 1}, signer), jose.public_key(signer.public_jwk)
    assert isinstance(key, AwsLcKey) is (crypto == "aws-lc")
    assert jose.verify_jws(token, key, typ="t").payload == {"a": 1}
    with pytest.raises(jose.JoseError, match="invalid_signature"):
        jose.verify_jws(spoilt(token)[how], key, typ="t")


def test_a_p256_key_verifies_nothing_but_es256(crypto: Crypto) -> None:
    key = jose.public_key(TestSigner().public_jwk)
    for alg in ("ES384", "EdDSA", "PS256"):
        with pytest.raises(jose.JoseError, match="unsupported_alg"):
            verify_signature(alg, key, bytes(64), b"")


def test_the_jwk_and_thumbprint_of_a_key_are_the_same(crypto: Crypto) -> None:
    signer = TestSigner()
    key = jose.public_key(signer.public_jwk)
    assert jose.jwk_of(key) == dict(signer.public_jwk) == jose.own_members({**signer.public_jwk, "kid": "x"}, key)
    assert jose.thumbprint(jose.jwk_of(key)) == signer.kid


@pytest.mark.usefixtures("crypto")
def test_a_point_off_the_curve_is_no_key() -> None:
    jwk = dict(TestSigner().public_jwk)
    for bad in ({**jwk, "y": jwk["x"]}, {**jwk, "x": "A" * 43, "y": "A" * 43}):
        with pytest.raises(jose.JoseError, match="bad_jwk"):
            jose.public_key(bad)


def test_the_key_of_a_certificate_is_the_providers_too(tmp_path: Path, crypto: Crypto) -> None:
    chain = tmp_path / "chain.pem"
    chain.write_text(DevelopmentCA(tmp_path / "ca").issue("issuer", "One", ["https://a.example"], _made(tmp_path)))
    signer = FileSigner(tmp_path / "key.pem", chain)
    key = jose.leaf_key(jose.read_x5c(list(signer.x5c))[0])
    assert isinstance(key, AwsLcKey) is (crypto == "aws-lc")
    assert jose.verify_jws(jose.sign_jws({"typ": "t"}, {}, signer), key, typ="t").payload == {}
    assert jose.jwk_of(key) == signer.public_jwk


def _made(folder: Path) -> ec.EllipticCurvePublicKey:
    return create_key(folder / "key.pem")


def test_a_presentation_holds_under_either_whoever_signed_it(tmp_path: Path) -> None:
    for path in ("issuer.pem", "holder.pem"):
        create_key(tmp_path / path)
    for signing in BOTH:
        with es256.using(signing):
            issuer, holder = FileSigner(tmp_path / "issuer.pem"), FileSigner(tmp_path / "holder.pem")
        shown = _presented(issuer, holder)
        for verifying in BOTH:
            with es256.using(verifying):
                key = jose.public_key(issuer.public_jwk)
                verified = sdjwt.verify_presentation(shown, issuer_key=key, aud="v", nonce="n", now=NOW)
            assert verified.claims["given_name"] == "Eva"


def _presented(issuer: FileSigner, holder: FileSigner) -> str:
    claims: dict[str, Any] = {"vct": "https://catalog.example/t", "given_name": "Eva"}
    issued = sdjwt.issue(
        claims, disclosable=[("given_name",)], signer=issuer, random=bytes, holder_jwk=holder.public_jwk
    )
    kb = sdjwt.KeyBinding("v", "n", NOW, holder)
    return sdjwt.present(issued.compact, [("given_name",)], kb=kb)


@pytest.mark.usefixtures("crypto")
def test_the_other_algorithms_stay_as_they_are() -> None:
    edwards, large = ed25519.Ed25519PrivateKey.generate(), ec.generate_private_key(ec.SECP384R1())
    old = rsa.generate_private_key(65537, 2048)
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), salt_length=32)
    r, s = decode_dss_signature(large.sign(b"m", ec.ECDSA(hashes.SHA384())))
    verify_signature("EdDSA", _reread(edwards.public_key()), edwards.sign(b"m"), b"m")
    verify_signature("ES384", _reread(large.public_key()), r.to_bytes(48, "big") + s.to_bytes(48, "big"), b"m")
    verify_signature("PS256", _reread(old.public_key()), old.sign(b"m", pss, hashes.SHA256()), b"m")


def _reread(key: jose.PublicKey) -> jose.PublicKey:
    return jose.public_key(jose.jwk_of(key))


def test_an_rsa_key_has_one_jwk_however_it_was_written() -> None:
    jwk = jose.jwk_of(rsa.generate_private_key(65537, 2048).public_key())
    longer = {**jwk, "n": jose.b64u_encode(b"\0" + jose.b64u_decode_strict(jwk["n"]))}
    assert jose.own_members(longer, jose.public_key(longer)) == jwk

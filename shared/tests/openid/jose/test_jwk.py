"""Public keys as JWK: what is read, what is refused, and the thumbprint of the RFC."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from joserfc.jwk import ECKey

from kompetenspass.openid.jose import JoseError, PublicKey, jwk_of, public_key, thumbprint
from kompetenspass.testing.keys import TestSigner

GOOD = {
    "kty": "EC",
    "crv": "P-256",
    "x": "TCAER19Zvu3OHF4j4W4vfSVoHIP1ILilDls7vCeGemc",
    "y": "ZxjiWWbZMQGHVWKVQ4hbSIirsVfuecCE6t4jT9F2HZQ",
}
RFC_7638 = {
    "kty": "RSA",
    "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjB"
    "ZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8"
    "KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_"
    "xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
    "e": "AQAB",
    "alg": "RS256",
    "kid": "2011-04-29",
}


def test_the_thumbprint_is_that_of_the_rfc() -> None:
    assert thumbprint(RFC_7638) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


def test_the_thumbprint_ignores_other_members_and_agrees_with_joserfc() -> None:
    assert thumbprint({**GOOD, "kid": "a", "use": "sig"}) == thumbprint(GOOD) == ECKey.import_key({**GOOD}).thumbprint()


@pytest.mark.parametrize(
    "jwk", [{}, {"kty": "oct", "k": "a"}, {"kty": "EC", "crv": "P-256", "x": "a"}, {"kty": ["EC"]}]
)
def test_a_jwk_without_its_required_members_has_no_thumbprint(jwk: dict[str, object]) -> None:
    with pytest.raises(JoseError, match="bad_jwk"):
        thumbprint(jwk)


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP256R1()).public_key(),
        ec.generate_private_key(ec.SECP384R1()).public_key(),
        ed25519.Ed25519PrivateKey.generate().public_key(),
        rsa.generate_private_key(65537, 2048).public_key(),
    ],
    ids=["P-256", "P-384", "Ed25519", "RSA"],
)
def test_a_key_written_is_the_key_read(key: PublicKey) -> None:
    assert public_key(jwk_of(key)) == key


def test_a_signers_jwk_is_its_key() -> None:
    signer = TestSigner()
    assert public_key(signer.public_jwk) == signer.public_key
    assert thumbprint(signer.public_jwk) == signer.kid


@pytest.mark.parametrize("member", ["d", "p", "q", "dp", "dq", "qi", "oth", "k"])
def test_vci_37_private_members_are_refused(member: str) -> None:
    with pytest.raises(JoseError, match="private"):
        public_key({**GOOD, member: "AAAA"})


@pytest.mark.parametrize(
    "changes",
    [
        {"kty": "oct"},
        {"kty": None},
        {"kty": ["EC"]},
        {"crv": "secp256k1"},
        {"crv": "P-384"},
        {"crv": None},
        {"x": GOOD["y"]},
        {"x": None},
        {"x": GOOD["x"] + "="},
        {"x": "AA" + GOOD["x"]},
        {"x": "", "y": ""},
        {"x": "A" * 43, "y": "A" * 43},
        {"use": "enc"},
        {"key_ops": ["sign"]},
        {"key_ops": "verify"},
        {"kty": "OKP", "crv": "Ed25519", "x": "AAAA"},
        {"kty": "OKP", "crv": "X25519"},
        {"kty": "RSA", "n": "AQAB", "e": "AQAB"},
        {"kty": "RSA", "n": RFC_7638["n"], "e": "AA"},
        {"kty": "RSA", "n": "_" + "w" * 2000, "e": "AQAB"},
    ],
)
def test_a_key_that_is_not_usable_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(JoseError) as refused:
        public_key({**GOOD, **changes})
    assert refused.value.code == "bad_jwk"


@pytest.mark.parametrize("jwk", [None, "text", [GOOD], 7])
def test_what_is_not_an_object_is_refused(jwk: object) -> None:
    with pytest.raises(JoseError, match="bad_jwk"):
        public_key(jwk)


def test_a_key_for_signatures_may_say_so() -> None:
    assert public_key({**GOOD, "use": "sig", "key_ops": ["verify"]}) == public_key(GOOD)


def test_a_key_of_another_curve_is_not_written() -> None:
    with pytest.raises(JoseError, match="bad_jwk"):
        jwk_of(ec.generate_private_key(ec.SECP521R1()).public_key())

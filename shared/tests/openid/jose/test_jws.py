"""Compact JWS: what is signed is verified, and every way to get it wrong is refused by its own code."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jws as joserfc_jws
from joserfc.jwk import ECKey

from kompetenspass.openid.jose import (
    JoseError,
    b64u_decode_strict,
    b64u_encode,
    parse_header,
    parse_unverified,
    sign_jws,
    verify_jws,
)
from kompetenspass.testing.keys import TestSigner

SIGNER = TestSigner()
KEY = SIGNER.public_key


def part(value: object) -> str:
    return b64u_encode(value if isinstance(value, bytes) else json.dumps(value).encode())


def token(header: object, payload: object = b"{}") -> str:
    text = f"{part(header)}.{part(payload)}"
    return f"{text}.{b64u_encode(SIGNER.sign(text.encode()))}"


def code(compact: object, **options: Any) -> str:
    try:
        verify_jws(compact, KEY, **{"typ": "t+jwt", **options})
    except JoseError as error:
        return error.code
    return "accepted"


GOOD = {"alg": "ES256", "typ": "t+jwt"}


def test_what_is_signed_is_verified() -> None:
    verified = verify_jws(sign_jws({"typ": "t+jwt", "kid": "k"}, {"sub": "å"}, SIGNER), KEY, typ="t+jwt")
    assert verified == ({"alg": "ES256", "typ": "t+jwt", "kid": "k"}, {"sub": "å"})


def test_joserfc_accepts_what_we_sign() -> None:
    compact = sign_jws({"typ": "t+jwt"}, b'{"a":1}', SIGNER)
    verified = joserfc_jws.deserialize_compact(compact, ECKey.import_key(dict(SIGNER.public_jwk)))
    assert verified.payload == b'{"a":1}'


def test_we_accept_what_joserfc_signs() -> None:
    key = ECKey.generate_key("P-256")
    compact = joserfc_jws.serialize_compact(GOOD, b'{"a":1}', key)
    public = key.get_op_key("verify")
    assert verify_jws(compact, public, typ="t+jwt").payload == {"a": 1}


def test_reading_without_verifying_gives_header_and_claims() -> None:
    compact = token(GOOD, {"sub": "a"})
    header, payload = parse_unverified(compact)
    assert (header, payload) == (GOOD, {"sub": "a"})
    assert parse_header(compact) == GOOD


@pytest.mark.parametrize("compact", ["", "a", "a.b", "a.b.c.d", "..", "a..c", None, 7, b"a.b.c", "x" * 70_000])
def test_what_is_not_three_parts_is_refused(compact: object) -> None:
    assert code(compact) == "malformed_jws"


@pytest.mark.parametrize(
    "payload",
    [
        b'{"a":1,"a":2}',
        b'{"a":{"b":1,"b":1}}',
        b"[]",
        b'"text"',
        b"",
        b"{",
        b"{} {}",
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":1e999}',
        b'{"a":"\\ud800"}',
        b'{"a":"\xff"}',
        b"\xef\xbb\xbf{}",
        b'{"a":' + b"[" * 20_000 + b"]" * 20_000 + b"}",
    ],
)
def test_a_payload_that_is_not_strict_json_is_refused(payload: bytes) -> None:
    assert code(token(GOOD, payload)) == "malformed_jws"


def test_a_header_with_a_member_twice_is_refused() -> None:
    assert code(token(b'{"alg":"ES256","alg":"none","typ":"t+jwt"}')) == "malformed_jws"


@pytest.mark.parametrize("spoil", [lambda t: t + "=", lambda t: t[:-1] + "+", lambda t: t + "\n", lambda t: " " + t])
def test_other_characters_than_base64url_are_refused(spoil: Callable[[str], str]) -> None:
    assert code(spoil(token(GOOD))) == "malformed_jws"


def test_a_second_spelling_of_the_same_signature_is_refused() -> None:
    compact = token(GOOD)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    other = compact[:-1] + alphabet[alphabet.index(compact[-1]) + 1]
    assert code(compact) == "accepted"
    assert code(other) == "malformed_jws"


@pytest.mark.parametrize("alg", ["none", "HS256", "RS256", "es256", "ES512", "", None, 7, ["ES256"]])
def test_an_algorithm_outside_the_list_is_refused(alg: object) -> None:
    assert code(token({"alg": alg, "typ": "t+jwt"})) == "unsupported_alg"


def test_an_algorithm_that_the_caller_lists_but_nobody_knows_is_refused() -> None:
    assert code(token({"alg": "HS256", "typ": "t+jwt"}), algs=("HS256", "none")) == "unsupported_alg"


def test_an_algorithm_of_another_kind_of_key_is_refused() -> None:
    for alg in ("ES384", "EdDSA", "PS256"):
        assert code(token({"alg": alg, "typ": "t+jwt"}), algs=(alg,)) == "unsupported_alg"


@pytest.mark.parametrize("typ", ["JWT", "", None, 7, "t+jwt2", "application/application/t+jwt"])
def test_another_typ_is_refused(typ: object) -> None:
    assert code(token({"alg": "ES256", "typ": typ})) == "wrong_typ"


def test_typ_is_compared_as_a_media_type() -> None:
    assert code(token({"alg": "ES256", "typ": "application/T+JWT"})) == "accepted"
    assert code(token({"alg": "ES256", "typ": "other"}), typ=None) == "accepted"
    assert code(token(GOOD), typ=("a", "t+jwt")) == "accepted"


@pytest.mark.parametrize("crit", [["exp"], [], "b64", None, [7], ["x", "x"], ["alg2"]])
def test_an_extension_that_is_not_understood_is_refused(crit: object) -> None:
    assert code(token({**GOOD, "crit": crit, "exp": 1})) == "unsupported_crit"


def test_an_extension_that_is_understood_is_accepted_only_when_present() -> None:
    assert code(token({**GOOD, "crit": ["x"], "x": 1}), understood=("x",)) == "accepted"
    assert code(token({**GOOD, "crit": ["x"]}), understood=("x",)) == "unsupported_crit"


@pytest.mark.parametrize("b64", [True, False])
def test_the_unencoded_payload_option_is_refused(b64: bool) -> None:
    assert code(token({**GOOD, "b64": b64})) == "unsupported_crit"
    assert code(token({**GOOD, "b64": b64, "crit": ["b64"]}), understood=("b64",)) == "unsupported_crit"


@pytest.mark.parametrize("signature", [b"x", b"\0" * 64, b"\xff" * 64, b"\x01" * 63, b"\x01" * 65, b"\x01" * 72])
def test_a_wrong_signature_is_refused(signature: bytes) -> None:
    text = f"{part(GOOD)}.{part({})}"
    assert code(f"{text}.{b64u_encode(signature)}") == "invalid_signature"


def test_a_der_signature_is_refused() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    text = f"{part(GOOD)}.{part({})}"
    der = key.sign(text.encode(), ec.ECDSA(hashes.SHA256()))
    with pytest.raises(JoseError, match="invalid_signature"):
        verify_jws(f"{text}.{b64u_encode(der)}", key.public_key(), typ="t+jwt")


def test_a_changed_payload_or_a_foreign_key_is_refused() -> None:
    head, _, tail = token(GOOD).split(".")
    assert code(f"{head}.{part({'a': 1})}.{tail}") == "invalid_signature"
    with pytest.raises(JoseError, match="invalid_signature"):
        verify_jws(token(GOOD), TestSigner().public_key, typ="t+jwt")


def test_es384_eddsa_and_ps256_are_verified_when_the_caller_lists_them() -> None:
    p384, okp = ec.generate_private_key(ec.SECP384R1()), ed25519.Ed25519PrivateKey.generate()
    rsa_key = rsa.generate_private_key(65537, 2048)
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)

    def es384(message: bytes) -> bytes:
        r, s = decode_dss_signature(p384.sign(message, ec.ECDSA(hashes.SHA384())))
        return r.to_bytes(48, "big") + s.to_bytes(48, "big")

    cases: list[tuple[str, Any, Callable[[bytes], bytes]]] = [
        ("ES384", p384.public_key(), es384),
        ("EdDSA", okp.public_key(), okp.sign),
        ("Ed25519", okp.public_key(), okp.sign),
        ("PS256", rsa_key.public_key(), lambda message: rsa_key.sign(message, pss, hashes.SHA256())),
    ]
    for alg, key, sign in cases:
        text = f"{part({'alg': alg})}.{part({'a': alg})}"
        compact = f"{text}.{b64u_encode(sign(text.encode()))}"
        assert verify_jws(compact, key, typ=None, algs=(alg,)).payload == {"a": alg}
        with pytest.raises(JoseError, match="unsupported_alg"):
            verify_jws(compact, key, typ=None)


@given(data=st.binary(max_size=100))
def test_base64url_comes_back(data: bytes) -> None:
    assert b64u_decode_strict(b64u_encode(data)) == data


@settings(deadline=None)
@given(text=st.text(alphabet="ABQgw-_+/=. \né", max_size=8))
def test_base64url_has_one_spelling(text: str) -> None:
    try:
        data = b64u_decode_strict(text)
    except ValueError:
        return
    assert b64u_encode(data) == text


@settings(deadline=None)
@given(junk=st.text(max_size=60) | st.from_regex(r"[A-Za-z0-9_-]{2,30}\.[A-Za-z0-9_-]{2,30}\.[A-Za-z0-9_-]{2,90}"))
def test_no_text_makes_it_fail_otherwise_than_by_its_own_error(junk: str) -> None:
    with pytest.raises(JoseError):
        verify_jws(junk, KEY, typ="t+jwt")

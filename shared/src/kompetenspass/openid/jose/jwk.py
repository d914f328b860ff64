"""Public keys as JWK: read with every check, written, and named by their thumbprint."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import TypeAlias

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from kompetenspass.keys import es256
from kompetenspass.openid.jose.encoding import b64u_decode_strict, b64u_encode, json_bytes
from kompetenspass.openid.jose.errors import JoseError

PublicKey: TypeAlias = es256.PublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey

_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_THUMBPRINT = {"EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x"), "RSA": ("e", "kty", "n")}
_CURVES: dict[str, tuple[ec.EllipticCurve, int]] = {"P-256": (ec.SECP256R1(), 32), "P-384": (ec.SECP384R1(), 48)}
_NAMES = {"secp256r1": "P-256", "secp384r1": "P-384"}
_MIN_RSA_BITS = 2048
_MAX_RSA_BITS = 4096  # a larger modulus only serves to make the verifier work


def _octets(jwk: Mapping[str, object], member: str, size: int | None = None) -> bytes:
    value = jwk.get(member)
    if not isinstance(value, str):
        raise JoseError("bad_jwk", f"The JWK has no text member {member!r}.")
    try:
        data = b64u_decode_strict(value)
    except ValueError as error:
        raise JoseError("bad_jwk", f"The member {member!r} of the JWK is not base64url.") from error
    if not data or (size is not None and len(data) != size):
        raise JoseError("bad_jwk", f"The member {member!r} of the JWK has the wrong length.")
    return data


def _ec_key(jwk: Mapping[str, object]) -> PublicKey:
    name = jwk.get("crv")
    if not isinstance(name, str) or name not in _CURVES:
        raise JoseError("bad_jwk", "The curve of the JWK is not supported.", remedy="Use P-256.")
    curve, size = _CURVES[name]
    point = b"\x04" + _octets(jwk, "x", size) + _octets(jwk, "y", size)
    try:
        return es256.public_key(point) if size == 32 else ec.EllipticCurvePublicKey.from_encoded_point(curve, point)
    except ValueError as error:
        raise JoseError("bad_jwk", "The JWK is not a point on its curve.") from error


def _okp_key(jwk: Mapping[str, object]) -> PublicKey:
    if jwk.get("crv") != "Ed25519":
        raise JoseError("bad_jwk", "The curve of the JWK is not supported.", remedy="Use Ed25519 or P-256.")
    return ed25519.Ed25519PublicKey.from_public_bytes(_octets(jwk, "x", 32))


def _rsa_key(jwk: Mapping[str, object]) -> PublicKey:
    modulus = int.from_bytes(_octets(jwk, "n"), "big")
    if not _MIN_RSA_BITS <= modulus.bit_length() <= _MAX_RSA_BITS:
        raise JoseError("bad_jwk", "The RSA key must have 2048 to 4096 bits.")
    try:
        return rsa.RSAPublicNumbers(int.from_bytes(_octets(jwk, "e"), "big"), modulus).public_key()
    except ValueError as error:
        raise JoseError("bad_jwk", "The RSA key is not valid.") from error


_READERS: dict[str, Callable[[Mapping[str, object]], PublicKey]] = {"EC": _ec_key, "OKP": _okp_key, "RSA": _rsa_key}


def public_key(jwk: object) -> PublicKey:
    """Return the key of a public JWK that is for signatures: P-256, P-384, Ed25519 or RSA.

    Raises JoseError `bad_jwk` for a private or symmetric member, another curve, a point that is not on the curve, a
    weak modulus, or a `use` or `key_ops` that excludes verifying. Source: RFC 7517, section 4; RFC 7518, section 6.
    """
    if not isinstance(jwk, Mapping):
        raise JoseError("bad_jwk", "The JWK is not a JSON object.")
    if not _PRIVATE.isdisjoint(jwk):
        raise JoseError("bad_jwk", "The JWK holds private material.", remedy="Send the public key only.")
    if jwk.get("use", "sig") != "sig":
        raise JoseError("bad_jwk", "The JWK is not for signatures.")
    operations = jwk.get("key_ops", ("verify",))
    if not isinstance(operations, list | tuple) or "verify" not in operations:
        raise JoseError("bad_jwk", "The JWK is not for verifying signatures.")
    kind = jwk.get("kty")
    reader = _READERS.get(kind) if isinstance(kind, str) else None
    if reader is None:
        raise JoseError("bad_jwk", "The key type of the JWK is not supported.", remedy="Use EC with P-256.")
    return reader(jwk)


def jwk_of(key: PublicKey) -> dict[str, str]:
    """Return the public JWK of `key` with its required members only. Source: RFC 7518, section 6."""
    if isinstance(key, ed25519.Ed25519PublicKey):
        return {"kty": "OKP", "crv": "Ed25519", "x": b64u_encode(key.public_bytes_raw())}
    if isinstance(key, rsa.RSAPublicKey):
        numbers = key.public_numbers()
        return {"kty": "RSA", "n": _integer(numbers.n), "e": _integer(numbers.e)}
    if isinstance(key, es256.P256Key):
        return {"kty": "EC", "crv": "P-256", "x": b64u_encode(key.point[1:33]), "y": b64u_encode(key.point[33:])}
    name = _NAMES.get(key.curve.name)
    if name is None:
        raise JoseError("bad_jwk", "The curve of the key is not supported.", remedy="Use P-256.")
    point, size = key.public_numbers(), _CURVES[name][1]
    x, y = (b64u_encode(number.to_bytes(size, "big")) for number in (point.x, point.y))
    return {"kty": "EC", "crv": name, "x": x, "y": y}


def own_members(jwk: Mapping[str, object], key: PublicKey) -> dict[str, str]:
    """Return `jwk_of(key)` for the `key` that `public_key` has read from `jwk`.

    Of a point there is one spelling, and `jwk` had it; a number of RSA may have been written with zeros before it.
    """
    return {name: str(jwk[name]) for name in ("kty", "crv", "x", "y")} if jwk["kty"] == "EC" else jwk_of(key)


def _integer(number: int) -> str:
    return b64u_encode(number.to_bytes((number.bit_length() + 7) // 8, "big"))


def thumbprint(jwk: Mapping[str, object]) -> str:
    """Return the SHA-256 thumbprint of a JWK, base64url. Raises JoseError `bad_jwk`. Source: RFC 7638, section 3."""
    kind = jwk.get("kty")
    names = _THUMBPRINT.get(kind) if isinstance(kind, str) else None
    if names is None or not all(isinstance(jwk.get(name), str) for name in names):
        raise JoseError("bad_jwk", "The JWK lacks a required member.")
    return b64u_encode(hashlib.sha256(json_bytes({name: jwk[name] for name in names})).digest())

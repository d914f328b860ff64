"""The signature algorithms that can be verified, each tied to one kind of key."""

from __future__ import annotations

from collections.abc import Callable

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from kompetenspass.keys import es256
from kompetenspass.openid.jose.errors import JoseError
from kompetenspass.openid.jose.jwk import PublicKey

_SHA384 = ec.ECDSA(hashes.SHA384())
_PSS = padding.PSS(padding.MGF1(hashes.SHA256()), salt_length=32)


def _wrong_key() -> JoseError:
    return JoseError("unsupported_alg", "The token's `alg` does not belong to this kind of key.")


def _es256(key: PublicKey, signature: bytes, message: bytes) -> None:
    if isinstance(key, ec.EllipticCurvePublicKey):
        if key.curve.name != "secp256r1":
            raise _wrong_key()
    elif not isinstance(key, es256.P256Key):
        raise _wrong_key()
    if not es256.holds(key, signature, message):
        raise InvalidSignature


def _es384(key: PublicKey, signature: bytes, message: bytes) -> None:
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != "secp384r1":
        raise _wrong_key()
    if len(signature) != 96:
        raise InvalidSignature
    r, s = int.from_bytes(signature[:48], "big"), int.from_bytes(signature[48:], "big")
    key.verify(encode_dss_signature(r, s), message, _SHA384)


def _eddsa(key: PublicKey, signature: bytes, message: bytes) -> None:
    if not isinstance(key, ed25519.Ed25519PublicKey):
        raise _wrong_key()
    key.verify(signature, message)


def _ps256(key: PublicKey, signature: bytes, message: bytes) -> None:
    if not isinstance(key, rsa.RSAPublicKey):
        raise _wrong_key()
    key.verify(signature, message, _PSS, hashes.SHA256())


_VERIFIERS: dict[str, Callable[[PublicKey, bytes, bytes], None]] = {
    "ES256": _es256,
    "ES384": _es384,
    "EdDSA": _eddsa,
    "Ed25519": _eddsa,
    "PS256": _ps256,
}


def verify_signature(alg: str, key: PublicKey, signature: bytes, message: bytes) -> None:
    """Raise JoseError unless `signature` is `key`'s over `message` in `alg`.

    Codes: `unsupported_alg` for an algorithm outside this file or a key of another kind; `invalid_signature`.
    Source: RFC 7518, sections 3.4 and 3.5; RFC 8037, section 3.1; RFC 9864, section 2.2.
    """
    verifier = _VERIFIERS.get(alg)
    if verifier is None:
        raise JoseError("unsupported_alg", "The token's `alg` is not supported.", remedy="Use ES256.")
    try:
        verifier(key, signature, message)
    except InvalidSignature as error:
        raise JoseError("invalid_signature", "The signature of the token does not hold.") from error

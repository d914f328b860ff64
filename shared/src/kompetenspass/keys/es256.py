"""ES256 over P-256: the one place where its signatures are made and verified, and where it is chosen with what.

A key is given to a provider when it is read, and stays with it: what was read before the switch works on after it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal, Protocol, TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from kompetenspass.core.errors import Kind, Problem

Crypto = Literal["cryptography", "aws-lc"]

_P256 = ec.SECP256R1()
_ES256 = ec.ECDSA(hashes.SHA256())
_POINT_BYTES = 65  # 04, then x and y of 32 bytes each


class P256Key(ABC):
    """A P-256 public key that another provider than `cryptography` verifies with."""

    point: bytes
    """The uncompressed point. Source: SEC 1, section 2.3.3."""

    @abstractmethod
    def verify(self, der: bytes, message: bytes) -> bool:
        """Return whether a signature in DER is this key's over `message`, with SHA-256."""


PublicKey: TypeAlias = ec.EllipticCurvePublicKey | P256Key


class Provider(Protocol):
    """What makes and verifies ES256 signatures."""

    def signing(self, key: ec.EllipticCurvePrivateKey) -> Callable[[bytes], bytes]:
        """Return what signs with a P-256 key: r and s, 32 bytes each."""

    def public_key(self, point: bytes) -> PublicKey:
        """Return the key of an uncompressed point. Raises ValueError for a point that is not on the curve."""


class Cryptography:
    """The provider that is always there: OpenSSL, through the package `cryptography`."""

    def signing(self, key: ec.EllipticCurvePrivateKey) -> Callable[[bytes], bytes]:
        """Return what signs with a P-256 key."""

        def sign(message: bytes) -> bytes:
            r, s = decode_dss_signature(key.sign(message, _ES256))
            return (r << 256 | s).to_bytes(64, "big")

        return sign

    def public_key(self, point: bytes) -> ec.EllipticCurvePublicKey:
        """Return the key of an uncompressed point. Raises ValueError."""
        return ec.EllipticCurvePublicKey.from_encoded_point(_P256, point)


_DEFAULT = Cryptography()
_provider: Provider = _DEFAULT
_users: list[Crypto] = []


@contextmanager
def using(name: Crypto) -> Iterator[None]:
    """Have the keys that are read in this process, as long as this is entered, used by the named provider.

    It may be entered several times with one name: services that share a process share it. Raises Problem
    `crypto_not_installed`, `crypto_of_two_kinds` where another is in use.
    """
    global _provider
    if _users and _users[0] != name:
        raise Problem(
            "crypto_of_two_kinds",
            "Two services of one process were told to use different providers of ES256.",
            kind=Kind.UNAVAILABLE,
            remedy="Set KOMPETENSPASS_<SERVICE>_CRYPTO to the same value for all services of the process.",
        )
    _provider = _DEFAULT if name == "cryptography" else _aws_lc()
    _users.append(name)
    try:
        yield
    finally:
        _users.pop()
        if not _users:
            _provider = _DEFAULT


def _aws_lc() -> Provider:
    try:
        from kompetenspass.keys.aws_lc import AwsLc  # only here: the package is there with the extra `fast` alone
    except ImportError as error:
        raise Problem(
            "crypto_not_installed",
            "ES256 was to be computed with AWS-LC, which is not installed.",
            kind=Kind.UNAVAILABLE,
            remedy="Install the extra `fast`, or set KOMPETENSPASS_<SERVICE>_CRYPTO to cryptography.",
        ) from error
    return AwsLc()


def signing(key: ec.EllipticCurvePrivateKey) -> Callable[[bytes], bytes]:
    """Return what signs with a P-256 key: r and s, 32 bytes each. Source: RFC 7518, section 3.4."""
    return _provider.signing(key)


def public_key(point: bytes) -> PublicKey:
    """Return the key of an uncompressed point. Raises ValueError for any other form, and off the curve."""
    if len(point) != _POINT_BYTES or point[0] != 4:
        raise ValueError("not an uncompressed point of P-256")
    return _provider.public_key(point)


def adopted(key: ec.EllipticCurvePublicKey) -> PublicKey:
    """Return a P-256 key that was read from something else, such as a certificate, as the provider's own."""
    if _provider is _DEFAULT:
        return key
    return _provider.public_key(key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))


def holds(key: PublicKey, signature: bytes, message: bytes) -> bool:
    """Return whether `signature`, r and s, is the P-256 `key`'s over `message`. Source: RFC 7518, section 3.4."""
    if len(signature) != 64:
        return False
    der = encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
    if isinstance(key, P256Key):
        return key.verify(der, message)
    try:
        key.verify(der, message, _ES256)
    except InvalidSignature:
        return False
    return True

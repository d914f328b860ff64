"""ES256 by AWS-LC, through the package `awscrt` of the extra `fast`."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256

from awscrt.crypto import EC  # type: ignore[import-untyped]  # the package has no type information
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from kompetenspass.keys.es256 import P256Key

_SPKI = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200")
"""What stands before an uncompressed point of P-256 in a SubjectPublicKeyInfo. Source: RFC 5480, section 2."""


class AwsLcKey(P256Key):
    """A P-256 public key in AWS-LC. Raises ValueError for a point that is not on the curve."""

    __slots__ = ("_key", "point")

    def __init__(self, point: bytes) -> None:
        try:
            self._key = EC.new_key_from_der_data(_SPKI + point)
        except RuntimeError as error:
            raise ValueError("not a point of P-256") from error
        self.point = point

    def verify(self, der: bytes, message: bytes) -> bool:
        """Return whether a signature in DER is this key's over `message`, with SHA-256."""
        held: bool = self._key.verify(sha256(message).digest(), der)
        return held


class AwsLc:
    """The provider that is switched on."""

    def signing(self, key: ec.EllipticCurvePrivateKey) -> Callable[[bytes], bytes]:
        """Return what signs with a P-256 key: r and s, 32 bytes each."""
        own = EC.new_key_from_der_data(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))

        def sign(message: bytes) -> bytes:
            signature: bytes = EC.decode_der_signature_to_padded_pair(own.sign(sha256(message).digest()), 32)
            return signature

        return sign

    def public_key(self, point: bytes) -> P256Key:
        """Return the key of an uncompressed point. Raises ValueError."""
        return AwsLcKey(point)

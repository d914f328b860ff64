"""What signed tokens must cost at the least: the same primitives over the same bytes, and nothing else.

A signature is ES256 as JOSE has it, r and s in 64 bytes, by the quickest way that `cryptography` offers. SHA-256 is
hashlib's. A holder's key is loaded and used once, as in life: its first use costs more than a later one.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Self

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from kompetenspass.core.digest import b64u_decode
from kompetenspass.openid.sdjwt import parse

_ES256 = ec.ECDSA(SHA256())
_P256 = ec.SECP256R1()
SALTS = 240


def sign(key: ec.EllipticCurvePrivateKey, message: bytes) -> bytes:
    """Return the ES256 signature of `message`."""
    r, s = decode_dss_signature(key.sign(message, _ES256))
    return (r << 256 | s).to_bytes(64, "big")


def verify(key: ec.EllipticCurvePublicKey, signature: bytes, message: bytes) -> None:
    """Raise InvalidSignature unless the signature holds."""
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    key.verify(encode_dss_signature(r, s), message, _ES256)


def load(point: bytes) -> ec.EllipticCurvePublicKey:
    """Return the P-256 key of an uncompressed point."""
    return ec.EllipticCurvePublicKey.from_encoded_point(_P256, point)


@dataclass(frozen=True)
class Token:
    """A signed token as bytes: what was signed, by which key, with what result."""

    message: bytes
    signature: bytes
    point: bytes

    @classmethod
    def of(cls, compact: str, jwk: dict[str, str]) -> Self:
        """Return the bytes of a compact JWS and of the key that signed it."""
        message, _, signature = compact.rpartition(".")
        return cls(message.encode(), b64u_decode(signature), b"\x04" + b64u_decode(jwk["x"]) + b64u_decode(jwk["y"]))

    def verify(self) -> None:
        """Load the key and verify: what a token costs that brings its key along."""
        verify(load(self.point), self.signature, self.message)


@dataclass(frozen=True)
class Issued:
    """An issued credential: what was signed, and its disclosures."""

    message: bytes
    disclosures: Sequence[bytes]

    @classmethod
    def of(cls, compact: str) -> Self:
        """Return the bytes of an issued SD-JWT."""
        parts = parse(compact)
        return cls(parts.jwt.rpartition(".")[0].encode(), [each.encode() for each in parts.disclosures])

    def issue(self, key: ec.EllipticCurvePrivateKey) -> None:
        """Sign once, digest each disclosure, draw the salts."""
        os.urandom(SALTS)
        for disclosure in self.disclosures:
            sha256(disclosure).digest()
        sign(key, self.message)


@dataclass(frozen=True)
class Shown:
    """A presentation with key binding."""

    credential: Token
    binding: Token
    digested: Sequence[bytes]

    @classmethod
    def of(cls, presentation: str, issuer_jwk: dict[str, str], holder_jwk: dict[str, str]) -> Self:
        """Return the bytes of a presentation: the two tokens, and what is digested (with the part that is bound)."""
        parts = parse(presentation)
        assert parts.kb_jwt is not None
        digested = [each.encode() for each in (*parts.disclosures, parts.presented)]
        return cls(Token.of(parts.jwt, issuer_jwk), Token.of(parts.kb_jwt, holder_jwk), digested)

    def verify(self, issuer_key: ec.EllipticCurvePublicKey) -> None:
        """Verify both signatures, loading the holder's key, and digest what was shown."""
        verify(issuer_key, self.credential.signature, self.credential.message)
        for shown in self.digested:
            sha256(shown).digest()
        self.binding.verify()

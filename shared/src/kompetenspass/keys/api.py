"""Signer: what may be done with a private key, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol


class Signer(Protocol):
    """A P-256 key that signs; the private part is never returned, printed or logged."""

    @property
    def kid(self) -> str:
        """The RFC 7638 SHA-256 thumbprint of the public key."""

    @property
    def public_jwk(self) -> Mapping[str, str]:
        """The public key as a JWK (kty, crv, x, y)."""

    @property
    def x5c(self) -> Sequence[str]:
        """The certificate chain, leaf first, without the trust anchor: base64 DER as RFC 7515 section 4.1.6 has it."""

    def sign(self, message: bytes) -> bytes:
        """Return the ES256 signature of `message`: r and s, 32 bytes each. Source: RFC 7518, section 3.4."""

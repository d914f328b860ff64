"""A Signer in memory with a throw-away certificate chain of three, and its anchor."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding

from kompetenspass.embedded.certificates import Issuer, authority, leaf, subject_name
from kompetenspass.keys.public import public_jwk, thumbprint

_MADE_AT = datetime(2026, 1, 1, tzinfo=UTC)
_DAYS = 3650


class TestAnchor:
    """A root and an intermediate in memory, valid from 2026 for ten years."""

    __test__ = False  # a tool of tests, not a test

    def __init__(self) -> None:
        root = Issuer(subject_name("Test root"), ec.generate_private_key(ec.SECP256R1()))
        self.intermediate = Issuer(subject_name("Test intermediate"), ec.generate_private_key(ec.SECP256R1()))
        self.certificate = authority(root.name, root.key.public_key(), by=root, path_length=1, now=_MADE_AT, days=_DAYS)
        self.intermediate_certificate = authority(
            self.intermediate.name,
            self.intermediate.key.public_key(),
            by=root,
            path_length=0,
            now=_MADE_AT,
            days=_DAYS,
        )

    @property
    def root_pem(self) -> str:
        """The trust anchor as PEM."""
        return self.certificate.public_bytes(Encoding.PEM).decode("ascii")


class TestSigner:
    """A P-256 Signer in memory; `anchor` is the root that its chain leads to (handed in, or its own)."""

    __test__ = False  # a tool of tests, not a test

    def __init__(
        self, *, uris: Sequence[str] = (), hosts: Sequence[str] = (), anchor: TestAnchor | None = None
    ) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.anchor = anchor or TestAnchor()
        self.leaf = leaf(
            subject_name("Test leaf"),
            self._key.public_key(),
            by=self.anchor.intermediate,
            names=[*map(x509.UniformResourceIdentifier, uris), *map(x509.DNSName, hosts)],
            server=False,
            now=_MADE_AT,
            days=_DAYS,
        )
        chain = (self.leaf, self.anchor.intermediate_certificate)
        self.x5c: Sequence[str] = tuple(base64.b64encode(c.public_bytes(Encoding.DER)).decode() for c in chain)

    @property
    def public_key(self) -> ec.EllipticCurvePublicKey:
        """The public key itself."""
        return self._key.public_key()

    @cached_property
    def public_jwk(self) -> Mapping[str, str]:
        """The public key as a JWK (kty, crv, x, y)."""
        return public_jwk(self.public_key)

    @cached_property
    def kid(self) -> str:
        """The RFC 7638 SHA-256 thumbprint of the public key."""
        return thumbprint(self.public_jwk)

    def sign(self, message: bytes) -> bytes:
        """Return the ES256 signature of `message`: r and s, 32 bytes each."""
        r, s = decode_dss_signature(self._key.sign(message, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

"""What the naive verifier trusts: certificate chains below an anchor, and one status list that it has cached."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwcrypto.common import base64url_decode
from jwcrypto.jwk import JWK


@dataclass(frozen=True)
class Trust:
    """The anchors, the chain of the issuer's own key, and the status list as decoded once."""

    anchors: Sequence[x509.Certificate]
    x5c: list[str]
    bits: int
    statuses: bytes

    @classmethod
    def read(cls, anchors: Path, chain: Path, status_token: Path) -> Self:
        """Return what the files say."""
        own = x509.load_pem_x509_certificates(chain.read_bytes())
        payload = json.loads(base64url_decode(status_token.read_text().split(".")[1]))
        return cls(
            x509.load_pem_x509_certificates(anchors.read_bytes()),
            [base64.b64encode(each.public_bytes(Encoding.DER)).decode() for each in own],
            payload["status_list"]["bits"],
            zlib.decompress(base64url_decode(payload["status_list"]["lst"])),
        )

    def issuer_key(self, _issuer: str, header: Mapping[str, Any]) -> JWK:
        """Return the key of a credential's issuer. Raises InvalidSignature and others for an untrusted chain."""
        chain = [x509.load_der_x509_certificate(base64.b64decode(each)) for each in header["x5c"]]
        root = next(anchor for anchor in self.anchors if anchor.subject == chain[-1].issuer)
        for certificate, issuer in pairwise([*chain, root]):
            certificate.verify_directly_issued_by(issuer)
        return JWK.from_pem(chain[0].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))

    def is_valid(self, entry: Mapping[str, Any]) -> bool:
        """Return whether the status of an entry is 0. Source: Token Status List, section 4.1."""
        at = entry["idx"] * self.bits
        return not self.statuses[at // 8] >> at % 8 & (1 << self.bits) - 1

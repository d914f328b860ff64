"""A P-256 key in a file that only its owner reads, and the certificate chain beside it."""

from __future__ import annotations

import base64
import os
import stat
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from kompetenspass.core.errors import Kind, Problem
from kompetenspass.keys import es256
from kompetenspass.keys.public import public_jwk, thumbprint


def create_key(path: Path) -> ec.EllipticCurvePublicKey:
    """Make a P-256 key, write it to `path` (PKCS #8, mode 0600) and return its public part.

    Raises FileExistsError: a key is never written over.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_private(path, pem)
    return key.public_key()


def write_private(path: Path, content: bytes) -> None:
    """Write a new file of mode 0600 that is on disk, whole, when this returns. Raises FileExistsError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def load_key(path: Path) -> ec.EllipticCurvePrivateKey:
    """Return the P-256 key of a PEM file. Raises Problem `key_unusable`: missing, readable by all, or no such key."""
    try:
        mode = path.stat().st_mode
        content = path.read_bytes()
    except OSError as error:
        raise _unusable(path, "cannot be read") from error
    if stat.S_IMODE(mode) & 0o007:
        raise _unusable(path, "can be read by every user of the machine")
    try:
        key = serialization.load_pem_private_key(content, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _unusable(path, "holds no private key without a password") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise _unusable(path, "holds a key of another kind than P-256")
    return key


class FileSigner:
    """A Signer over a key file; without a chain file it has no certificate yet (enrolment signs with it to get one)."""

    def __init__(self, key_path: Path, chain_path: Path | None = None) -> None:
        self._key = load_key(key_path)
        self._sign = es256.signing(self._key)
        chain = () if chain_path is None else _load_chain(chain_path)
        if chain and chain[0].public_key() != self._key.public_key():
            raise _unusable(key_path, "is not the key of the first certificate of its chain")
        self.x5c: Sequence[str] = tuple(_base64_der(certificate) for certificate in chain)

    @cached_property
    def public_jwk(self) -> Mapping[str, str]:
        """The public key as a JWK (kty, crv, x, y)."""
        return public_jwk(self._key.public_key())

    @cached_property
    def kid(self) -> str:
        """The RFC 7638 SHA-256 thumbprint of the public key."""
        return thumbprint(self.public_jwk)

    def sign(self, message: bytes) -> bytes:
        """Return the ES256 signature of `message`: r and s, 32 bytes each. Source: RFC 7518, section 3.4."""
        return self._sign(message)

    def __repr__(self) -> str:
        return f"FileSigner(kid={self.kid!r})"


def _load_chain(path: Path) -> Sequence[x509.Certificate]:
    """Return the chain of a PEM file, leaf first. Raises Problem where the trust anchor is in it, or nothing."""
    try:
        chain = x509.load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError) as error:
        raise _unusable(path, "holds no certificate chain") from error
    if any(certificate.issuer == certificate.subject for certificate in chain):
        raise _unusable(path, "holds a self-signed certificate, which belongs to the verifiers' anchors alone")
    return chain


def _base64_der(certificate: x509.Certificate) -> str:
    return base64.b64encode(certificate.public_bytes(serialization.Encoding.DER)).decode("ascii")


def _unusable(path: Path, why: str) -> Problem:
    return Problem(
        "key_unusable",
        "A key file or its certificate chain cannot be used.",
        kind=Kind.UNAVAILABLE,
        remedy="Enrol the key again, or repair the file that the log names.",
        detail=f"{path} {why}",
    )

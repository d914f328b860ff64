"""A certificate authority in a folder, for trials: a root, one intermediate, and leaves for what the platform signs."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from kompetenspass.core.clock import Clock, system_clock
from kompetenspass.embedded.certificates import Issuer, authority, leaf, subject_name
from kompetenspass.keys.file import create_key, load_key

_ROOT, _INTERMEDIATE = "root", "intermediate"
_ROOT_DAYS, _INTERMEDIATE_DAYS, _LEAF_DAYS = 3650, 1825, 398


class Kind(StrEnum):
    """What a leaf is for."""

    ISSUER = "issuer"  # credentials; its SAN URI is the issuer identifier
    STATUS = "status"  # status list tokens
    REQUEST_OBJECT = "request_object"  # a verifier's requests; its SAN DNS is the verifier's host
    TLS = "tls"


class DevelopmentCA:
    """Root and intermediate are made once and kept; a second start finds them, so that anchors stay valid."""

    def __init__(self, folder: Path, *, clock: Clock = system_clock) -> None:
        self.folder = folder
        self._clock = clock
        self._root = self._authority(_ROOT, None, path_length=1, days=_ROOT_DAYS)
        self._intermediate = self._authority(_INTERMEDIATE, _ROOT, path_length=0, days=_INTERMEDIATE_DAYS)

    @property
    def root_path(self) -> Path:
        """The file of the trust anchor, for verifiers' settings."""
        return self.folder / f"{_ROOT}.pem"

    @property
    def root_pem(self) -> str:
        """The trust anchor; it never travels in a chain."""
        return _pem(self._root)

    def issue(
        self,
        kind: Kind | str,
        subject: str,
        san_uris: Sequence[str],
        public_key: ec.EllipticCurvePublicKey,
        *,
        san_dns: Sequence[str] = (),
    ) -> str:
        """Return the chain (leaf, intermediate) as PEM for a P-256 key of the caller's.

        Raises ValueError for an unknown kind, and for a leaf without the name that its kind is known by.
        """
        kind = Kind(kind)
        _demand_names(kind, san_uris, san_dns)
        certificate = leaf(
            subject_name(subject),
            public_key,
            by=self._signer(_INTERMEDIATE),
            names=[*map(x509.UniformResourceIdentifier, san_uris), *map(x509.DNSName, san_dns)],
            server=kind is Kind.TLS,
            now=self._clock(),
            days=_LEAF_DAYS,
        )
        return _pem(certificate) + _pem(self._intermediate)

    def _authority(self, name: str, above: str | None, *, path_length: int, days: int) -> x509.Certificate:
        path, key_path = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        if path.exists():
            return x509.load_pem_x509_certificate(path.read_bytes())
        key = load_key(key_path).public_key() if key_path.exists() else create_key(key_path)
        certificate = authority(
            _authority_name(name), key, by=self._signer(above or name), path_length=path_length,
            now=self._clock(), days=days,
        )  # fmt: skip
        unfinished = path.with_suffix(".pem.new")
        unfinished.write_text(_pem(certificate))
        unfinished.replace(path)
        return certificate

    def _signer(self, name: str) -> Issuer:
        return Issuer(_authority_name(name), load_key(self.folder / f"{name}.key"))


def _authority_name(name: str) -> x509.Name:
    return subject_name(f"Kompetenspass development {name} CA")


def _demand_names(kind: Kind, san_uris: Sequence[str], san_dns: Sequence[str]) -> None:
    if kind is Kind.ISSUER and not san_uris:
        raise ValueError("an issuer's leaf names its issuer identifier as a URI")
    if kind in {Kind.REQUEST_OBJECT, Kind.TLS} and not san_dns:
        raise ValueError(f"a leaf for {kind} names its host")


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode("ascii")

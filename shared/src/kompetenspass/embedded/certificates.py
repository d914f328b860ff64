"""X.509 certificates of a development authority: the extensions of each kind, spelled out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_BACKDATED = timedelta(minutes=5)  # so that a clock a little behind ours still accepts it


class Issuer:
    """Who signs a certificate: a name and a private key."""

    def __init__(self, name: x509.Name, key: ec.EllipticCurvePrivateKey) -> None:
        self.name = name
        self.key = key


def subject_name(common_name: str) -> x509.Name:
    """Return a distinguished name of our trial organisation."""
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "SE"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Kompetenspass trial"),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def authority(
    name: x509.Name, key: ec.EllipticCurvePublicKey, *, by: Issuer, path_length: int, now: datetime, days: int
) -> x509.Certificate:
    """Return the certificate of an authority under `by`, with at most `path_length` authorities below it."""
    builder = _builder(name, key, by, now, days)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
    builder = builder.add_extension(_usage(authority=True), critical=True)
    return builder.sign(by.key, hashes.SHA256())


def leaf(
    name: x509.Name,
    key: ec.EllipticCurvePublicKey,
    *,
    by: Issuer,
    names: Sequence[x509.GeneralName],
    server: bool,
    now: datetime,
    days: int,
) -> x509.Certificate:
    """Return the certificate of a key that signs and issues nothing; a `server` also proves itself in TLS."""
    builder = _builder(name, key, by, now, days)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(authority=False), critical=True)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    if server:
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    return builder.sign(by.key, hashes.SHA256())


def _builder(
    name: x509.Name, key: ec.EllipticCurvePublicKey, by: Issuer, now: datetime, days: int
) -> x509.CertificateBuilder:
    issuer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(by.key.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(by.name)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(issuer_key, critical=False)
    )


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )

"""Certificate chains in a JOSE header: from the leaf to an anchor that the caller already trusts."""

from __future__ import annotations

import base64
import binascii
import hashlib
import warnings
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from kompetenspass.keys import es256
from kompetenspass.openid.jose.encoding import b64u_encode
from kompetenspass.openid.jose.errors import JoseError
from kompetenspass.openid.jose.jwk import PublicKey

MAX_CERTIFICATES = 6
_HASHES = (hashes.SHA256, hashes.SHA384, hashes.SHA512)
_UNDERSTOOD = frozenset(
    {
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
        ExtensionOID.EXTENDED_KEY_USAGE,
    }
)


def _untrusted(title: str) -> JoseError:
    return JoseError("untrusted_chain", title, remedy="Send the leaf first, each issuer after it, no trust anchor.")


def x5c_of(certificates: Sequence[x509.Certificate]) -> list[str]:
    """Return certificates as an `x5c` value: base64 (not base64url) DER, in order. Source: RFC 7515, 4.1.6."""
    return [base64.b64encode(certificate.public_bytes(Encoding.DER)).decode("ascii") for certificate in certificates]


def x509_hash(certificate: x509.Certificate) -> str:
    """Return the base64url SHA-256 of a certificate's DER. Source: OpenID4VP 1.0, section 5.9.3, `x509_hash`."""
    return b64u_encode(hashlib.sha256(certificate.public_bytes(Encoding.DER)).digest())


def load_anchors(pem: bytes) -> tuple[x509.Certificate, ...]:
    """Return the certificates of a PEM file of trust anchors. Raises JoseError `bad_x5c` where there is none."""
    try:
        return tuple(x509.load_pem_x509_certificates(pem))
    except ValueError as error:
        raise JoseError("bad_x5c", "The file of trust anchors holds no readable certificate.") from error


def read_x5c(x5c: object) -> list[x509.Certificate]:
    """Return the certificates of an `x5c` header, leaf first.

    Raises JoseError `bad_x5c`, also for what the parser only warns of: above all a serial number that is not positive.
    Source: RFC 7515, 4.1.6; RFC 5280, 4.1.2.2.
    """
    if not isinstance(x5c, list | tuple) or not 0 < len(x5c) <= MAX_CERTIFICATES:
        raise JoseError("bad_x5c", f"`x5c` must be an array of 1 to {MAX_CERTIFICATES} certificates.")
    try:
        with warnings.catch_warnings():  # nothing is awaited within, so no other task meets this filter
            warnings.simplefilter("error", CryptographyDeprecationWarning)
            return [_certificate(base64.b64decode(item, validate=True)) for item in x5c]
    except (ValueError, TypeError, binascii.Error, x509.InvalidVersion, CryptographyDeprecationWarning) as error:
        raise JoseError("bad_x5c", "`x5c` holds something that is not a certificate.") from error


def _certificate(der: bytes) -> x509.Certificate:
    """Return a certificate. Raises ValueError also where the signature is not whole octets: the parser looks away."""
    certificate = x509.load_der_x509_certificate(der)
    if not der.endswith(b"\x00" + certificate.signature):
        raise ValueError("the signature has unused bits")
    return certificate


def leaf_key(certificate: x509.Certificate) -> PublicKey:
    """Return a certificate's public key. Raises JoseError `bad_x5c` for a kind of key that does not sign here."""
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise JoseError("bad_x5c", "The certificate's key is not supported.") from error
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name == "secp256r1":
        return es256.adopted(key)
    if isinstance(key, ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey):
        return key
    raise JoseError("bad_x5c", "The certificate's key is not supported.")


def _signed_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        algorithm = certificate.signature_hash_algorithm
        if algorithm is not None and not isinstance(algorithm, _HASHES):
            return False
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _readable(certificate: x509.Certificate) -> x509.Extensions:
    """Return the extensions. Names and extensions are read lazily, so what is malformed shows only here."""
    try:
        _ = certificate.subject, certificate.issuer
        return certificate.extensions
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
        raise JoseError("bad_x5c", "A certificate's names or extensions cannot be read.") from error


def _check_certificate(certificate: x509.Certificate, now: datetime, skew: timedelta) -> x509.Extensions:
    extensions = _readable(certificate)
    if now > certificate.not_valid_after_utc + skew:
        raise JoseError("expired", "A certificate of the chain has expired.")
    if now < certificate.not_valid_before_utc - skew:
        raise JoseError("not_yet_valid", "A certificate of the chain is not valid yet.")
    if any(extension.critical and extension.oid not in _UNDERSTOOD for extension in extensions):
        raise _untrusted("A certificate has a critical extension that is not understood.")
    return extensions


def _extension(extensions: x509.Extensions, kind: type[x509.ExtensionType]) -> x509.ExtensionType | None:
    try:
        return extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _check_authority(extensions: x509.Extensions, below: int) -> None:
    """`below` counts the intermediate certificates between this one and the leaf. Source: RFC 5280, 4.2.1.9."""
    basic = _extension(extensions, x509.BasicConstraints)
    if not isinstance(basic, x509.BasicConstraints) or not basic.ca:
        raise _untrusted("An issuer in the chain is not a certificate authority.")
    if basic.path_length is not None and below > basic.path_length:
        raise _untrusted("The chain is longer than an authority in it allows.")
    usage = _extension(extensions, x509.KeyUsage)
    if isinstance(usage, x509.KeyUsage) and not usage.key_cert_sign:
        raise _untrusted("An authority in the chain may not sign certificates.")


def _check_leaf(leaf: x509.Certificate, extensions: x509.Extensions) -> None:
    basic = _extension(extensions, x509.BasicConstraints)
    if isinstance(basic, x509.BasicConstraints) and basic.ca:
        raise _untrusted("The leaf is a certificate authority.")
    usage = _extension(extensions, x509.KeyUsage)
    if isinstance(usage, x509.KeyUsage) and not usage.digital_signature:
        raise JoseError("wrong_subject", "The leaf's key usage does not allow signatures.")
    if leaf.issuer == leaf.subject:
        raise _untrusted("The leaf is self-signed.")


def _check_links(chain: Sequence[x509.Certificate], anchors: Sequence[x509.Certificate]) -> x509.Certificate:
    if any(certificate in anchors or certificate.issuer == certificate.subject for certificate in chain[1:]):
        raise _untrusted("The chain contains a trust anchor.")
    if chain[0] in anchors:
        raise _untrusted("The leaf is itself a trust anchor.")
    for certificate, issuer in pairwise(chain):
        if not _signed_by(certificate, issuer):
            raise _untrusted("A certificate of the chain is not signed by the one that follows it.")
    for anchor in anchors:
        if anchor.subject == chain[-1].issuer and _signed_by(chain[-1], anchor):
            return anchor
    raise _untrusted("The chain does not lead to a trust anchor.")


def verify_chain(
    x5c: object,
    anchors: Sequence[x509.Certificate],
    now: datetime,
    *,
    san_uri: str | None = None,
    san_dns: str | None = None,
    extended_key_usage: x509.ObjectIdentifier | None = None,
    skew: timedelta = timedelta(0),
) -> x509.Certificate:
    """Return the leaf of an `x5c` header whose chain leads to one of `anchors` and holds at `now`.

    `san_uri` and `san_dns` must be among the leaf's alternative names, character by character (DNS names without
    regard to case, no wildcards); `extended_key_usage` must be among its purposes. Raises JoseError: `bad_x5c`;
    `expired`, `not_yet_valid`; `untrusted_chain` for an anchor inside, a self-signed or CA leaf, a wrong order, a
    broken signature, an unknown critical extension (name constraints are one); `wrong_subject`.
    Revocation of certificates is the caller's. Source: RFC 5280, section 6.1; HAIP 1.0 on `x5c`.
    """
    chain = read_x5c(x5c)
    extensions = [_check_certificate(certificate, now, skew) for certificate in chain]
    _check_leaf(chain[0], extensions[0])
    anchor = _check_links(chain, anchors)
    for below, held in enumerate([*extensions[1:], _check_certificate(anchor, now, skew)]):
        _check_authority(held, below)
    _check_names(extensions[0], san_uri, san_dns)
    if extended_key_usage is not None:
        _check_purpose(extensions[0], extended_key_usage)
    return chain[0]


def san_uris(certificate: x509.Certificate) -> list[str]:
    """Return the URIs among a certificate's subject alternative names. Raises JoseError `bad_x5c`."""
    return _names(_readable(certificate)).get_values_for_type(x509.UniformResourceIdentifier)


def _names(extensions: x509.Extensions) -> x509.SubjectAlternativeName:
    names = _extension(extensions, x509.SubjectAlternativeName)
    return names if isinstance(names, x509.SubjectAlternativeName) else x509.SubjectAlternativeName([])


def _check_names(extensions: x509.Extensions, san_uri: str | None, san_dns: str | None) -> None:
    held = _names(extensions)
    if san_uri is not None and san_uri not in held.get_values_for_type(x509.UniformResourceIdentifier):
        raise JoseError("wrong_subject", "The leaf is not for this URI.", remedy="Check the subject alternative name.")
    hosts = [name.lower() for name in held.get_values_for_type(x509.DNSName)]
    if san_dns is not None and san_dns.lower() not in hosts:
        raise JoseError("wrong_subject", "The leaf is not for this host.", remedy="Check the subject alternative name.")


def _check_purpose(extensions: x509.Extensions, purpose: x509.ObjectIdentifier) -> None:
    held = _extension(extensions, x509.ExtendedKeyUsage)
    allowed = tuple(held) if isinstance(held, x509.ExtendedKeyUsage) else ()
    if purpose not in allowed and ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE not in allowed:
        raise JoseError("wrong_subject", "The leaf is not for this purpose.")


def header_x5c(header: Mapping[str, object]) -> object:
    """Return the `x5c` member of a header. Raises JoseError `bad_x5c` where it is absent."""
    if "x5c" not in header:
        raise JoseError("bad_x5c", "The header has no `x5c`.", remedy="Send the certificate chain of the key.")
    return header["x5c"]

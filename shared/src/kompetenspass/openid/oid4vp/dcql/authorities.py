"""The `aki` of a credential: which authorities stand in the certificate chain of its issuer."""

from __future__ import annotations

from collections.abc import Iterable

from cryptography import x509

from kompetenspass.core.digest import b64u


def authority_key_ids(chain: Iterable[x509.Certificate]) -> frozenset[str]:
    """Return the KeyIdentifier of each AuthorityKeyIdentifier in the chain, base64url.

    Source: OpenID4VP 1.0, section 6.1.1.1; RFC 5280, section 4.2.1.1.
    """
    return frozenset(found for certificate in chain for found in _key_identifier(certificate))


def _key_identifier(certificate: x509.Certificate) -> Iterable[str]:
    try:
        extension = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier)
    except x509.ExtensionNotFound:
        return
    if extension.value.key_identifier is not None:
        yield b64u(extension.value.key_identifier)

"""The rules of issuer metadata that no single member shows; used before publishing and after fetching."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kompetenspass.openid.oauth import bad_metadata, checked_identifier, checked_url
from kompetenspass.openid.oid4vci.metadata import (
    SD_JWT_VC,
    BatchCredentialIssuance,
    ClaimDescription,
    CredentialConfiguration,
    CredentialIssuerMetadata,
    Display,
    PathPart,
)

Prefix = tuple[PathPart, ...]


def credential_issuer_metadata(
    credential_issuer: str,
    *,
    credential_endpoint: str,
    nonce_endpoint: str,
    configurations: Mapping[str, CredentialConfiguration],
    notification_endpoint: str | None = None,
    batch_size: int | None = None,
    display: Sequence[Display] = (),
    allow_loopback_http: bool = False,
) -> CredentialIssuerMetadata:
    """Return the metadata of an issuer that is its own authorization server and encrypts nothing.

    Raises OAuthError `invalid_metadata` where the document would break a rule. Source: OpenID4VCI, section 12.2.4.
    """
    metadata = CredentialIssuerMetadata(
        credential_issuer=credential_issuer,
        credential_endpoint=credential_endpoint,
        nonce_endpoint=nonce_endpoint,
        notification_endpoint=notification_endpoint,
        batch_credential_issuance=None if batch_size is None else BatchCredentialIssuance(batch_size=batch_size),
        display=tuple(display) or None,
        credential_configurations_supported=configurations,
    )
    check_metadata(metadata, allow_loopback_http=allow_loopback_http)
    return metadata


def parse_credential_issuer_metadata(
    document: Mapping[str, object], *, credential_issuer: str, allow_loopback_http: bool = False
) -> CredentialIssuerMetadata:
    """Return the metadata that a wallet fetched for `credential_issuer`; unknown members are ignored.

    Raises OAuthError `invalid_metadata` if a rule is broken or `credential_issuer` is not character for character
    the one asked for. Source: OpenID4VCI, section 12.2.4.
    """
    metadata = CredentialIssuerMetadata.parse(document, bad_metadata)
    if metadata.credential_issuer != credential_issuer:
        raise bad_metadata("The metadata is about another credential issuer.")
    check_metadata(metadata, allow_loopback_http=allow_loopback_http)
    return metadata


def check_metadata(metadata: CredentialIssuerMetadata, *, allow_loopback_http: bool = False) -> None:
    """Raise OAuthError `invalid_metadata` for the first rule that the document breaks.

    Source: OpenID4VCI, section 12.2.4 and appendix B.3.
    """
    checked_identifier(metadata.credential_issuer, bad_metadata, allow_loopback_http=allow_loopback_http)
    endpoints = (
        metadata.credential_endpoint,
        metadata.nonce_endpoint,
        metadata.deferred_credential_endpoint,
        metadata.notification_endpoint,
    )
    for url in endpoints:
        if url is not None:
            checked_url(url, bad_metadata, allow_loopback_http=allow_loopback_http)
    _check_encryption(metadata)
    _check_locales(metadata.display or ())
    for configuration in metadata.credential_configurations_supported.values():
        check_configuration(configuration)


def check_configuration(configuration: CredentialConfiguration) -> None:
    """Raise OAuthError `invalid_metadata` for the first rule that one configuration breaks.

    Source: OpenID4VCI, section 12.2.4 and appendix A.3.2.
    """
    bound = configuration.cryptographic_binding_methods_supported is not None
    if bound != (configuration.proof_types_supported is not None):
        raise bad_metadata("Binding methods and proof types must stand together or not at all.")
    if configuration.format == SD_JWT_VC and not configuration.vct:
        raise bad_metadata("A dc+sd-jwt configuration has no vct.")
    metadata = configuration.credential_metadata
    if metadata is None:
        return
    _check_locales(metadata.display or ())
    if any(entry.name is None for entry in metadata.display or ()):
        raise bad_metadata("A display of a credential has no name.")
    check_claims(metadata.claims or ())


def check_claims(claims: Sequence[ClaimDescription]) -> None:
    """Raise OAuthError `invalid_metadata` if descriptions repeat or contradict each other.

    Source: OpenID4VCI, appendix B.3.
    """
    seen: set[Prefix] = set()
    kinds: dict[Prefix, type] = {}
    for claim in claims:
        if claim.path in seen:
            raise bad_metadata("A claim is described twice.")
        seen.add(claim.path)
        _check_locales(claim.display or ())
        for depth, part in enumerate(claim.path):
            _check_kind(kinds, claim.path[:depth], part)


def _check_kind(kinds: dict[Prefix, type], parent: Prefix, part: PathPart) -> None:
    """What stands at `parent` is an object (str), a whole array (None) or an array with indices (int)."""
    known = kinds.setdefault(parent, type(part))
    if known is type(part):
        return
    if str in (known, type(part)):
        raise bad_metadata("A claim is described as an object and as an array.")
    raise bad_metadata("An array is described both as a whole and by index.")


def _check_encryption(metadata: CredentialIssuerMetadata) -> None:
    if metadata.credential_response_encryption is not None and metadata.credential_request_encryption is None:
        raise bad_metadata("Response encryption is offered without request encryption.")


def _check_locales(display: Sequence[Display]) -> None:
    locales = [entry.locale for entry in display if entry.locale is not None]
    if len(set(locales)) != len(locales):
        raise bad_metadata("Two displays are for the same locale.")

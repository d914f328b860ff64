"""Authorization server metadata: what the server of a credential issuer says of itself, truthfully."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import Field

from kompetenspass.openid.oauth.body import Refuse
from kompetenspass.openid.oauth.errors import OAuthError
from kompetenspass.openid.oauth.token import PRE_AUTHORIZED_CODE
from kompetenspass.openid.oauth.urls import checked_identifier, checked_url
from kompetenspass.openid.oauth.wire import Message

Names = Annotated[tuple[str, ...], Field(strict=False, min_length=1)]


class AuthorizationServerMetadata(Message):
    """The members that a pre-authorized code flow needs. Source: RFC 8414, section 2; OpenID4VCI, section 12.3."""

    issuer: str
    token_endpoint: str
    jwks_uri: str | None = None
    grant_types_supported: Names | None = None
    token_endpoint_auth_methods_supported: Names | None = None
    scopes_supported: Names | None = None
    authorization_details_types_supported: Names | None = None
    pre_authorized_grant_anonymous_access_supported: bool = Field(
        default=False, alias="pre-authorized_grant_anonymous_access_supported"
    )


def authorization_server_metadata(
    issuer: str,
    *,
    token_endpoint: str,
    jwks_uri: str,
    scopes: Sequence[str] = (),
    authorization_details: bool = False,
    allow_loopback_http: bool = False,
) -> AuthorizationServerMetadata:
    """Return the metadata of a server whose only grant is the pre-authorized code, taken from anonymous wallets.

    It has no authorization endpoint, and so names no response types: OpenID4VCI, section 12.2.4, allows to leave
    `response_types_supported` out. Raises OAuthError for a URL that may not stand there.
    """
    checked_identifier(issuer, _bad_metadata, allow_loopback_http=allow_loopback_http)
    for url in (token_endpoint, jwks_uri):
        checked_url(url, _bad_metadata, allow_loopback_http=allow_loopback_http)
    return AuthorizationServerMetadata(
        issuer=issuer,
        token_endpoint=token_endpoint,
        jwks_uri=jwks_uri,
        grant_types_supported=(PRE_AUTHORIZED_CODE,),
        token_endpoint_auth_methods_supported=("none",),
        scopes_supported=tuple(scopes) or None,
        authorization_details_types_supported=("openid_credential",) if authorization_details else None,
        pre_authorized_grant_anonymous_access_supported=True,
    )


def parse_authorization_server_metadata(
    document: Mapping[str, object], *, issuer: str, allow_loopback_http: bool = False
) -> AuthorizationServerMetadata:
    """Return the metadata that a wallet fetched for `issuer`.

    Raises OAuthError `invalid_metadata` if a member is wrong or `issuer` is not character for character the one
    asked for. Source: RFC 8414, section 3.3.
    """
    metadata = AuthorizationServerMetadata.parse(document, _bad_metadata)
    if metadata.issuer != issuer:
        raise _bad_metadata("The metadata is about another authorization server.")
    checked_url(metadata.token_endpoint, _bad_metadata, allow_loopback_http=allow_loopback_http)
    return metadata


def bad_metadata(title: str) -> OAuthError:
    """Return the refusal of a metadata document."""
    return OAuthError("invalid_metadata", title, remedy="The server's operator must correct its metadata.")


_bad_metadata: Refuse = bad_metadata

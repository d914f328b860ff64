"""OAuth 2.0 as far as the pre-authorized code flow needs it: metadata, token endpoint, bearer tokens, errors."""

from kompetenspass.openid.oauth.bearer import access_token, invalid_token, missing_token
from kompetenspass.openid.oauth.body import form_parameters, json_object, unique_parameters
from kompetenspass.openid.oauth.errors import (
    OAuthError,
    invalid_authorization_details,
    invalid_grant,
    invalid_request,
    unsupported_grant_type,
    wrong_tx_code,
)
from kompetenspass.openid.oauth.metadata import (
    AuthorizationServerMetadata,
    authorization_server_metadata,
    bad_metadata,
    parse_authorization_server_metadata,
)
from kompetenspass.openid.oauth.token import (
    PRE_AUTHORIZED_CODE,
    AuthorizationDetail,
    TokenRequest,
    TokenResponse,
    parse_token_request,
    token_response,
)
from kompetenspass.openid.oauth.urls import (
    AUTHORIZATION_SERVER,
    CREDENTIAL_ISSUER,
    checked_identifier,
    checked_url,
    well_known_url,
)
from kompetenspass.openid.oauth.wire import Message

__all__ = [
    "AUTHORIZATION_SERVER",
    "CREDENTIAL_ISSUER",
    "PRE_AUTHORIZED_CODE",
    "AuthorizationDetail",
    "AuthorizationServerMetadata",
    "Message",
    "OAuthError",
    "TokenRequest",
    "TokenResponse",
    "access_token",
    "authorization_server_metadata",
    "bad_metadata",
    "checked_identifier",
    "checked_url",
    "form_parameters",
    "invalid_authorization_details",
    "invalid_grant",
    "invalid_request",
    "invalid_token",
    "json_object",
    "missing_token",
    "parse_authorization_server_metadata",
    "parse_token_request",
    "token_response",
    "unique_parameters",
    "unsupported_grant_type",
    "well_known_url",
    "wrong_tx_code",
]

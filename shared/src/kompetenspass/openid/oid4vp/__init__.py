"""OpenID4VP 1.0, sans-I/O: requests (verifier), their authentication (wallet), responses, and the query language."""

from kompetenspass.openid.oid4vp import dcql
from kompetenspass.openid.oid4vp.errors import ErrorCode, RequestRefused, invalid_request, invalid_response
from kompetenspass.openid.oid4vp.request import (
    REQUEST_OBJECT_MEDIA_TYPE,
    REQUEST_OBJECT_TYP,
    STATIC_DISCOVERY_AUDIENCE,
    AuthorizationRequest,
    parse_request_uri_form,
    request_object,
    request_url,
    x509_hash_client_id,
)
from kompetenspass.openid.oid4vp.response import (
    ErrorResponse,
    VPTokenResponse,
    check_state,
    error_form,
    parse_response,
    parse_response_answer,
    presentations,
    response_answer,
    vp_token_form,
)
from kompetenspass.openid.oid4vp.wallet import (
    Invocation,
    VerifiedRequest,
    parse_request_url,
    request_uri_form,
    verify_request_object,
)

__all__ = [
    "REQUEST_OBJECT_MEDIA_TYPE",
    "REQUEST_OBJECT_TYP",
    "STATIC_DISCOVERY_AUDIENCE",
    "AuthorizationRequest",
    "ErrorCode",
    "ErrorResponse",
    "Invocation",
    "RequestRefused",
    "VPTokenResponse",
    "VerifiedRequest",
    "check_state",
    "dcql",
    "error_form",
    "invalid_request",
    "invalid_response",
    "parse_request_uri_form",
    "parse_request_url",
    "parse_response",
    "parse_response_answer",
    "presentations",
    "request_object",
    "request_uri_form",
    "request_url",
    "response_answer",
    "verify_request_object",
    "vp_token_form",
    "x509_hash_client_id",
]

"""The error codes of OpenID4VP, and the refusals that carry them."""

from __future__ import annotations

from enum import StrEnum

from kompetenspass.core.errors import Kind
from kompetenspass.openid.oauth import OAuthError


class ErrorCode(StrEnum):
    """What a wallet may answer in `error`. Source: OpenID4VP 1.0, section 8.5; RFC 6749, section 4.1.2.1."""

    INVALID_REQUEST = "invalid_request"
    INVALID_CLIENT = "invalid_client"
    INVALID_SCOPE = "invalid_scope"
    ACCESS_DENIED = "access_denied"
    VP_FORMATS_NOT_SUPPORTED = "vp_formats_not_supported"
    INVALID_REQUEST_URI_METHOD = "invalid_request_uri_method"
    INVALID_TRANSACTION_DATA = "invalid_transaction_data"
    WALLET_UNAVAILABLE = "wallet_unavailable"


class RequestRefused(OAuthError):
    """A wallet's refusal of a request.

    `response_uri` is set only if the request was authenticated first: only then may the verifier be told, with
    `state`. Source: OpenID4VP 1.0, sections 8.5 and 14.5.
    """

    def __init__(self, code: ErrorCode, title: str, *, detail: str = "") -> None:
        remedy = "The verifier must correct its request."
        kind = Kind.CONFLICT if code is ErrorCode.ACCESS_DENIED else Kind.INVALID
        super().__init__(code.value, title, kind=kind, remedy=remedy, detail=detail)
        self.response_uri: str | None = None
        self.state: str | None = None

    def reported_to(self, response_uri: str, state: str | None) -> RequestRefused:
        """Return the refusal, to be posted to an authenticated verifier's `response_uri`."""
        self.response_uri, self.state = response_uri, state
        return self


def invalid_request(title: str, *, detail: str = "") -> RequestRefused:
    """Return a wallet's refusal of a malformed, unauthentic or unsupported request."""
    return RequestRefused(ErrorCode.INVALID_REQUEST, title, detail=detail)


def invalid_response(title: str) -> OAuthError:
    """Return a verifier's refusal of what was posted to its response_uri."""
    return OAuthError("invalid_request", title, remedy="Answer as the request asks.")

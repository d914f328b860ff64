"""The token endpoint of the pre-authorized code grant: request, response, and the rules between them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from kompetenspass.openid.oauth.body import form_parameters, json_object
from kompetenspass.openid.oauth.errors import (
    OAuthError,
    invalid_authorization_details,
    invalid_request,
    unsupported_grant_type,
)
from kompetenspass.openid.oauth.wire import Message

PRE_AUTHORIZED_CODE = "urn:ietf:params:oauth:grant-type:pre-authorized_code"
MAX_BEARER_SECONDS = 300


class AuthorizationDetail(Message):
    """One thing that a wallet asks to be authorised for. Source: OpenID4VCI, sections 5.1.1 and 6.2."""

    type: Literal["openid_credential"]
    credential_configuration_id: str
    credential_identifiers: Annotated[tuple[str, ...], Field(strict=False, min_length=1)] | None = None


class TokenRequest(Message):
    """The form of a token request. Source: OpenID4VCI, section 6.1."""

    pre_authorized_code: str = Field(repr=False)
    tx_code: str | None = Field(default=None, repr=False)
    client_id: str | None = None
    authorization_details: tuple[AuthorizationDetail, ...] | None = None


class TokenResponse(Message):
    """The JSON answer to a token request. Source: RFC 6749, section 5.1; OpenID4VCI, section 6.2."""

    access_token: str = Field(repr=False, min_length=1)
    token_type: str
    expires_in: int | None = None
    authorization_details: Annotated[tuple[AuthorizationDetail, ...], Field(strict=False)] | None = None


def parse_token_request(body: bytes) -> TokenRequest:
    """Return the token request in a form body; unknown parameters are ignored.

    Raises OAuthError `invalid_request`, `unsupported_grant_type` or `invalid_authorization_details`.
    Source: OpenID4VCI, sections 6.1 and 6.3.
    """
    form = form_parameters(body, invalid_request)
    if "grant_type" not in form:
        raise invalid_request("grant_type is missing.")
    if form["grant_type"] != PRE_AUTHORIZED_CODE:
        raise unsupported_grant_type()
    if "pre-authorized_code" not in form:
        raise invalid_request("pre-authorized_code is missing.")
    return TokenRequest(
        pre_authorized_code=form["pre-authorized_code"],
        tx_code=form.get("tx_code"),
        client_id=form.get("client_id"),
        authorization_details=_authorization_details(form.get("authorization_details")),
    )


def token_response(
    access_token: str, *, expires_in_seconds: int, details: tuple[AuthorizationDetail, ...] = ()
) -> TokenResponse:
    """Return the answer with a bearer token, which may live at most 300 seconds.

    Raises ValueError for a longer life: such a token would have to be bound to its sender. Source: OpenID4VCI, 13.5.
    """
    if not 0 < expires_in_seconds <= MAX_BEARER_SECONDS:
        raise ValueError(f"a bearer token lives 1 to {MAX_BEARER_SECONDS} seconds")
    return TokenResponse(
        access_token=access_token,
        token_type="Bearer",  # noqa: S106  the name of the scheme, not a secret
        expires_in=expires_in_seconds,
        authorization_details=details or None,
    )


def _authorization_details(text: str | None) -> tuple[AuthorizationDetail, ...] | None:
    """Parse the JSON array; it is wrapped to be read by the same strict reader as every other body."""
    if text is None:
        return None
    wrapped = json_object(f'{{"details":{text}}}', _malformed_details)
    details = wrapped["details"]
    if not isinstance(details, list) or not details or len(wrapped) > 1:
        raise _malformed_details("authorization_details is not a non-empty array.")
    return tuple(_authorization_detail(entry) for entry in details)


def _authorization_detail(entry: object) -> AuthorizationDetail:
    if not isinstance(entry, dict):
        raise _malformed_details("An entry of authorization_details is not an object.")
    return AuthorizationDetail.parse(entry, _malformed_details)


def _malformed_details(title: str) -> OAuthError:
    return invalid_authorization_details(title)

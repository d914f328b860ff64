"""Bearer tokens at a protected endpoint: where the token may stand, and how its absence or fault is answered."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import parse_qsl

from kompetenspass.core.errors import Kind
from kompetenspass.openid.oauth.errors import OAuthError, invalid_request

_BEARER = re.compile(r"bearer +([A-Za-z0-9._~+/-]+=*)\Z", re.IGNORECASE)


def access_token(authorization: Sequence[str], query: str = "") -> str:
    """Return the token of the one `Authorization: Bearer` header; the scheme's case does not matter.

    Raises OAuthError `invalid_token` (401) without a usable header, `invalid_request` if a token stands in the
    query or several headers were sent. Source: RFC 6750, sections 2 and 3; OpenID4VCI, section 8.
    """
    if any(name == "access_token" for name, _ in parse_qsl(query, keep_blank_values=True)):
        raise invalid_request("An access token stands in the query.", remedy="Send it in the Authorization header.")
    if len(authorization) > 1:
        raise invalid_request("There are several Authorization headers.", remedy="Send exactly one.")
    found = _BEARER.match(authorization[0]) if authorization else None
    if found is None:
        raise missing_token()
    return found.group(1)


def missing_token() -> OAuthError:
    """Return the 401 for a request without a bearer token: the challenge names no error. Source: RFC 6750, 3.1."""
    return _unauthenticated("An access token is needed.", "Bearer")


def invalid_token() -> OAuthError:
    """Return the 401 for an unknown, expired or revoked token. Source: RFC 6750, section 3.1."""
    return _unauthenticated("The access token is unknown or expired.", 'Bearer error="invalid_token"')


def _unauthenticated(title: str, challenge: str) -> OAuthError:
    return OAuthError(
        "invalid_token",
        title,
        kind=Kind.UNAUTHENTICATED,
        remedy="Get a token from the token endpoint.",
        headers={"WWW-Authenticate": challenge},
    )

"""OAuthError: a refusal that a protocol endpoint renders as `{"error": …, "error_description": …}`."""

from __future__ import annotations

import re
from collections.abc import Mapping

from kompetenspass.core.errors import Kind, Problem

_OUTSIDE_DESCRIPTION = re.compile(r"[^\x20-\x21\x23-\x5B\x5D-\x7E]")


class OAuthError(Problem):
    """A Problem whose `code` is the specification's `error` value and whose texts fit `error_description`."""

    def __init__(
        self,
        code: str,
        title: str,
        *,
        kind: Kind = Kind.INVALID,
        remedy: str = "",
        detail: str = "",
        members: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(
            code,
            description(title),
            kind=kind,
            remedy=description(remedy),
            detail=detail,
            members=members,
            headers=headers,
        )


def description(text: str) -> str:
    """Return `text` with every character that `error_description` may not hold replaced by `?`; quotes become `'`.

    Source: RFC 6749, section 5.2; OpenID4VCI, section 8.3.1.2."""
    return _OUTSIDE_DESCRIPTION.sub("?", text.replace('"', "'"))


def invalid_request(title: str, *, remedy: str = "", detail: str = "") -> OAuthError:
    """Return the refusal of a request with missing, repeated or malformed parameters. Source: RFC 6749, 5.2."""
    return OAuthError("invalid_request", title, remedy=remedy, detail=detail)


def invalid_grant(title: str = "The code is wrong, used or expired.", *, detail: str = "") -> OAuthError:
    """Return the refusal of a wrong, used or expired code. Source: RFC 6749, 5.2; OpenID4VCI, section 6.3."""
    return OAuthError("invalid_grant", title, remedy="Ask the issuer for a new credential offer.", detail=detail)


def wrong_tx_code() -> OAuthError:
    """Return the refusal of a wrong transaction code; the offer lives on. Source: OpenID4VCI, section 6.3."""
    return OAuthError("invalid_grant", "The transaction code is wrong.", remedy="Enter the code that the issuer gave.")


def unsupported_grant_type() -> OAuthError:
    """Return the refusal of a grant type that this server does not offer. Source: RFC 6749, section 5.2."""
    title = "This server only knows the pre-authorized code grant."
    return OAuthError("unsupported_grant_type", title, remedy="Read grant_types_supported in the server metadata.")


def invalid_authorization_details(title: str) -> OAuthError:
    """Return the refusal of `authorization_details`. Source: RFC 9396, section 5."""
    return OAuthError("invalid_authorization_details", title, remedy="Ask only for what the credential offer names.")

"""Answers of the nonce and credential endpoints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from kompetenspass.openid.oauth import Message


class NonceResponse(Message):
    """The answer of the nonce endpoint; it has no lifetime member. Source: OpenID4VCI, section 7.2."""

    c_nonce: str = Field(min_length=1, repr=False)


class IssuedCredential(Message):
    """One issued credential, in the encoding of its format. Source: OpenID4VCI, section 8.3."""

    credential: str = Field(min_length=1, repr=False)


class CredentialResponse(Message):
    """The answer to a credential request that was fulfilled at once. Source: OpenID4VCI, section 8.3."""

    credentials: Annotated[tuple[IssuedCredential, ...], Field(strict=False, min_length=1)]
    notification_id: str | None = None


def credential_response(
    credentials: Sequence[str], *, keys: int, notification_id: str | None = None
) -> CredentialResponse:
    """Return the answer with these credentials, at most one for each of the `keys` that were proved.

    Raises ValueError for none or too many. Source: OpenID4VCI, section 8.3.
    """
    if not 0 < len(credentials) <= keys:
        raise ValueError("one key binds at most one credential")
    issued = tuple(IssuedCredential(credential=credential) for credential in credentials)
    return CredentialResponse(credentials=issued, notification_id=notification_id)

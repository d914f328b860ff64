"""What is shown of a credential in a list: only claims that stand in the open."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from kompetenspass.openid import jose, sdjwt


@dataclass(frozen=True, slots=True)
class Summary:
    """A held credential in a line. `title` and `definition` are None for types that have no such claim."""

    digest: str
    issuer: str
    vct: str
    definition: str | None
    title: str | None
    received_at: datetime


def summarise(compact: str, *, digest: str, issuer: str, vct: str, received_at: datetime) -> Summary:
    """Return the summary of a credential that was verified when it was received."""
    claims = jose.parse_unverified(sdjwt.parse(compact).jwt).payload
    return Summary(
        digest=digest,
        issuer=issuer,
        vct=vct,
        definition=text_or_none(claims.get("definition")),
        title=text_or_none(claims.get("achievement_title")),
        received_at=received_at,
    )


def text_or_none(value: object) -> str | None:
    """Return a claim that is text, None for any other."""
    return value if isinstance(value, str) else None

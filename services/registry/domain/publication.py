"""When a status list must be signed again, and what is published of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from kompetenspass.core.digest import sha256_b64u

INVALID = 1


@dataclass(frozen=True, slots=True)
class OpenList:
    """An open list as the read tables show it; `change` is the sign of the last change of a value."""

    list_id: UUID
    uri: str
    size: int
    bits: int
    ttl_seconds: int
    change: str | None
    used: int


@dataclass(frozen=True, slots=True)
class Mark:
    """The change that a published list was made after, a digest of its values, the key that signed it, its `exp`."""

    change: str | None
    content: str
    signer: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Published:
    """A signed list as it is served: the compact JWS, the same gzipped, and its entity tag."""

    list_id: UUID
    uri: str
    token: bytes
    gzipped: bytes
    etag: str
    ttl_seconds: int
    expires_at: datetime


def must_look(listed: OpenList, mark: Mark | None, *, signer: str, now: datetime, lifetime: timedelta) -> bool:
    """Return whether the values of a list must be read: it may have changed, or must be signed again anyway."""
    return mark is None or mark.change != listed.change or _is_worn(mark, signer, now, lifetime)


def must_sign(mark: Mark | None, content: str, *, signer: str, now: datetime, lifetime: timedelta) -> bool:
    """Return whether a list was never signed, says something else now, or must be signed again anyway."""
    return mark is None or mark.content != content or _is_worn(mark, signer, now, lifetime)


def _is_worn(mark: Mark, signer: str, now: datetime, lifetime: timedelta) -> bool:
    """Return whether another key or certificate signs now, or half of the signed list's life is over."""
    return mark.signer != signer or mark.expires_at - now <= lifetime / 2


def content_of(entries: Sequence[tuple[int, int]]) -> str:
    """Return a digest of what a list says."""
    return sha256_b64u(repr(sorted(entries)).encode("ascii"))


def shown(listed: OpenList, not_valid: Iterable[tuple[int, int]]) -> Sequence[tuple[int, int]]:
    """Return (index, value) as the list can say it, given those that are not VALID.

    A list of one bit cannot say suspended: there, whatever is not valid is INVALID. An index beyond the list is not
    shown; who looks it up is told that it is out of range.
    """
    held = ((index, value) for index, value in not_valid if index < listed.size)
    return [(index, value if listed.bits > 1 else INVALID) for index, value in held]


def nearly_full(listed: OpenList) -> bool:
    """Return whether four fifths of the list are used."""
    return listed.used * 5 >= listed.size * 4

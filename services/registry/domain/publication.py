"""When a status list must be signed again, what it then says, and what is published of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from kompetenspass.core.digest import sha256_b64u
from kompetenspass.openid.status import INVALID, VALID, new_values, set_values

Entries = Mapping[int, Sequence[int]]
"""The indices of some entries of a list, by the value that they have."""


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
class Moment:
    """A moment in the life of the read tables: which tables they were, and the first transaction still open then."""

    tables: int
    transaction: int


@dataclass(frozen=True, slots=True)
class Mark:
    """The change that a published list was made after, a digest of its values, the key that signed it, its `exp`.

    `compact`: whether its bytes are as small as they can be.
    """

    change: str | None
    content: str
    signer: str
    expires_at: datetime
    compact: bool = False


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


def may_compact(listed: OpenList, mark: Mark, *, now: datetime, lifetime: timedelta) -> bool:
    """Return whether a list has said the same for one ttl since it was signed in haste: now the smallest bytes pay."""
    signed_at = mark.expires_at - lifetime
    return not mark.compact and now - signed_at >= timedelta(seconds=listed.ttl_seconds)


def content_of(values: bytes | bytearray) -> str:
    """Return a digest of what a list says."""
    return sha256_b64u(bytes(values))


def filled(listed: OpenList, not_valid: Entries) -> bytearray:
    """Return the bytes of a list in which all but `not_valid` are VALID."""
    values = new_values(listed.size, listed.bits)
    bring(values, listed, not_valid)
    return values


def bring(values: bytearray, listed: OpenList, entries: Entries) -> None:
    """Set some entries in the bytes of a list, as far as the list can say it.

    A list of one bit cannot say suspended: there, whatever is not valid is INVALID. An index beyond the list is not
    shown; who looks it up is told that it is out of range.
    """
    for value, indices in entries.items():
        shown = value if listed.bits > 1 or value == VALID else INVALID
        set_values(values, listed.bits, [index for index in indices if index < listed.size], shown)


def nearly_full(listed: OpenList) -> bool:
    """Return whether four fifths of the list are used."""
    return listed.used * 5 >= listed.size * 4

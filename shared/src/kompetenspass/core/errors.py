"""Problem: the one exception for refusals that a caller may see; web.errors decides what becomes of it in HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Kind(StrEnum):
    """The coarse category of a refusal; the protocol's own code stands beside it."""

    INVALID = "invalid"  # the request cannot be understood or breaks a rule of form
    UNAUTHENTICATED = "unauthenticated"  # no usable token
    FORBIDDEN = "forbidden"  # a valid token without the role
    NOT_FOUND = "not_found"  # not there, or another organisation's
    CONFLICT = "conflict"  # the state does not allow it (now)
    GONE = "gone"  # it was there and is over
    NOT_ACCEPTABLE = "not_acceptable"  # no representation that the caller accepts
    TOO_LARGE = "too_large"
    UNSUPPORTED = "unsupported"  # asked for something that this server does not do
    THROTTLED = "throttled"
    UNAVAILABLE = "unavailable"  # try again later; nothing was done, unless the code says otherwise


class Problem(Exception):
    """A refusal: a stable `code` (the spec's where it has one), what happened, and what the caller can do about it.

    `title` and `remedy` go to the caller, `detail` only to the log. None of them may hold personal data, tokens or
    keys. `members` are further public members of the answer (a list of reasons, a field's name, a threshold).
    """

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
        super().__init__(f"{code}: {title}")
        self.code = code
        self.title = title
        self.kind = kind
        self.remedy = remedy
        self.detail = detail
        self.members = dict(members or {})
        self.headers = dict(headers or {})


def not_found(what: str) -> Problem:
    """Return the refusal for a thing that is not there, or that belongs to another organisation."""
    return Problem("not_found", f"There is no such {what}.", kind=Kind.NOT_FOUND, remedy="Check the identifier.")

"""The small notations inside a rule: when a credential counts, how old it may be, which versions will do.

- Validity: `live`, `snapshot`, `grace:P30D` (1 to 9999 days).
- Age: an ISO 8601 duration of whole calendar parts in their order, each at least 1: `P2Y`, `P1Y6M`, `P4W`, `P90D`.
- Version range: `2` (this one), `>=2` (this and later), `2..4` (both ends included).
"""

from __future__ import annotations

import re
from datetime import timedelta

from kompetenspass.pathway.rule import Age, Validity

LAST_VERSION = 9999
_GRACE = re.compile(r"grace:P([1-9][0-9]{0,3})D\Z")
_AGE = re.compile(
    r"P(?=.)(?:([1-9][0-9]?)Y)?(?:([1-9][0-9]{0,2})M)?(?:([1-9][0-9]{0,2})W)?(?:([1-9][0-9]{0,3})D)?\Z",
)
_VERSIONS = re.compile(r"(>=)?([1-9][0-9]{0,3})(?:\.\.([1-9][0-9]{0,3}))?\Z")


def validity_of(text: str) -> Validity | None:
    """Return what a validity says, or None for what is none."""
    if text == "live":
        return Validity("live")
    if text == "snapshot":
        return Validity("snapshot")
    found = _GRACE.match(text)
    return Validity("grace", timedelta(days=int(found[1]))) if found else None


def age_of(text: str) -> Age | None:
    """Return the duration that is written, weeks as days, or None for what is none. Source: ISO 8601."""
    found = _AGE.match(text)
    if found is None:
        return None
    years, months, weeks, days = (int(part or 0) for part in found.groups())
    return Age(years, months, 7 * weeks + days)


def versions_of(text: str) -> tuple[int, int] | None:
    """Return the first and the last version of a range, or None for what is none."""
    found = _VERSIONS.match(text)
    if found is None or (found[1] and found[3]):
        return None
    first = int(found[2])
    last = LAST_VERSION if found[1] else int(found[3] or first)
    return (first, last) if first <= last else None


def version_allows(range_: str | None, version: int) -> bool:
    """Return whether a leaf's range takes a version; without a range every version will do."""
    if range_ is None:
        return True
    found = versions_of(range_)
    return found is not None and found[0] <= version <= found[1]

"""The reference to a status list entry that a credential carries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from kompetenspass.openid.status.errors import StatusError


@dataclass(frozen=True, slots=True)
class Reference:
    """Which entry of which list. Source: Token Status List, section 6.2."""

    uri: str
    idx: int

    def claim(self) -> dict[str, object]:
        """Return the value of the `status` claim."""
        return {"status_list": {"idx": self.idx, "uri": self.uri}}


def _malformed(title: str) -> StatusError:
    return StatusError("status_reference_malformed", title)


def read_reference(claims: Mapping[str, object]) -> Reference | None:
    """Return the reference in the claims of a verified token, or None where it has no `status`.

    Raises StatusError `status_reference_malformed`, also for a status mechanism that is not a status list: such a
    status cannot be told, so the token must not pass. Source: Token Status List, sections 6.2 and 8.3, step 1.
    """
    if "status" not in claims:
        return None
    status = claims["status"]
    if not isinstance(status, Mapping) or not isinstance(status.get("status_list"), Mapping):
        raise _malformed("The claim `status` holds no `status_list`.")
    entry = status["status_list"]
    idx, uri = entry.get("idx"), entry.get("uri")
    if isinstance(idx, bool) or not isinstance(idx, int) or idx < 0:
        raise _malformed("`idx` is not a whole number from 0.")
    if not isinstance(uri, str) or not _is_uri(uri):
        raise _malformed("`uri` is not an absolute URI.")
    return Reference(uri, idx)


def _is_uri(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return bool(parts.scheme) and text.isascii() and text.isprintable() and " " not in text

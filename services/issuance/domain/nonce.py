"""c_nonce: unpredictable, bound to its issuer, with an end of its own; that it is used once, the State sees to.

Layout: 16 random bytes, the end as 4 bytes of seconds since 1970, and the first 16 bytes of an HMAC over issuer and
both. So no nonce is stored before it is used.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime, timedelta

from kompetenspass.core.digest import b64u, b64u_decode

RANDOM_BYTES = 16
_END_BYTES = 4
_TAG_BYTES = 16


def make(key: bytes, issuer: str, *, now: datetime, lifetime: timedelta, random: bytes) -> str:
    """Return a c_nonce of 48 characters for that issuer. Source: OpenID4VCI, section 7.2."""
    end = int((now + lifetime).timestamp()).to_bytes(_END_BYTES, "big")
    return b64u(random + end + _tag(key, issuer, random + end))


def end_of(key: bytes, issuer: str, nonce: str, *, now: datetime) -> datetime | None:
    """Return when a nonce of this issuer ends, or None for one that it did not make or that has ended."""
    try:
        raw = b64u_decode(nonce)
    except ValueError:
        return None
    body, tag = raw[:-_TAG_BYTES], raw[-_TAG_BYTES:]
    if len(raw) != RANDOM_BYTES + _END_BYTES + _TAG_BYTES or not hmac.compare_digest(tag, _tag(key, issuer, body)):
        return None
    end = datetime.fromtimestamp(int.from_bytes(body[RANDOM_BYTES:], "big"), UTC)
    return end if now < end else None


def _tag(key: bytes, issuer: str, body: bytes) -> bytes:
    return hmac.digest(key, issuer.encode() + b"\n" + body, hashlib.sha256)[:_TAG_BYTES]

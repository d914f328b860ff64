"""Which pages may be kept, by whom and for how long, and whether the caller has one already."""

from __future__ import annotations

from starlette.responses import Response

from kompetenspass.core.digest import sha256_b64u
from kompetenspass.events.base import Audience

_FOR_GOOD = "max-age=86400, immutable"
_ASK_AGAIN = "no-cache"


def cache_control(audience: Audience, *, unchanging: bool) -> str:
    """Return the Cache-Control of a page: one that never changes may be kept, any other is asked for again.

    What partners see is kept by themselves alone. Source: RFC 9111, section 5.2.2; RFC 8246.
    """
    whose = "public" if audience == "public" else "private"
    return f"{whose}, {_FOR_GOOD if unchanging else _ASK_AGAIN}"


def tagged(body: bytes, media_type: str, headers: dict[str, str], if_none_match: str | None) -> Response:
    """Return the body with its entity tag, or 304 where the caller has it. Source: RFC 9110, section 13.1.2."""
    tag = f'"{sha256_b64u(body)}"'
    sent = headers | {"ETag": tag}
    known = {one.strip().removeprefix("W/") for one in (if_none_match or "").split(",")}
    if tag in known or "*" in known:
        return Response(status_code=304, headers=sent)
    return Response(body, media_type=media_type, headers=sent)

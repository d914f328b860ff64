"""The time claims of a JWT, judged at a moment that is handed in."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from kompetenspass.openid.jose.errors import JoseError

SKEW_SECONDS = 60
_NUMBER = (int, float)


def numeric_date(claims: Mapping[str, object], name: str) -> float | None:
    """Return the claim in seconds since 1970, or None where it is absent. Raises JoseError `malformed_claim`.

    Source: RFC 7519, section 2, NumericDate.
    """
    value = claims.get(name)
    if value is None and name not in claims:
        return None
    if isinstance(value, bool) or not isinstance(value, _NUMBER):
        raise JoseError("malformed_claim", f"The claim {name!r} is not a number of seconds.")
    try:
        return float(value)
    except OverflowError as error:
        raise JoseError("malformed_claim", f"The claim {name!r} is too large.") from error


def check_times(
    claims: Mapping[str, object],
    now: datetime,
    *,
    skew_seconds: float = SKEW_SECONDS,
    required: Collection[str] = (),
    max_age_seconds: float | None = None,
) -> None:
    """Raise JoseError unless `exp`, `nbf` and `iat` allow the token at `now`, give or take `skew_seconds`.

    `required` names claims that must be there; `max_age_seconds` bounds the age by `iat`, which it then requires.
    Codes: `missing_claim`, `malformed_claim`, `expired`, `not_yet_valid` (also for an `iat` ahead of the clock),
    `too_old`. Source: RFC 7519, sections 4.1.4 to 4.1.6.
    """
    moment = now.timestamp()
    for name in required:
        if name not in claims:
            raise JoseError("missing_claim", f"The claim {name!r} is missing.")
    exp, nbf, iat = numeric_date(claims, "exp"), numeric_date(claims, "nbf"), numeric_date(claims, "iat")
    if exp is not None and moment >= exp + skew_seconds:
        raise JoseError("expired", "The token has expired.")
    if nbf is not None and moment < nbf - skew_seconds:
        raise JoseError("not_yet_valid", "The token is not valid yet.")
    if iat is not None and moment < iat - skew_seconds:
        raise JoseError("not_yet_valid", "The token was issued in the future.", remedy="Set the clock.")
    if max_age_seconds is None:
        return
    if iat is None:
        raise JoseError("missing_claim", "The claim 'iat' is missing.")
    if moment > iat + max_age_seconds + skew_seconds:
        raise JoseError("too_old", "The token was issued too long ago.", remedy="Make a new one.")

"""When a delivery that failed is tried again, and when it is given up. Pure: the moment and the chance are given."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

HELD_FOR = timedelta(days=3)
"""How long a delivery is tried from the moment it was planned, or was asked for again."""

_DELAYS = tuple(
    timedelta(seconds=seconds)
    for seconds in (5, 30, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600)
)
_JITTER = 0.2
_LONGEST_ASKED = timedelta(days=1)


def next_attempt(
    now: datetime, *, since: datetime, attempts: int, chance: float, asked: timedelta | None = None
) -> datetime | None:
    """Return when to try again after `attempts` failures, the last of them now; None: it is given up.

    `chance` in [0, 1) spreads the delay by a fifth, so that receivers are not called by all at once. `asked` is what
    Retry-After said: it is waited for at least so long, a day at most. The last attempt is at the end of three days,
    or when the receiver asked for it if that is later.
    Source: Standard Webhooks, deliverability and reliability.
    """
    ends = since + HELD_FOR
    if now >= ends:
        return None
    delay = _DELAYS[min(attempts, len(_DELAYS)) - 1] * (1 + _JITTER * (2 * chance - 1))
    return max(min(now + delay, ends), now + min(asked or timedelta(), _LONGEST_ASKED))


def asked_delay(retry_after: str | None, now: datetime) -> timedelta | None:
    """Return how long Retry-After asks to wait, a day at most; None where it asks nothing that is understood.

    Source: RFC 9110, section 10.2.3.
    """
    if retry_after is None:
        return None
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        return min(timedelta(seconds=int(text[:9])), _LONGEST_ASKED)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    pause = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now
    return min(max(timedelta(), pause), _LONGEST_ASKED)

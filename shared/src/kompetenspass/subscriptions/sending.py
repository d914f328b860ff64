"""One attempt: the event as a CloudEvent, signed, posted to the receiver, and what its answer means."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from kompetenspass.core.clock import Clock
from kompetenspass.core.errors import Problem
from kompetenspass.events.cloudevents import STRUCTURED
from kompetenspass.subscriptions.backoff import asked_delay
from kompetenspass.subscriptions.keyring import Secrets
from kompetenspass.subscriptions.signing import signed_headers
from kompetenspass.subscriptions.tables import Subscription, Try
from kompetenspass.web.outbound import Fetched

TIMEOUT_SECONDS = 20
_LARGEST_ANSWER = 16 * 1024
_OVERLOADED = frozenset({429, 502, 503, 504})
_GONE = 410
_PAUSE = timedelta(seconds=30)


class Posts(Protocol):
    """What posts bytes to an address outside, past the guard against inner addresses."""

    async def post(
        self,
        url: str,
        body: bytes,
        *,
        content_type: str,
        headers: Mapping[str, str] | None = None,
        max_bytes: int = 262144,
        timeout_seconds: float = 10,
        as_it_is: bool = False,
    ) -> Fetched:
        """Return the answer. Raises Problem when there is none, or none that is taken."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of one attempt. `gone`: the receiver said 410; `pause`: it asked for a rest, or is overloaded."""

    tried: Try
    delivered: bool
    gone: bool = False
    pause: timedelta | None = None


class Sender:
    """Signs and posts; keeps nothing."""

    def __init__(self, http: Posts, secrets: Secrets, clock: Clock) -> None:
        self._http = http
        self._secrets = secrets
        self._clock = clock

    async def send(self, subscription: Subscription, event_id: str, body: bytes) -> Attempt:
        """Post `body`, a CloudEvent in structured mode, and return what came of it.

        Source: Standard Webhooks, webhook headers and delivery success; CloudEvents HTTP binding, section 3.2.
        """
        now, since = self._clock(), _stopwatch()
        try:
            headers = signed_headers(event_id, now, body, self._secrets.keys(subscription, now))
            answer = await self._http.post(
                subscription.url,
                body,
                content_type=STRUCTURED,
                headers=headers,
                max_bytes=_LARGEST_ANSWER,
                timeout_seconds=TIMEOUT_SECONDS,
                as_it_is=True,
            )
        except Problem as problem:
            return Attempt(Try(now, problem.code, None, since()), delivered=False)
        return _judged(answer, now, since())


def _judged(answer: Fetched, now: datetime, latency_ms: int) -> Attempt:
    if 200 <= answer.status < 300:
        return Attempt(Try(now, "delivered", answer.status, latency_ms), delivered=True)
    tried = Try(now, "gone" if answer.status == _GONE else "refused", answer.status, latency_ms)
    asked = asked_delay(answer.headers.get("retry-after"), now)
    pause = asked if asked is not None else _PAUSE if answer.status in _OVERLOADED else None
    return Attempt(tried, delivered=False, gone=answer.status == _GONE, pause=pause)


def _stopwatch() -> Callable[[], int]:
    """Return what tells how many milliseconds have passed since now."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    return lambda: round((loop.time() - begun) * 1000)

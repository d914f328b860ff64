"""Status lists of others: fetched, verified, and cached as long as they allow; one fetch at a time for each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from cryptography import x509

from kompetenspass.core.clock import Clock
from kompetenspass.core.errors import Kind, Problem
from kompetenspass.openid import status
from kompetenspass.web.outbound import Fetched

_MAX_BYTES = 8 * 1024 * 1024
_MAX_LISTS = 256


class Fetches(Protocol):
    """What fetches by URL."""

    async def get(
        self, url: str, *, accept: str = "application/json", max_bytes: int = 65536, timeout_seconds: float = 5
    ) -> Fetched:
        """Return the answer of a GET."""


@dataclass(frozen=True, slots=True)
class _Held:
    token: status.StatusListToken
    until: float


class StatusLists:
    """Implements the service's Statuses."""

    def __init__(
        self,
        http: Fetches,
        anchors: Callable[[], Sequence[x509.Certificate]],
        clock: Clock,
        *,
        default_ttl_seconds: float,
    ) -> None:
        self._http = http
        self._anchors = anchors
        self._clock = clock
        self._default_ttl_seconds = default_ttl_seconds
        self._held: dict[str, _Held] = {}
        self._flights: dict[str, asyncio.Task[status.StatusListToken]] = {}

    async def value(self, reference: status.Reference) -> int:
        """Return the status value of an entry.

        Raises Problem `status_unavailable` when the list cannot be had, and as the token's verification does.
        """
        return (await self._list(reference.uri)).get(reference.idx)

    async def _list(self, uri: str) -> status.StatusListToken:
        held = self._held.get(uri)
        if held is not None and self._clock().timestamp() < held.until:
            return held.token
        flight = self._flights.get(uri)
        if flight is None:
            flight = self._flights[uri] = asyncio.create_task(self._fetch(uri))
            flight.add_done_callback(lambda done: self._landed(uri, done))
        return await asyncio.shield(flight)

    def _landed(self, uri: str, done: asyncio.Task[status.StatusListToken]) -> None:
        self._flights.pop(uri, None)
        if not done.cancelled():
            done.exception()  # seen here, so that it is not reported as lost when every caller has gone

    async def _fetch(self, uri: str) -> status.StatusListToken:
        try:
            answer = await self._http.get(uri, accept=status.MEDIA_TYPE, max_bytes=_MAX_BYTES)
        except Problem as problem:
            raise _unavailable(problem.code) from problem
        if answer.status != 200:
            raise _unavailable(f"status {answer.status}")
        fetched_at = self._clock()
        compact = answer.body.decode("ascii", "replace")
        token = status.verify_token_by_x5c(compact, uri=uri, anchors=self._anchors(), now=fetched_at)
        if len(self._held) >= _MAX_LISTS:
            self._held.clear()
        self._held[uri] = _Held(token, token.fresh_until(fetched_at, self._default_ttl_seconds))
        return token


def _unavailable(detail: str) -> Problem:
    return Problem(
        "status_unavailable",
        "The status of the credential cannot be had now.",
        kind=Kind.UNAVAILABLE,
        remedy="Try again later; a credential without a known status is not accepted.",
        detail=detail,
    )

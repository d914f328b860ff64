"""Who takes part in the story: a base URL for each service, an access token for each party, one HTTP client."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx2


class StoryBroken(Exception):
    """A step did not turn out as it must."""


def expect(holds: bool, otherwise: str) -> None:
    """Raise StoryBroken saying `otherwise` unless the step holds."""
    if not holds:
        raise StoryBroken(otherwise)


@dataclass(frozen=True)
class Answer:
    """What a service answered."""

    status: int
    body: Any
    position: str | None


@dataclass(frozen=True)
class Stage:
    """Where the story is played."""

    urls: Mapping[str, str]
    tokens: Mapping[str, str]
    http: httpx2.AsyncClient

    async def ask(self, party: str | None, method: str, service: str, path: str, **options: Any) -> Answer:
        """Return what `service` answers to `party` (a key of `tokens`; None: anybody), whatever its status is."""
        headers = dict(options.pop("headers", {}))
        if party is not None:
            headers["Authorization"] = f"Bearer {self.tokens[party]}"
        response = await self.http.request(method, self.urls[service] + path, headers=headers, **options)
        is_json = "json" in response.headers.get("content-type", "")
        body = response.json() if is_json else response.text
        return Answer(response.status_code, body, response.headers.get("log-position"))

    async def get(self, party: str | None, service: str, path: str, **options: Any) -> Any:
        """Return the body of a GET that must succeed."""
        return (await self._must(party, "GET", service, path, **options)).body

    async def post(self, party: str, service: str, path: str, body: Mapping[str, Any]) -> Answer:
        """Return the answer to a command that must succeed."""
        return await self._must(party, "POST", service, path, json=body)

    async def _must(self, party: str | None, method: str, service: str, path: str, **options: Any) -> Answer:
        answer = await self.ask(party, method, service, path, **options)
        expect(answer.status < 300, f"{method} {service}{path} answered {answer.status}: {answer.body}")
        return answer

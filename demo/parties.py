"""Who takes part in the story: a base URL for each service, an access token for each party, one HTTP client."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx2

Found = TypeVar("Found")

EMPLOYER, LEARNER, TECHNICIAN = "demo-arbetsgivare:relying_party", "learner", "technician"
"""Who has no organisation that awards: an employer, the learner of the first chapters, and the one of the third."""
TOO_EARLY = ("not_caught_up", "facts_stale")
"""With these codes a service says that it has not read yet what an answer rests on."""
_PAUSE_SECONDS = 0.05


@dataclass(frozen=True)
class Awarder:
    """Who assesses, confirms and issues for an awarding body: three parties, and its authorised assessor."""

    provider: str
    awarding_body: str
    issuer: str
    assessor: str


SKELLEFTEA_KOMMUN = Awarder(
    "skelleftea-vux:provider",
    "skelleftea-kommun:awarding_body",
    "skelleftea-kommun:issuer",
    "assessor:skelleftea-vux-1",
)
HANDELSRADET = Awarder(
    "handelsradet:provider",
    "handelsradet:awarding_body",
    "handelsradet:issuer",
    "assessor:handelsradet-1",
)
SKELLEFTEA_KRAFT = Awarder(
    "skelleftea-kraft:provider",
    "skelleftea-kraft:awarding_body",
    "skelleftea-kraft:issuer",
    "assessor:skelleftea-kraft-1",
)
PARTIES = (
    *(
        party
        for awarder in (SKELLEFTEA_KOMMUN, HANDELSRADET, SKELLEFTEA_KRAFT)
        for party in (awarder.provider, awarder.awarding_body, awarder.issuer)
    ),
    EMPLOYER,
    "rise:scheme_owner",
    "rise:operator",
)
"""Every party that acts for an organisation, as `organisation:role`."""


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

    @property
    def is_too_early(self) -> bool:
        """Whether the service has not read yet what the question rests on, did nothing, and wants to be asked again."""
        return self.status == 503 and self.body["code"] in TOO_EARLY


@dataclass(frozen=True)
class Stage:
    """Where the story is played."""

    urls: Mapping[str, str]
    tokens: Mapping[str, str]
    http: httpx2.AsyncClient
    positions: dict[str, str] = field(default_factory=dict)
    """Where the newest event that a service told us of stands in its log."""

    async def ask(self, party: str | None, method: str, service: str, path: str, **options: Any) -> Answer:
        """Return what `service` answers to `party` (a key of `tokens`; None: anybody), whatever its status is."""
        headers = dict(options.pop("headers", {}))
        if party is not None:
            headers["Authorization"] = f"Bearer {self.tokens[party]}"
        response = await self.http.request(method, self.urls[service] + path, headers=headers, **options)
        is_json = "json" in response.headers.get("content-type", "")
        body = response.json() if is_json else response.text
        position = response.headers.get("log-position")
        if position is not None:
            self.positions[service] = position
        return Answer(response.status_code, body, position)

    async def get(self, party: str | None, service: str, path: str, **options: Any) -> Any:
        """Return the body of a GET that must succeed."""
        return (await self._must(party, "GET", service, path, **options)).body

    async def post(
        self, party: str, service: str, path: str, body: Mapping[str, Any], *, on_all_before: bool = False
    ) -> Answer:
        """Return the answer to a command that must succeed; `on_all_before`: one that rests on what came before it."""
        newest = self.positions.get(service) if on_all_before else None
        headers = {} if newest is None else {"Wait-For": newest}
        return await self._must(party, "POST", service, path, json=body, headers=headers)

    async def _must(self, party: str | None, method: str, service: str, path: str, **options: Any) -> Answer:
        async def probe() -> Answer | None:
            answer = await self.ask(party, method, service, path, **options)
            return None if answer.is_too_early else answer

        answer = await until(probe, f"{service} has not read what came before {method} {path}")
        expect(answer.status < 300, f"{method} {service}{path} answered {answer.status}: {answer.body}")
        return answer


async def until(probe: Callable[[], Awaitable[Found | None]], otherwise: str, seconds: float = 60) -> Found:
    """Return what `probe` finds, asked again until it finds something. Raises StoryBroken when the time is over."""
    over = asyncio.get_running_loop().time() + seconds
    while (found := await probe()) is None:
        expect(asyncio.get_running_loop().time() < over, f"{otherwise} within {seconds:.0f} s")
        await asyncio.sleep(_PAUSE_SECONDS)
    return found

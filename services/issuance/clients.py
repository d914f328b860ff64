"""The registry over HTTP, as far as the enrolment of a key needs it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kompetenspass.core.errors import Problem
from kompetenspass.web.outbound import Fetched, Outbound


class RegistryClient:
    """Calls the registry's public API. Refusals come back as the Problems that the registry stated."""

    def __init__(self, http: Outbound, base_url: str) -> None:
        self._http = http
        self._base_url = base_url

    @property
    def audience(self) -> str:
        """What a key proof for this registry names as `aud`."""
        return self._base_url

    async def organisation(self, org_id: str) -> dict[str, Any]:
        """Return what the registry tells of an organisation."""
        return _answer(await self._http.get(self._url(org_id)))

    async def challenge(self, org_id: str, token: str) -> str:
        """Return a challenge to be signed by a key that is to be enrolled."""
        answer = await self._post(f"{self._url(org_id)}/keys/challenges", {}, token)
        return str(answer["challenge"])

    async def register_key(self, org_id: str, x5c: Sequence[str], proof: str, token: str) -> dict[str, Any]:
        """Return the key as registered."""
        return await self._post(f"{self._url(org_id)}/keys", {"x5c": list(x5c), "proof": proof}, token)

    def _url(self, org_id: str) -> str:
        return f"{self._base_url}/v1/organisations/{org_id}"

    async def _post(self, url: str, body: object, token: str) -> dict[str, Any]:
        return _answer(await self._http.post_json(url, body, headers={"Authorization": f"Bearer {token}"}))


def _answer(fetched: Fetched) -> dict[str, Any]:
    answer = fetched.json()
    if fetched.status < 300 and isinstance(answer, dict):
        return answer
    stated = answer if isinstance(answer, dict) else {}
    raise Problem(
        str(stated.get("code", "registry_refused")),
        str(stated.get("title", "The registry refused.")),
        remedy=str(stated.get("remedy", "")),
        detail=f"status {fetched.status}",
    )

"""A small partner and a small wallet that play whole flows over HTTP against a running platform."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2

from kompetenspass.core.clock import system_clock
from kompetenspass.embedded.tokens import DevelopmentTokenIssuer
from kompetenspass.openid.oid4vci import proof
from kompetenspass.openid.sdjwt import digest_of_copy
from kompetenspass.testing.keys import TestSigner

DEFINITION = "sko-ys-01"
ASSESSOR = "assessor:skelleftea-kommun-1"
ORGANISATION, SLUG = "org:skelleftea-kommun", "skelleftea-kommun"
PRE_AUTHORIZED = "urn:ietf:params:oauth:grant-type:pre-authorized_code"


@dataclass
class Released:
    """What wallets outside the platform hold: digests of copies by achievement."""

    digests: dict[str, str] = field(default_factory=dict)

    def add(self, achievement_id: str, credential: str) -> None:
        """Remember a copy that was released."""
        self.digests[digest_of_copy(credential)] = achievement_id


@dataclass(frozen=True)
class Partner:
    """One organisation that assesses, confirms and offers, and wallets that fetch at once."""

    urls: Mapping[str, str]
    tokens: DevelopmentTokenIssuer
    http: httpx2.AsyncClient

    async def flow(self, released: Released) -> None:
        """Play one whole flow with a learner of its own; raises httpx2.HTTPError when the platform goes away."""
        definition = (await self.http.get(f"{self.urls['catalog']}/v1/definitions/{DEFINITION}")).json()
        achievement_id = await self._earned([each["uri"] for each in definition["content"]["assessment"]["types"]])
        offer = await self._command(f"/v1/achievements/{achievement_id}/offers", {"tx_code": False})
        released.add(achievement_id, await self._fetched(offer["offer_uri"]))

    async def _earned(self, instruments: list[str]) -> str:
        learner = {"given_name": "Prov", "family_name": "Person"}
        body = {"definition_id": DEFINITION, "route": "course", "learner": learner}
        achievement_id: str = (await self._command("/v1/achievements", body))["achievement_id"]
        results = [{"instrument": uri, "score_percent": 90} for uri in instruments]
        path = f"/v1/achievements/{achievement_id}"
        await self._command(f"{path}/results", {"results": results, "assessor_ref": ASSESSOR})
        await self._command(f"{path}/confirm", {})
        return achievement_id

    async def _fetched(self, offer_uri: str) -> str:
        offer = json.loads(parse_qs(urlsplit(offer_uri).query)["credential_offer"][0])
        issuer, code = offer["credential_issuer"], offer["grants"][PRE_AUTHORIZED]["pre-authorized_code"]
        form = {"grant_type": PRE_AUTHORIZED, "pre-authorized_code": code}
        token = (await self._protocol(f"{issuer}/token", data=form))["access_token"]
        nonce = (await self._protocol(f"{issuer}/nonce"))["c_nonce"]
        jwt = proof.build(TestSigner(), issuer=issuer, now=system_clock(), nonce=nonce)
        request = {
            "credential_configuration_id": offer["credential_configuration_ids"][0],
            "proofs": {"jwt": [jwt]},
        }
        headers = {"Authorization": f"Bearer {token}"}
        answer = await self._protocol(f"{issuer}/credential", json=request, headers=headers)
        credential: str = answer["credentials"][0]["credential"]
        return credential

    async def _command(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        token = self.tokens.mint(ORGANISATION, ["awarding_body", "provider", "issuer"], "integration-test", 600)
        headers = {"Authorization": f"Bearer {token}"}
        return await self._protocol(self.urls["issuance"] + path, json=body, headers=headers)

    async def _protocol(self, url: str, **options: Any) -> dict[str, Any]:
        response = await self.http.post(url, **options)
        response.raise_for_status()
        answer: dict[str, Any] = response.json()
        return answer

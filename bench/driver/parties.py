"""Who acts in a flow beside the wallet: the awarding body with its provider, and an employer who wants to see."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

from bench.driver.http import Failed, bearer
from bench.driver.wallet import Line
from bench.platform import ROOT, Platform

DEFINITION = "sko-ys-01"
CLAIMS = ("family_name", "assessment_grade")
"""What the employer asks for beside the definition: two of the claims that stay hidden otherwise."""
EMPLOYER = "demo-arbetsgivare"
_PROVIDER, _AWARDING_BODY, _ASSESSOR = "skelleftea-vux", "skelleftea-kommun", "assessor:skelleftea-vux-1"
_PILOT = ROOT / "demo" / "pilots" / "02_skelleftea_kommun_yrkessvenska.yaml"


class Office:
    """The provider that plans and assesses, and the awarding body that confirms and offers."""

    def __init__(self, platform: Platform) -> None:
        self._base = platform.urls["issuance"]
        self._provider = bearer(platform.token(_PROVIDER, "provider"))
        self._awarding_body = bearer(platform.token(_AWARDING_BODY, "awarding_body"))
        self._results = [{"instrument": uri, "score_percent": 92} for uri in _instruments()]

    async def confirmed(self, line: Line, number: int) -> str:
        """Return a fresh achievement, planned, assessed and confirmed, of a learner of its own. Raises Failed."""
        learner = {"given_name": "Mätning", "family_name": f"Nummer {number}"}
        plan = {"definition_id": DEFINITION, "route": "course", "learner": learner}
        achievements = f"{self._base}/v1/achievements"
        planned = await line.post_json("plan", achievements, plan, self._provider)
        one = f"{achievements}/{planned['achievement_id']}"
        found = {"results": self._results, "assessor_ref": _ASSESSOR}
        await line.post_json("results", f"{one}/results", found, self._provider)
        await line.post_json("confirm", f"{one}/confirm", {}, self._awarding_body)
        return str(planned["achievement_id"])

    async def offered(self, line: Line, achievement_id: str) -> str:
        """Return the link of a new offer. Raises Failed."""
        path = f"{self._base}/v1/achievements/{achievement_id}/offers"
        offered = await line.post_json("offer", path, {"tx_code": False}, self._awarding_body)
        return str(offered["offer_uri"])


class Employer:
    """A verifier who asks for the definition, with two claims, and reads the verdict."""

    def __init__(self, platform: Platform) -> None:
        self._base = f"{platform.urls['verification']}/v1/requests"
        self._bearer = bearer(platform.token(EMPLOYER, "relying_party"))

    async def asked(self, line: Line) -> dict[str, Any]:
        """Return a new request. Raises Failed."""
        asked = {"definition_id": DEFINITION, "claims": [[claim] for claim in CLAIMS]}
        told: dict[str, Any] = await line.post_json("request", self._base, asked, self._bearer)
        return told

    async def told(self, line: Line, request_id: str) -> None:
        """Return once the verdict was read, with the claims. Raises Failed unless it is `verified`."""
        answer = (await line.call("verdict", "GET", f"{self._base}/{request_id}", headers=self._bearer)).json()
        verdict = answer.get("verdict", {})
        ((shown,),) = verdict["claims"].values() if verdict.get("claims") else (({},),)
        if verdict.get("outcome") != "verified" or not set(CLAIMS) <= set(shown):
            raise Failed(f"not verified: {answer['state']}")


def issuer_key_file(platform: Platform) -> Path:
    """Return the file of the key that the awarding body's credentials are signed with."""
    return platform.folder / "issuance" / "issuers" / _AWARDING_BODY / "key.pem"


@cache
def _instruments() -> list[str]:
    content = yaml.safe_load(_PILOT.read_text("utf-8"))
    definition = next(each for each in content["definitions"] if each["id"] == DEFINITION)
    return [kind["uri"] for kind in definition["assessment"]["types"]]

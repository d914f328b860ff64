"""What the story leaves for a visitor: unused offers and unanswered requests, a link to the timeline, and a file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo.parties import Stage
from demo.story import AWARDING_BODY, LEARNER, Memory, assess, plan, request_definition

_A_DAY_SECONDS = 86_400


@dataclass(frozen=True)
class Played:
    """One step that was played."""

    step: str
    ok: bool
    ms: int
    said: str


async def unused_offers(stage: Stage, memory: Memory) -> list[dict[str, Any]]:
    """Return three offers that nobody has used: one without and two with a transaction code."""
    offers = []
    for number, tx_code in enumerate((False, True, True), 1):
        planned = await plan(stage, given_name="Demo", family_name=f"Besökare {number}")
        await assess(stage, memory, planned["achievement_id"], [95, 90])
        path = f"/v1/achievements/{planned['achievement_id']}"
        await stage.post(AWARDING_BODY, "issuance", f"{path}/confirm", {})
        offer = (await stage.post(AWARDING_BODY, "issuance", f"{path}/offers", {"tx_code": tx_code})).body
        offers.append({"uri": offer["offer_uri"], "tx_code": offer["tx_code"], "qr": offer["qr_svg_url"]})
    return offers


async def open_requests(stage: Stage) -> list[str]:
    """Return two requests that nobody has answered, and that wait for a day."""
    return [(await request_definition(stage, _A_DAY_SECONDS))["uri"] for _ in range(2)]


async def timeline_link(stage: Stage) -> str:
    """Return a link that opens the learner's timeline once."""
    link: str = (await stage.post(LEARNER, "wallet", "/v1/links", {})).body["url"]
    return link


def write(path: Path, stage: Stage, played: list[Played], offers: list[dict[str, Any]], requests: list[str]) -> None:
    """Write what the story left behind to `path`, readable by its owner alone: it holds access tokens."""
    report = {
        "services": {name: {"url": url} for name, url in stage.urls.items()},
        "tokens": dict(stage.tokens),
        "story": [{"step": each.step, "ok": each.ok, "ms": each.ms} for each in played],
        "offers": [{"uri": each["uri"], "tx_code": each["tx_code"]} for each in offers],
        "requests": requests,
    }
    path.touch(mode=0o600)
    path.write_text(json.dumps(report, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")

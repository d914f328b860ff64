"""What the story leaves for a visitor: unused offers and unanswered requests, a link to the timeline, and a file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo import earning, merit, showing
from demo.memory import Memory
from demo.parties import SKELLEFTEA_KOMMUN, Stage

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
        learner = {"given_name": "Demo", "family_name": f"Besökare {number}"}
        planned = await earning.planned(stage, SKELLEFTEA_KOMMUN, merit.DEFINITION, learner)
        achievement_id, results = planned["achievement_id"], earning.percents(memory.language.definition, 95, 90)
        await earning.recorded(stage, SKELLEFTEA_KOMMUN, achievement_id, results)
        await earning.confirmed(stage, SKELLEFTEA_KOMMUN, achievement_id)
        offer = await earning.offered(stage, SKELLEFTEA_KOMMUN, achievement_id, tx_code=tx_code)
        offers.append({"uri": offer["offer_uri"], "tx_code": offer["tx_code"], "qr": offer["qr_svg_url"]})
    return offers


async def open_requests(stage: Stage) -> list[str]:
    """Return two requests that nobody has answered, and that wait for a day."""
    asked = {"definition_id": merit.DEFINITION, "expires_in": _A_DAY_SECONDS}
    return [(await showing.requested(stage, **asked))["uri"] for _ in range(2)]


async def timeline_link(stage: Stage, learner: str) -> str:
    """Return a link that opens a learner's timeline once."""
    link: str = (await stage.post(learner, "wallet", "/v1/links", {})).body["url"]
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

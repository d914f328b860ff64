"""An award that a learner has earned on the platform, by the nine merits of its shortest way."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from tests.integration.parties import AWARDING_BODY, Parties, fetched, offered, planned

PATHWAY = "sko-path-yrkessvenska"
_WAY = ("01", "02", "03", "04", "05", "06", "07", "09", "10")
_PATIENCE_SECONDS = 120


@dataclass(frozen=True)
class Awarded:
    """The award, and whose it is."""

    stack_id: str
    learner_ref: str


def awarded(parties: Parties, learner: dict[str, str]) -> Awarded:
    """Return the award of the pathway that is made by itself once a new learner has all merits."""
    known = learner
    for number in _WAY:
        merit = planned(parties, known, f"sko-ys-{number}")
        offered(parties, merit, [90] * len(parties.instruments(merit.definition_id)))
        fetched(parties, merit)
        _seen(parties)
        known = {"learner_ref": merit.learner_ref}
    return Awarded(_stack_id(parties, known["learner_ref"]), known["learner_ref"])


def _seen(parties: Parties) -> None:
    """Wait until issuance has seen that a merit is confirmed: the next one may require it."""
    parties.reached("issuance", f"issuance={len(asyncio.run(parties.platform.log_of('issuance')))}")


def _stack_id(parties: Parties, learner_ref: str) -> str:
    caller = parties.token(AWARDING_BODY, "awarding_body")
    ends = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < ends:
        answer = parties.ask("get", "issuance", f"/v1/awards?learner_ref={learner_ref}&state=awarded", caller)
        if items := answer.raise_for_status().json()["items"]:
            return str(items[0]["stack_id"])
        time.sleep(0.1)
    raise AssertionError("the award was not made in time")

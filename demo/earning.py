"""From a definition to a credential in a wallet: what an awarding body and a learner do each time a merit is earned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from demo.parties import Awarder, Stage, expect

Result = Mapping[str, Any]


async def published(stage: Stage, definition_id: str) -> dict[str, Any]:
    """Return a definition as anybody reads it in the catalog."""
    definition: dict[str, Any] = await stage.get(None, "catalog", f"/v1/definitions/{definition_id}")
    expect(definition["status"] == "published", f"{definition_id} is {definition['status']}")
    return definition


def title_of(definition: Mapping[str, Any]) -> str:
    """Return the Swedish title of a definition."""
    title: str = definition["content"]["title"]["sv"]
    return title


def instruments(definition: Mapping[str, Any]) -> list[str]:
    """Return the URIs of the definition's instruments."""
    return [each["uri"] for each in definition["content"]["assessment"]["types"]]


def criteria(definition: Mapping[str, Any]) -> list[str]:
    """Return the ids of the definition's criteria: its learning outcomes."""
    return [each["id"] for each in definition["content"]["learning_outcomes"]]


def percents(definition: Mapping[str, Any], *scores: float) -> list[Result]:
    """Return a score in per cent for each instrument."""
    found = zip(instruments(definition), scores, strict=True)
    return [{"instrument": uri, "score_percent": score} for uri, score in found]


def observed(definition: Mapping[str, Any], *, but: Sequence[str] = (), critical_errors: int = 0) -> list[Result]:
    """Return a result for each instrument: all criteria met `but` some, critical errors seen by the last of them.

    The first instrument shows the first criterion, and so on; the last shows all that are left.
    """
    uris = instruments(definition)
    met: list[list[str]] = [[] for _ in uris]
    for number, criterion in enumerate(criteria(definition)):
        if criterion not in but:
            met[min(number, len(uris) - 1)].append(criterion)
    errors = [0] * (len(uris) - 1) + [critical_errors]
    return [
        {"instrument": uri, "criteria_met": shown, "critical_errors": count}
        for uri, shown, count in zip(uris, met, errors, strict=True)
    ]


async def planned(
    stage: Stage, awarder: Awarder, definition_id: str, learner: Mapping[str, str], route: str = "course"
) -> dict[str, Any]:
    """Return a new achievement of a learner: known by `learner_ref`, or new by `given_name` and `family_name`."""
    body = {"definition_id": definition_id, "route": route, "learner": learner}
    answer = await stage.post(awarder.provider, "issuance", "/v1/achievements", body, on_all_before=True)
    found: dict[str, Any] = answer.body
    return found


async def recorded(stage: Stage, awarder: Awarder, achievement_id: str, results: Sequence[Result]) -> bool:
    """Record the results, as the authorised assessor; return whether they reach the rule."""
    path, body = f"/v1/achievements/{achievement_id}/results", {"results": results, "assessor_ref": awarder.assessor}
    passed: bool = (await stage.post(awarder.provider, "issuance", path, body)).body["passed"]
    return passed


async def confirmed(stage: Stage, awarder: Awarder, achievement_id: str) -> None:
    """Confirm a result, as the awarding body."""
    await stage.post(awarder.awarding_body, "issuance", f"/v1/achievements/{achievement_id}/confirm", {})


async def not_confirmed(stage: Stage, awarder: Awarder, achievement_id: str) -> None:
    """Try to confirm a result below the rule; it must be refused for that reason."""
    path = f"/v1/achievements/{achievement_id}/confirm"
    refused = await stage.ask(awarder.awarding_body, "POST", "issuance", path, json={})
    expect((refused.status, refused.body["code"]) == (409, "pass_rule_not_met"), f"confirming answered {refused}")


async def offered(stage: Stage, awarder: Awarder, achievement_id: str, *, tx_code: bool = False) -> dict[str, Any]:
    """Return an offer of the credential, by the awarding body."""
    path = f"/v1/achievements/{achievement_id}/offers"
    offer: dict[str, Any] = (await stage.post(awarder.awarding_body, "issuance", path, {"tx_code": tx_code})).body
    return offer


async def received(stage: Stage, learner: str, offer: Mapping[str, Any]) -> None:
    """Let the learner's hosted wallet fetch what is offered, over OpenID4VCI."""
    body = {"offer_uri": offer["offer_uri"], "tx_code": offer.get("tx_code")}
    await stage.post(learner, "wallet", "/v1/credentials", body)

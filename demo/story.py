"""The story: one microcredential from its definition to its revocation, each step over HTTP as its own party."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from demo.parties import Answer, Stage, StoryBroken, expect
from kompetenspass.openid import jose, status

DEFINITION = "sko-ys-01"
PROVIDER, AWARDING_BODY, ISSUER = (
    "skelleftea-vux:provider",
    "skelleftea-kommun:awarding_body",
    "skelleftea-kommun:issuer",
)
VERIFIER, LEARNER = "demo-arbetsgivare:relying_party", "learner"
ASSESSOR = "assessor:skelleftea-vux-1"
_LONGEST_LIST = 8 * 1024 * 1024  # characters


@dataclass
class Memory:
    """What earlier steps found out and later ones need."""

    definition: dict[str, Any] = field(default_factory=dict)
    achievement_id: str = ""
    learner_ref: str = ""
    offer: dict[str, Any] = field(default_factory=dict)


Step = Callable[[Stage, Memory], Awaitable[str]]
"""Plays one step and returns a sentence on what came of it; raises StoryBroken."""


async def the_catalog_is_open(stage: Stage, memory: Memory) -> str:
    """Anybody reads the published definition."""
    memory.definition = await stage.get(None, "catalog", f"/v1/definitions/{DEFINITION}")
    expect(memory.definition["status"] == "published", f"{DEFINITION} is {memory.definition['status']}")
    title = memory.definition["content"]["title"]["sv"]
    return f"“{title}” is published, version {memory.definition['version']}; anybody can read it."


def instruments(memory: Memory) -> list[str]:
    """Return the URIs of the definition's instruments."""
    return [each["uri"] for each in memory.definition["content"]["assessment"]["types"]]


async def plan(stage: Stage, *, given_name: str, family_name: str, learner_ref: str = "") -> dict[str, Any]:
    """Return a new achievement for a learner: a known one by reference, or a new one by name."""
    learner = {"learner_ref": learner_ref} if learner_ref else {"given_name": given_name, "family_name": family_name}
    body = {"definition_id": DEFINITION, "route": "course", "learner": learner}
    planned: dict[str, Any] = (await stage.post(PROVIDER, "issuance", "/v1/achievements", body)).body
    return planned


async def assess(stage: Stage, memory: Memory, achievement_id: str, percents: list[float]) -> dict[str, Any]:
    """Record a result in per cent for each instrument, as the provider's authorised assessor."""
    results = [{"instrument": uri, "score_percent": p} for uri, p in zip(instruments(memory), percents, strict=True)]
    path = f"/v1/achievements/{achievement_id}/results"
    answer: dict[str, Any] = (
        await stage.post(PROVIDER, "issuance", path, {"results": results, "assessor_ref": ASSESSOR})
    ).body
    return answer


async def a_result_below_the_rule_is_not_confirmed(stage: Stage, memory: Memory) -> str:
    """79 % in one instrument is recorded as failed, and confirming it is refused with the reason."""
    planned = await plan(stage, given_name="Demo", family_name="Elev")
    memory.learner_ref = planned["learner_ref"]
    recorded = await assess(stage, memory, planned["achievement_id"], [79, 92])
    expect(recorded["passed"] is False, "79 % passed")
    refused = await stage.ask(
        AWARDING_BODY, "POST", "issuance", f"/v1/achievements/{planned['achievement_id']}/confirm", json={}
    )
    expect((refused.status, refused.body["code"]) == (409, "pass_rule_not_met"), f"confirming answered {refused}")
    return "79 % in one instrument: recorded as failed, and confirming it is refused (pass_rule_not_met)."


async def a_result_above_the_rule_is_confirmed(stage: Stage, memory: Memory) -> str:
    """The same learner tries again and reaches 92 % in every instrument."""
    planned = await plan(stage, given_name="", family_name="", learner_ref=memory.learner_ref)
    memory.achievement_id = planned["achievement_id"]
    recorded = await assess(stage, memory, memory.achievement_id, [92, 92])
    expect(recorded["passed"] is True, f"92 % did not pass: {recorded}")
    await stage.post(AWARDING_BODY, "issuance", f"/v1/achievements/{memory.achievement_id}/confirm", {})
    return "92 % in both instruments: passed, and confirmed by Skellefteå kommun."


async def the_credential_is_offered(stage: Stage, memory: Memory) -> str:
    """The awarding body offers it with a transaction code that reaches the learner on another way."""
    path = f"/v1/achievements/{memory.achievement_id}/offers"
    memory.offer = (await stage.post(AWARDING_BODY, "issuance", path, {"tx_code": True})).body
    return "The offer is a link or a QR code, and six digits that go to the learner another way."


async def the_hosted_wallet_receives_it(stage: Stage, memory: Memory) -> str:
    """The learner's hosted wallet fetches it over OpenID4VCI."""
    body = {"offer_uri": memory.offer["offer_uri"], "tx_code": memory.offer["tx_code"]}
    await stage.post(LEARNER, "wallet", "/v1/credentials", body)
    return "The hosted wallet fetched the credential over OpenID4VCI, bound to a key of its own."


async def entries(stage: Stage, credential_id: str) -> list[dict[str, Any]]:
    """Return the learner's timeline entries for one credential."""
    timeline = await stage.get(LEARNER, "wallet", "/v1/timeline")
    return [entry for entry in timeline["rows"] if entry["credential_id"] == credential_id]


async def shown(stage: Stage, memory: Memory, kind: str) -> dict[str, Any]:
    """Return the timeline's entry of a kind for the story's credential once it is there; waits at most 10 s."""
    for _ in range(100):
        for entry in await entries(stage, memory.offer["credential_id"]):
            if entry["kind"] == kind:
                return entry
        await asyncio.sleep(0.1)
    raise StoryBroken(f"the timeline never showed “{kind}”")


async def the_timeline_shows_it(stage: Stage, memory: Memory) -> str:
    """The learner sees the merit."""
    entry = await shown(stage, memory, "issued")
    return f"The learner's timeline shows “{entry['title']['sv']}”, issued."


async def request_definition(stage: Stage, expires_in_seconds: int = 300) -> dict[str, Any]:
    """Return a new request of the employer for the definition."""
    body = {"definition_id": DEFINITION, "expires_in": expires_in_seconds}
    request: dict[str, Any] = (await stage.post(VERIFIER, "verification", "/v1/requests", body)).body
    return request


async def answered(stage: Stage) -> tuple[Answer, dict[str, Any]]:
    """Let the wallet answer a new request; return what the wallet says and the verifier's verdict."""
    request = await request_definition(stage)
    answer = await stage.ask(LEARNER, "POST", "wallet", "/v1/presentations", json={"uri": request["uri"]})
    judged = await stage.get(VERIFIER, "verification", f"/v1/requests/{request['request_id']}")
    expect("verdict" in judged and judged["verdict"] is not None, f"no verdict: {judged}; the wallet: {answer}")
    return answer, judged["verdict"]


async def an_employer_verifies_it(stage: Stage, memory: Memory) -> str:
    """An employer asks for that definition over OpenID4VP, and every check holds."""
    _, verdict = await answered(stage)
    failed = [check["code"] for check in verdict["checks"] if check["ok"] is False]
    expect(verdict["outcome"] == "verified", f"{verdict['outcome']}: {failed}")
    return f"An employer asked over OpenID4VP: verified, all {len(verdict['checks'])} checks hold."


async def list_value(stage: Stage, memory: Memory) -> int:
    """Return the published status of the story's credential: its bits in the list that it points to."""
    known = await stage.get(ISSUER, "registry", f"/v1/credentials/{memory.offer['credential_id']}")
    (copy,) = known["copies"]
    answer = await stage.http.get(copy["status_uri"], headers={"Accept": "application/statuslist+jwt"})
    expect(answer.status_code == 200, f"the status list answered {answer.status_code}")
    claims: Any = jose.parse_unverified(answer.text, max_chars=_LONGEST_LIST).payload["status_list"]
    return status.get(status.decode(claims["lst"], claims["bits"]), copy["index"])


async def the_issuer_revokes_it(stage: Stage, memory: Memory) -> str:
    """The issuer revokes it, and the published list changes within two seconds."""
    expect(await list_value(stage, memory) == status.VALID, "it was not VALID before")
    path = f"/v1/credentials/{memory.offer['credential_id']}/revoke"
    await stage.post(ISSUER, "registry", path, {"reason_code": "issued_in_error"})
    start = asyncio.get_running_loop().time()
    while await list_value(stage, memory) != status.INVALID:
        expect(asyncio.get_running_loop().time() - start < 2, "the list did not change within 2 s")
        await asyncio.sleep(0.05)
    seconds = asyncio.get_running_loop().time() - start
    return f"Skellefteå kommun revoked it; the published status list changed after {seconds:.1f} s."


async def it_is_refused_now(stage: Stage, memory: Memory) -> str:
    """The same credential, asked for again, is refused for its status."""
    await asyncio.sleep(1.1)  # a verifier may keep a list for its ttl, which is 1 s in the demonstration
    _, verdict = await answered(stage)
    failed = [check["code"] for check in verdict["checks"] if check["ok"] is False]
    expect(verdict["outcome"] == "refused" and "status" in failed, f"{verdict['outcome']}: {failed}")
    return "The same credential, shown again: refused, because its status is revoked."


async def the_timeline_shows_why(stage: Stage, memory: Memory) -> str:
    """The learner sees that it was revoked, and for what reason."""
    entry = await shown(stage, memory, "revoked")
    expect(entry["reason_code"] == "issued_in_error", f"the reason is {entry['reason_code']}")
    return "The timeline shows that it was revoked, and why (issued_in_error)."


STORY: tuple[tuple[str, Step], ...] = (
    ("defined", the_catalog_is_open),
    ("failed", a_result_below_the_rule_is_not_confirmed),
    ("earned", a_result_above_the_rule_is_confirmed),
    ("offered", the_credential_is_offered),
    ("issued", the_hosted_wallet_receives_it),
    ("shown", the_timeline_shows_it),
    ("verified", an_employer_verifies_it),
    ("revoked", the_issuer_revokes_it),
    ("refused", it_is_refused_now),
    ("explained", the_timeline_shows_why),
)
"""The steps in order, each with its short name."""

"""What can be seen of a credential: in its learner's wallet, in the published status list, by an employer who asks."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from demo.parties import EMPLOYER, TOO_EARLY, Answer, Stage, expect, until
from kompetenspass.openid import jose, status

STATUS_TTL_SECONDS = 1
"""How long anybody may keep a status list in the demonstration."""
_LONGEST_LIST = 8 * 1024 * 1024  # characters
_LONGEST_CHANGE_SECONDS = 60

Copy = Mapping[str, Any]
"""Where the status of a credential stands: `status_uri` and `index`."""


async def row(stage: Stage, learner: str, credential_id: str, kind: str, reason: str | None = None) -> dict[str, Any]:
    """Return the newest row of that kind about a credential in the learner's timeline, once it is there.

    `reason` is the suspended part's definition or the source of the cause that the row must name.
    """

    async def probe() -> dict[str, Any] | None:
        rows = (await stage.get(learner, "wallet", "/v1/timeline"))["rows"]
        found = [each for each in rows if (each["credential_id"], each["kind"]) == (credential_id, kind)]
        named = [each for each in found if reason is None or reason in _reasons(each)]
        return named[-1] if named else None

    return await until(probe, f"the timeline did not show “{kind}”")


async def said_now(stage: Stage, learner: str, credential_id: str, standing: str, cause: str) -> str:
    """Return what the learner's timeline says of a credential, once it has that status for that cause."""

    async def probe() -> str | None:
        held = (await stage.get(learner, "wallet", "/v1/timeline"))["credentials"]
        found = [each for each in held if each["credential_id"] == credential_id]
        holds = bool(found) and (found[0]["status"], found[0]["cause"]) == (standing, cause)
        return found[0]["text"]["sv"] if holds else None

    return await until(probe, f"the timeline did not say {standing} for {cause}")


def _reasons(shown: Mapping[str, Any]) -> list[str | None]:
    return [shown["reason_code"], shown["cause"], *(each["definition_id"] for each in shown["lapsed"])]


async def requested(stage: Stage, **asked: Any) -> dict[str, Any]:
    """Return a new request of the employer, for a merit or an award by its `definition_id` or by a `dcql_query`."""
    request: dict[str, Any] = (await stage.post(EMPLOYER, "verification", "/v1/requests", asked)).body
    return request


async def answered(stage: Stage, learner: str, *, share_parts: bool = False, **asked: Any) -> dict[str, Any]:
    """Let the learner's wallet answer a new request, and one more while that is too early; return the verdict."""

    async def probe() -> dict[str, Any] | None:
        request = await requested(stage, **asked)
        body = {"uri": request["uri"], "share_parts": share_parts}
        answer: Answer = await stage.ask(learner, "POST", "wallet", "/v1/presentations", json=body)
        if answer.status == 200 and answer.body["error"] in TOO_EARLY:
            return None
        judged = await stage.get(EMPLOYER, "verification", f"/v1/requests/{request['request_id']}")
        expect(bool(judged.get("verdict")), f"no verdict: {judged}; the wallet: {answer}")
        verdict: dict[str, Any] = judged["verdict"]
        return verdict

    return await until(probe, "the verifier has not read what the answer rests on")


def failed(verdict: Mapping[str, Any]) -> list[str]:
    """Return the codes of the checks that do not hold."""
    return [check["code"] for check in verdict["checks"] if check["ok"] is False]


def expect_verified(verdict: Mapping[str, Any]) -> None:
    """Raise StoryBroken unless every check holds."""
    expect(verdict["outcome"] == "verified", f"{verdict['outcome']}: {failed(verdict)}")


async def refused_for_status(stage: Stage, learner: str, definition_id: str) -> None:
    """Ask again when no copy of an older status list may be kept any more; it must be refused for its status."""
    await lists_are_over()
    verdict = await answered(stage, learner, definition_id=definition_id)
    expect(verdict["outcome"] == "refused" and "status" in failed(verdict), f"{verdict['outcome']}: {failed(verdict)}")


async def lists_are_over() -> None:
    """Wait for as long as somebody may keep a status list that was fetched until now."""
    await asyncio.sleep(STATUS_TTL_SECONDS + 0.1)


async def copy_of(stage: Stage, issuer: str, credential_id: str) -> Copy:
    """Return where the status of a credential stands, as its issuer knows it, once its issue was seen."""

    async def probe() -> Copy | None:
        answer = await stage.ask(issuer, "GET", "registry", f"/v1/credentials/{credential_id}")
        copies = answer.body["copies"] if answer.status == 200 else ()
        return copies[0] if copies else None

    return await until(probe, f"the registry did not know {credential_id}")


async def values(stage: Stage, copies: Iterable[Copy]) -> list[int]:
    """Return the published status of each credential: its bits in the list that it points to."""
    wanted = list(copies)
    lists = {uri: await _fetched(stage, uri) for uri in sorted({each["status_uri"] for each in wanted})}
    return [status.get(lists[each["status_uri"]], each["index"]) for each in wanted]


async def _fetched(stage: Stage, uri: str) -> status.StatusList:
    answer = await stage.http.get(uri, headers={"Accept": "application/statuslist+jwt"})
    expect(answer.status_code == 200, f"the status list answered {answer.status_code}")
    claims: Any = jose.parse_unverified(answer.text, max_chars=_LONGEST_LIST).payload["status_list"]
    return status.decode(claims["lst"], claims["bits"])


async def turned(stage: Stage, copies: Iterable[Copy], wanted: int, since: float) -> list[float]:
    """Return after how many seconds each credential's published status was `wanted`, once all of them are."""
    watched = list(copies)
    seconds: dict[int, float] = {}

    async def probe() -> bool | None:
        for number, value in enumerate(await values(stage, watched)):
            if value == wanted:
                seconds.setdefault(number, now() - since)
        return True if len(seconds) == len(watched) else None

    await until(probe, f"the status lists did not say {wanted} for all", _LONGEST_CHANGE_SECONDS)
    return [seconds[number] for number in range(len(watched))]


def now() -> float:
    """Return the time on the clock that `turned` measures with, in seconds."""
    return asyncio.get_running_loop().time()

"""Pathways, merits and statuses for tests of awards over HTTP, and the wait until everything has followed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx2

from kompetenspass.core.digest import content_digest
from kompetenspass.events import catalog, registry
from kompetenspass.events.base import Event
from services.issuance.app import Stacking, stacking_of
from services.issuance.tests.rig import Json, Rig, Wallet
from services.issuance.tests.world import KOMMUN, SINCE, definition, pilot, published

ONE, TWO, THREE = "sko-ys-01", "sko-ys-02", "sko-ys-03"
PATH = "test-path"
BODY = (KOMMUN, "awarding_body")
ABROAD = ("org:elsewhere", "awarding_body")


@dataclass(frozen=True)
class Merit:
    """A credential that a learner's wallet has fetched."""

    credential_id: UUID
    learner_ref: str
    wallet: Wallet


def all_of(*leaves: str | Json) -> Json:
    """Return a rule; a bare text is a leaf of that definition."""
    return {"all_of": [{"credential": one} if isinstance(one, str) else one for one in leaves]}


def pathway(rule: Json, id_: str = PATH, *, mode: str = "automatic", version: int = 1, **constraints: Any) -> Json:
    """Return a pathway of Skellefteå kommun."""
    held = {"double_counting": "forbid", "default_validity": "snapshot", **constraints}
    return {
        **pilot()["pathways"][0],
        "id": id_,
        "urn": f"urn:mikromerit:demo:pathway:{id_}",
        "version": version,
        "title": {"sv": f"Vägen {id_}", "en": f"Pathway {id_}"},
        "rule": rule,
        "constraints": held,
        "award": {"mode": mode, "on_satisfied": "award" if mode == "automatic" else "propose_award"},
    }


async def publish(rig: Rig, *contents: Json) -> None:
    """Publish pathways, and wait until issuance knows them."""
    for content in contents:
        event = catalog.PathwayPublished(
            pathway_id=content["id"], urn=content["urn"], version=content["version"], owner_org=KOMMUN,
            awarding_body=content["awarding_body"], content=content, content_digest=content_digest(content),
            rule_digest=content_digest(content["rule"]), effective_from=SINCE,
        )  # fmt: skip
        await rig.world.state(f"path-{content['id']}", event)
    await settled(rig)


async def publish_lasting(rig: Rig, definition_id: str, months: int) -> None:
    """Publish a new version of a definition whose credentials expire."""
    before = definition(definition_id)
    content = {**before, "version": before["version"] + 1, "validity": {"months": months, "renewal": "reassessment"}}
    await rig.world.state(f"def-{definition_id}", published(content))
    await settled(rig)


async def merit(rig: Rig, definition_id: str, learner_ref: str | None = None, percent: float = 92) -> Merit:
    """Assess a learner (a new one without a reference), offer, fetch, and wait until everything has followed."""
    known = None if learner_ref is None else {"learner_ref": learner_ref}
    achieved = await rig.achieved(definition_id, percent, known)
    wallet = Wallet(rig, await rig.offer(achieved["achievement_id"]), achieved)
    await wallet.token()
    answer = await wallet.credential(configuration=definition_id)
    assert answer.status_code == 200, answer.text
    await settled(rig)
    return Merit(UUID(wallet.offered["credential_id"]), achieved["learner_ref"], wallet)


async def merits(rig: Rig, *definition_ids: str) -> list[Merit]:
    """Let one new learner earn several merits, one after the other."""
    found: list[Merit] = []
    for definition_id in definition_ids:
        found.append(await merit(rig, definition_id, found[0].learner_ref if found else None))
    return found


async def settled(rig: Rig) -> None:
    """Wait until every reader and reaction is at the head, and nothing more followed; nothing may be parked."""
    before = -1
    while (head := await rig.runtime.log.head()) != before:
        await rig.caught_up()
        before = head
    readiness = await rig.runtime.ready()
    assert readiness.parked == 0, await rig.dump("parked")


async def becomes(rig: Rig, credential_id: UUID, kind: type[Event], **more: Any) -> None:
    """Let the registry say something of a credential, and wait until everything has followed."""
    values: Json = {"credential_id": str(credential_id), "copies": (), **_SAID[kind], **more}
    await rig.world.state(f"status-{credential_id}", kind.read(values))
    await settled(rig)


_SAID: dict[type[Event], Json] = {
    registry.CredentialSuspended: {"cause": "issuer", "causes": ["issuer"], "reason_code": "under_review"},
    registry.CredentialReinstated: {"cause": "issuer", "causes": [], "reason_code": "cleared"},
    registry.CredentialRevoked: {
        "reason_code": "issued_in_error", "effective_from": SINCE.isoformat(), "void_ab_initio": True,
    },
    registry.CredentialExpired: {"at": SINCE.isoformat()},
}  # fmt: skip


async def award(rig: Rig, pathway_id: str = PATH, learner_ref: str | None = None) -> Json:
    """Return the newest award of a pathway, as it is read."""
    query = {"pathway_id": pathway_id} | ({"learner_ref": learner_ref} if learner_ref else {})
    listed = await rig.client.get("/v1/awards", params=query, headers=rig.headers(*BODY))
    assert listed.status_code == 200, listed.text
    newest = max(listed.json()["items"], key=lambda row: int(row["ordinal"]))
    return await read(rig, newest["stack_id"])


async def read(rig: Rig, stack_id: str, **query: str) -> Json:
    """Return one award."""
    answer = await rig.client.get(f"/v1/awards/{stack_id}", params=query, headers=rig.headers(*BODY))
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def command(rig: Rig, path: str, caller: tuple[str, ...] = BODY, **body: Any) -> httpx2.Response:
    """Send a command about awards, and wait until everything has followed."""
    answer = await rig.post(path, body, *caller)
    await settled(rig)
    return answer


async def later(rig: Rig, by: timedelta) -> None:
    """Let time pass and the timer of what is due do its work."""
    rig.clock.advance(by)
    await rig.caught_up()
    await stacking(rig).stacks.reassess_due()
    await settled(rig)


def stacking(rig: Rig) -> Stacking:
    """Return the use cases, as the timers call them."""
    return stacking_of(rig.runtime, rig.queries, rig.vault, rig.offers, rig.clock)


def refused(answer: httpx2.Response, status: int, code: str) -> Json:
    """Return the members of a refusal."""
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    return dict(answer.json())

"""Awards by decision: proposals decided and declined, awards by command, and who may do so."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from kompetenspass.core.ids import uuid7
from kompetenspass.events import registry
from services.issuance.tests.pathways import (
    ABROAD,
    BODY,
    ONE,
    PATH,
    TWO,
    all_of,
    award,
    becomes,
    command,
    merit,
    pathway,
    publish,
    read,
    refused,
    settled,
)
from services.issuance.tests.rig import Json, Rig
from services.issuance.tests.world import KOMMUN


async def proposed(rig: Rig, *leaves: str) -> Json:
    """Return a proposal, with the learner who satisfies it."""
    await publish(rig, pathway(all_of(*(leaves or (ONE,))), mode="decision"))
    await merit(rig, ONE)
    return await award(rig)


async def decided(rig: Rig, stack_id: str, decision: str = "award", ref: str = "d-1", **more: Any) -> Any:
    return await command(rig, f"/v1/awards/{stack_id}/decision", decision=decision, decision_ref=ref, **more)


async def test_a_decision_pathway_is_proposed_and_awarded_by_decision(rig: Rig) -> None:
    waiting = await proposed(rig)
    assert (waiting["state"], waiting["offer"]) == ("proposed", None)
    answer = await decided(rig, waiting["stack_id"])
    assert (answer.status_code, answer.json()["state"]) == (200, "awarded")
    assert answer.headers["Log-Position"].startswith("issuance=")
    (stacked,) = await rig.events("CredentialStacked")
    assert (stacked["mode"], stacked["decision_ref"]) == ("decision", "d-1")
    assert (await award(rig))["offer"]["offer_uri"].startswith("openid-credential-offer://")


async def test_a_decision_can_be_sent_again_and_another_is_refused(rig: Rig) -> None:
    stack_id = (await proposed(rig))["stack_id"]
    await decided(rig, stack_id)
    again = await decided(rig, stack_id)
    assert (again.status_code, "Log-Position" in again.headers) == (200, False)
    refused(await decided(rig, stack_id, ref="d-2"), 409, "already_decided")
    assert len(await rig.events("CredentialStacked")) == 1


async def test_a_declined_proposal_is_not_made_again_by_itself_but_by_command(rig: Rig) -> None:
    waiting = await proposed(rig)
    declined = await decided(rig, waiting["stack_id"], "decline", reason_code="other_assessment")
    assert declined.json()["state"] == "declined"
    await merit(rig, ONE, waiting["learner_ref"])
    assert (await award(rig))["state"] == "declined"
    body: Json = {"pathway_id": PATH, "learner_ref": waiting["learner_ref"], "decision_ref": "d-9"}
    assert (await command(rig, "/v1/awards", **body)).json()["state"] == "awarded"


async def test_what_no_longer_satisfies_the_rule_is_not_awarded(rig: Rig) -> None:
    waiting = await proposed(rig)
    constituent = waiting["constituents"][0]["credential_id"]
    await becomes(rig, constituent, registry.CredentialRevoked)
    body = refused(await decided(rig, waiting["stack_id"]), 409, "rule_not_satisfied")
    assert body["missing"] == [{"kind": "definition", "id": ONE}]
    assert (await award(rig))["state"] == "proposed"


async def test_an_award_by_command_needs_the_rule_and_stands_alone(rig: Rig) -> None:
    await publish(rig, pathway(all_of(ONE, TWO), mode="decision"))
    held = await merit(rig, ONE)
    body: Json = {"pathway_id": PATH, "learner_ref": held.learner_ref, "decision_ref": "d-1"}
    short = refused(await command(rig, "/v1/awards", **body), 409, "rule_not_satisfied")
    assert short["missing"] == [{"kind": "definition", "id": TWO}]
    await merit(rig, TWO, held.learner_ref)
    made = await command(rig, "/v1/awards", **body)
    assert (made.status_code, made.json()["ordinal"]) == (201, 1)
    assert (await command(rig, "/v1/awards", **body)).json()["stack_id"] == made.json()["stack_id"]
    refused(await command(rig, "/v1/awards", **{**body, "decision_ref": "d-2"}), 409, "award_stands")


async def test_after_a_revocation_the_next_award_has_the_next_ordinal_and_is_never_made_by_itself(rig: Rig) -> None:
    await publish(rig, pathway(all_of(ONE)))
    held = await merit(rig, ONE)
    found = await award(rig)
    await becomes(rig, found["credential_id"], registry.CredentialRevoked, void_ab_initio=False)
    assert (await award(rig))["state"] == "revoked"
    await merit(rig, ONE, held.learner_ref)
    assert len(await rig.events("CredentialStacked")) == 1
    body: Json = {"pathway_id": PATH, "learner_ref": held.learner_ref, "decision_ref": "d-1"}
    made = await asyncio.gather(*(rig.post("/v1/awards", body, *BODY) for _ in range(3)))
    assert {answer.json()["ordinal"] for answer in made} == {2}
    await settled(rig)
    assert len(await rig.events("CredentialStacked")) == 2


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("get", "/v1/awards/{}", None),
        ("post", "/v1/awards/{}/decision", {"decision": "award", "decision_ref": "d"}),
        ("post", "/v1/awards/{}/offers", {"tx_code": False}),
        ("post", "/v1/awards/{}/review", {"decision": "confirm", "decision_ref": "d"}),
        ("post", "/v1/awards/{}/appeals", {"appeal_ref": "a"}),
        ("post", "/v1/awards", {"pathway_id": PATH, "learner_ref": "x", "decision_ref": "d"}),
        ("post", f"/v1/pathways/{PATH}/evaluations", {"credentials": []}),
    ],
)
async def test_awards_of_others_are_not_there(rig: Rig, method: str, path: str, body: Json | None) -> None:
    found = await proposed(rig)
    for stack_id, caller in ((found["stack_id"], ABROAD), (str(uuid7()), BODY)):
        if "{}" not in path and caller == BODY:
            continue
        options: Json = {} if body is None else {"json": body}
        answer = await rig.client.request(method, path.format(stack_id), headers=rig.headers(*caller), **options)
        refused(answer, 404, "not_found")
    options = {} if body is None else {"json": body}
    other_role = await rig.client.request(
        method, path.format(found["stack_id"]), headers=rig.headers(KOMMUN, "provider"), **options
    )
    refused(other_role, 403, "forbidden")


async def test_unknown_members_and_unusable_values_are_refused(rig: Rig) -> None:
    stack_id = (await proposed(rig))["stack_id"]
    for path, body in (
        ("/v1/awards", {"pathway_id": PATH, "learner_ref": "x", "decision_ref": "d", "more": 1}),
        ("/v1/awards", {"pathway_id": PATH, "learner_ref": "x", "decision_ref": " "}),
        (f"/v1/awards/{stack_id}/decision", {"decision": "maybe", "decision_ref": "d"}),
        (f"/v1/awards/{stack_id}/review", {"decision": "revoke", "decision_ref": "d", "ground": "mood"}),
        (f"/v1/awards/{stack_id}/appeals", {}),
        (f"/v1/pathways/{PATH}/evaluations", {}),
        (f"/v1/pathways/{PATH}/evaluations", {"learner_ref": "x", "credentials": []}),
        (f"/v1/pathways/{PATH}/evaluations", {"credentials": [{"definition_id": ONE, "score": 1}]}),
    ):
        answer = await rig.post(path, body, *BODY)
        assert answer.status_code == 400, (path, body, answer.text)
    unknown = {"pathway_id": PATH, "learner_ref": "nobody", "decision_ref": "d"}
    refused(await rig.post("/v1/awards", unknown, *BODY), 404, "not_found")


async def test_awards_are_listed_in_pages_by_what_is_asked(rig: Rig) -> None:
    await publish(rig, pathway(all_of(ONE)), pathway(all_of(ONE), "other-path", mode="decision"))
    held = await merit(rig, ONE)
    await merit(rig, ONE)

    async def listed(**query: Any) -> Json:
        answer = await rig.client.get("/v1/awards", params=query, headers=rig.headers(*BODY))
        return dict(answer.json())

    everything = await listed()
    ids = [row["stack_id"] for row in everything["items"]]
    assert (len(ids), ids == sorted(ids), everything["next"]) == (4, True, None)
    first = await listed(limit=3)
    rest = await listed(limit=3, after=first["next"])
    assert [row["stack_id"] for row in (*first["items"], *rest["items"])] == ids
    assert {row["state"] for row in (await listed(pathway_id="other-path"))["items"]} == {"proposed"}
    assert len((await listed(learner_ref=held.learner_ref, state="awarded"))["items"]) == 1
    assert (await listed(review="open"))["items"] == (await listed(review="overdue"))["items"] == []
    abroad = await rig.client.get("/v1/awards", headers=rig.headers(*ABROAD))
    assert abroad.json() == {"items": [], "next": None}
    assert (await rig.client.get("/v1/awards", headers=rig.headers(KOMMUN, "issuer"))).status_code == 403


async def test_an_award_is_explained_in_the_language_that_is_asked_for(rig: Rig) -> None:
    await publish(rig, pathway(all_of(ONE)))
    await merit(rig, ONE)
    stack_id = (await award(rig))["stack_id"]
    swedish, english = [(await read(rig, stack_id, lang=lang))["explanation"] for lang in ("sv", "en")]
    assert len(swedish) == len(english)
    assert [one["text"] for one in swedish] != [one["text"] for one in english]

"""Supersession over HTTP: the awarding body lets one of its credentials take another's place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from kompetenspass.events import registry
from kompetenspass.testing.clock import NOON
from services.issuance import tables
from services.issuance.state import Turns
from services.issuance.tests.rig import MERIT, Json, Rig, Wallet
from services.issuance.tests.world import KOMMUN, VUX


@dataclass
class Pair:
    """A wallet with the old and one with the new credential of one learner."""

    rig: Rig
    old: Wallet
    new: Wallet

    @property
    def names(self) -> tuple[str, str]:
        return str(self.old.offered["credential_id"]), str(self.new.offered["credential_id"])

    async def supersede(self, org: str = KOMMUN, role: str = "awarding_body", **changes: Any) -> Any:
        old, new = self.names
        path = f"/v1/credentials/{changes.pop('credential_id', old)}/supersede"
        return await self.rig.post(path, {"by_credential_id": new, "cause": "correction"} | changes, org, role)


async def credential(rig: Rig, learner: Json | None = None, definition_id: str = MERIT) -> Wallet:
    """Return a wallet that has fetched a credential."""
    achievement = await rig.achieved(definition_id, learner=learner)
    wallet = Wallet(rig, await rig.offer(achievement["achievement_id"]), achievement)
    await wallet.token()
    answer = await wallet.credential(configuration=definition_id)
    assert answer.status_code == 200, answer.text
    return wallet


@pytest.fixture
async def pair(rig: Rig) -> Pair:
    old = await credential(rig)
    return Pair(rig, old, await credential(rig, {"learner_ref": old.achievement["learner_ref"]}))


async def refused(pair: Pair, **changes: Any) -> str:
    answer = await pair.supersede(**changes)
    assert answer.status_code == 409, answer.text
    return str(answer.json()["code"])


async def test_a_credential_takes_the_place_of_another(pair: Pair) -> None:
    answer = await pair.supersede()
    old, new = pair.names
    assert (answer.status_code, answer.json()) == (200, {"credential_id": old, "by_credential_id": new})
    (event,) = await pair.rig.events("CredentialSuperseded")
    assert (event["credential_id"], event["by_credential_id"], event["cause"]) == (old, new, "correction")
    assert (event["issuer_org"], event["definition_id"]) == (KOMMUN, MERIT)
    (position,) = [at for at, data in enumerate(await pair.rig.logged(), 1) if "CredentialSuperseded" in data]
    assert answer.headers["Log-Position"] == f"issuance={position}"


async def test_the_overview_names_the_successor(pair: Pair) -> None:
    await pair.supersede()
    await pair.rig.caught_up()
    old, new = pair.names
    shown = select(tables.credentials.c.superseded_by).where(tables.credentials.c.credential_id == UUID(old))
    async with pair.rig.runtime.engine.connect() as connection:
        assert await connection.scalar(shown) == UUID(new)


async def test_saying_it_again_states_nothing(pair: Pair) -> None:
    await pair.supersede()
    assert (await pair.supersede()).status_code == 200
    assert len(await pair.rig.events("CredentialSuperseded")) == 1


async def test_another_cause_or_successor_is_refused_then(pair: Pair) -> None:
    await pair.supersede()
    assert await refused(pair, cause="renewal") == "already_superseded"


async def test_a_superseded_credential_is_not_offered_again(pair: Pair) -> None:
    await pair.supersede()
    path = f"/v1/achievements/{pair.old.achievement['achievement_id']}/offers"
    answer = await pair.rig.post(path, {"tx_code": False}, KOMMUN, "awarding_body")
    assert (answer.status_code, answer.json()["code"]) == (409, "credential_over")


async def test_an_open_offer_of_it_ends_with_it(pair: Pair) -> None:
    again = Wallet(pair.rig, await pair.rig.offer(pair.old.achievement["achievement_id"]), pair.old.achievement)
    await pair.supersede()
    (withdrawn,) = await pair.rig.events("OfferWithdrawn")
    assert (withdrawn["offer_id"], withdrawn["cause"]) == (again.offered["offer_id"], "replaced")
    assert (await again.redeem()).status_code == 400


async def test_a_token_of_it_fetches_nothing_more(pair: Pair) -> None:
    await pair.supersede()
    answer = await pair.old.credential()
    assert (answer.status_code, answer.json()["error"]) == (400, "credential_request_denied")


async def test_a_credential_that_was_not_fetched_is_refused(pair: Pair) -> None:
    learner = {"learner_ref": pair.old.achievement["learner_ref"]}
    achievement = await pair.rig.achieved(learner=learner)
    offered = await pair.rig.offer(achievement["achievement_id"])
    assert await refused(pair, by_credential_id=offered["credential_id"]) == "not_issued"


async def test_another_learners_credential_is_refused(pair: Pair) -> None:
    other = await credential(pair.rig)
    assert await refused(pair, by_credential_id=other.offered["credential_id"]) == "other_learner"


async def test_another_definitions_credential_is_refused(pair: Pair) -> None:
    learner = {"learner_ref": pair.old.achievement["learner_ref"]}
    other = (await credential(pair.rig, learner, "sko-ys-02")).offered["credential_id"]
    assert await refused(pair, by_credential_id=other) == "other_definition"


async def test_a_circle_is_refused(pair: Pair) -> None:
    old, new = pair.names
    assert await refused(pair, by_credential_id=old) == "would_be_a_circle"
    await pair.supersede()
    body = {"by_credential_id": old, "cause": "correction"}
    answer = await pair.rig.post(f"/v1/credentials/{new}/supersede", body, KOMMUN, "awarding_body")
    assert (answer.status_code, answer.json()["code"]) == (409, "would_be_a_circle")


async def test_what_is_over_is_refused(pair: Pair) -> None:
    new = UUID(pair.names[1])
    event = registry.CredentialRevoked(
        credential_id=new, copies=(), reason_code="fraud", effective_from=NOON, void_ab_initio=True
    )
    await pair.rig.world.state(f"status-{new}", event)
    await pair.rig.caught_up()
    assert await refused(pair) == "credential_over"


async def test_two_at_once_for_a_learner_take_turns(pair: Pair) -> None:
    learner_ref = pair.old.achievement["learner_ref"]
    async with Turns(pair.rig.runtime.engine).turn(f"supersede {learner_ref}") as ours:
        assert ours
        assert await refused(pair) == "conflict"
    assert (await pair.supersede()).status_code == 200


async def test_only_the_awarding_body_may(pair: Pair) -> None:
    assert (await pair.supersede(role="provider")).status_code == 403
    assert (await pair.supersede(org=VUX)).status_code == 404
    assert (await pair.supersede(credential_id=str(UUID(int=1)))).status_code == 404
    assert (await pair.supersede(by_credential_id=str(UUID(int=1)))).status_code == 404
    assert await pair.rig.events("CredentialSuperseded") == []


async def test_an_unknown_cause_is_refused(pair: Pair) -> None:
    assert (await pair.supersede(cause="whim")).status_code in (400, 422)

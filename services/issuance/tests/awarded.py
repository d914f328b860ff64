"""Awards for tests: said in the log as they are made, with merits that a learner's wallet has fetched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx2

from kompetenspass.core.digest import content_digest
from kompetenspass.core.ids import credential_id_of
from kompetenspass.events import stacking
from kompetenspass.events.base import Event
from kompetenspass.events.envelope import SYSTEM, Context
from kompetenspass.events.stacking import Constituent
from kompetenspass.log.api import Recorded
from kompetenspass.log.execute import execute
from kompetenspass.testing.clock import NOON
from services.issuance.domain import stack
from services.issuance.domain.stack import Stack
from services.issuance.routes.offers import told
from services.issuance.service.awards_cause import Cause, because_of
from services.issuance.service.offer_links import Offered
from services.issuance.service.ports import Caller
from services.issuance.tests.rig import Json, Rig, Wallet
from services.issuance.tests.world import KOMMUN, pilot

PATHWAY: Json = pilot()["pathways"][0]
MERITS = ("sko-ys-01", "sko-ys-02")


@dataclass
class Award:
    """An award that the awarding body made of less than the rule asks for, so that nothing else makes it."""

    rig: Rig
    learner_ref: str
    wallets: dict[str, Wallet] = field(default_factory=dict)
    pathway: Json = field(default_factory=lambda: PATHWAY)

    @property
    def stack_id(self) -> UUID:
        return stack.stack_id_of(self.learner_ref, self.pathway["id"], 1, 1)

    @property
    def credential_id(self) -> UUID:
        return credential_id_of(self.stack_id)

    @property
    def caller(self) -> Caller:
        return Caller(KOMMUN, frozenset({"awarding_body"}), Context(SYSTEM, self.rig.clock(), "test"))

    async def say(self, *events: Event) -> None:
        """Append to the award's stream what is not there, and wait until the service has seen it."""

        def decide(_: Stack) -> Sequence[Event]:
            return events

        await execute(
            self.rig.runtime.log, stack.stream_of(self.stack_id), initial=stack.INITIAL, evolve=stack.evolve,
            decide=decide, context=Context(SYSTEM, self.rig.clock(), "test"),
        )  # fmt: skip
        await self.rig.caught_up()

    async def make(self, constituents: Sequence[Constituent]) -> None:
        """Say that the award was made."""
        await self.say(
            stacking.CredentialStacked(
                stack_id=self.stack_id,
                credential_id=self.credential_id,
                learner_ref=self.learner_ref,
                pathway_id=self.pathway["id"],
                pathway_version=1,
                pathway_digest=content_digest(self.pathway),
                rule_digest=content_digest(self.pathway["rule"]),
                awarding_body=KOMMUN,
                ordinal=1,
                constituents=tuple(constituents),
                proof_digest="p",
                mode="decision",
                decision_ref="d-0",
                awarded_on=NOON.date(),
                recognition_level="R4",
            )
        )

    async def suspend(self) -> Cause:
        await self.say(self._change(stacking.StackSuspended, cause="review", reason_code="fraud", decision_ref="d-1"))
        return await self.newest(stacking.StackSuspended)

    async def reinstate(self) -> Cause:
        await self.say(self._change(stacking.StackReinstated, cause="review", decision_ref="d-2"))
        return await self.newest(stacking.StackReinstated)

    async def revoke(self) -> Cause:
        await self.say(self._change(stacking.StackRevoked, reason_code="issued_in_error", decision_ref="d-3"))
        return await self.newest(stacking.StackRevoked)

    async def rebind(self, definition_id: str) -> Cause:
        """Let the wallet fetch a merit again, and the award be bound to the new copy."""
        wallet = self.wallets[definition_id]
        assert (await wallet.credential(configuration=definition_id)).status_code == 200
        await self.rig.caught_up()
        now = await constituent(self.rig, wallet)
        stated = [event for event in await self.rig.events("StackRebound") if event["to"]["digests"] == [*now.digests]]
        if not stated:
            rebound = stacking.StackRebound(stack_id=self.stack_id, from_credential_id=now.credential_id, to=now)
            await self.say(rebound)
        return await self.newest(stacking.StackRebound)

    async def newest(self, kind: type[Event]) -> Cause:
        """Return the newest event of a kind as the cause of what follows from it."""
        return because_of([one for one in await self._recorded() if isinstance(one.event, kind)][-1])

    async def offered(self, offer_id: UUID | None) -> Wallet:
        """Return a wallet that was handed the link of an offer that was made by itself."""
        assert offer_id is not None
        again = await self.rig.offers.told_again(offer_id)
        assert again is not None
        return self.handed(again)

    def handed(self, offered: Offered) -> Wallet:
        """Return a wallet that was handed an offer."""
        return Wallet(self.rig, told(offered), {})

    async def _recorded(self) -> Sequence[Recorded]:
        return await self.rig.runtime.log.read_stream(stack.stream_of(self.stack_id))

    def _change(self, kind: type[Event], **what: Any) -> Event:
        its = {
            "stack_id": str(self.stack_id),
            "credential_id": str(self.credential_id),
            "issuer_org": KOMMUN,
            "learner_ref": self.learner_ref,
            "pathway_id": self.pathway["id"],
            "pathway_version": 1,
        }
        return kind.read({**its, **what})


async def constituent(rig: Rig, wallet: Wallet) -> Constituent:
    """Return what is in a wallet as an award binds it now."""
    credential_id = wallet.offered["credential_id"]
    newest = [one for one in await rig.events("CredentialIssued") if one["credential_id"] == credential_id][-1]
    return Constituent(
        credential_id=UUID(credential_id),
        kind="pathway" if newest.get("stack_id") else "definition",
        definition_id=newest["definition_id"],
        definition_version=1,
        definition_digest=newest["definition_digest"],
        digests=tuple(copy["digest"] for copy in newest["copies"]),
        status_at_award="valid",
    )


async def award(rig: Rig) -> Award:
    """Return an award of vocational Swedish that rests on two merits in the learner's wallet."""
    wallets: dict[str, Wallet] = {}
    learner: Json | None = None
    for definition_id in MERITS:
        achieved = await rig.achieved(definition_id, learner=learner)
        learner = {"learner_ref": achieved["learner_ref"]}
        wallet = Wallet(rig, await rig.offer(achieved["achievement_id"]), achieved)
        await wallet.token()
        assert (await wallet.credential(configuration=definition_id)).status_code == 200
        wallets[definition_id] = wallet
    made = Award(rig, next(iter(wallets.values())).achievement["learner_ref"], wallets)
    await made.make([await constituent(rig, wallet) for wallet in wallets.values()])
    return made


async def fetched(wallet: Wallet, pathway_id: str = PATHWAY["id"]) -> httpx2.Response:
    """Redeem the offer of an award and ask for its credential; return the answer."""
    await wallet.token()
    return await wallet.credential(configuration=pathway_id)


async def offers_of(made: Award, kind: str = "CredentialOffered") -> list[Json]:
    """Return what the log says of offers of the award's credential."""
    return [one for one in await made.rig.events(kind) if one["credential_id"] == str(made.credential_id)]


async def by_itself(made: Award) -> UUID | None:
    """Offer the award because it was made."""
    return await made.rig.offers.offer_award_by_itself(made.stack_id, await made.newest(stacking.CredentialStacked))


async def compact(wallet: Wallet, pathway_id: str = PATHWAY["id"]) -> str:
    answer = await fetched(wallet, pathway_id)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["credentials"][0]["credential"])


async def refused(wallet: Wallet) -> None:
    answer = await wallet.credential(configuration=PATHWAY["id"])
    assert (answer.status_code, answer.json()["error"]) == (400, "credential_request_denied"), answer.text

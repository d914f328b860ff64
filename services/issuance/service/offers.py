"""Offers: the way from an achievement or an award to a learner's wallet. Source: domain.md 3.4; OpenID4VCI, section 4.

An award is also offered by itself, because of an event. Such an offer's id follows from the cause, and its link from
its id: handling the cause again makes no second offer, and whoever may see the award can be told the link again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal
from uuid import UUID

from kompetenspass.core.clock import Clock
from kompetenspass.core.errors import Kind, Problem, not_found
from kompetenspass.core.ids import derived_event_id, uuid7
from kompetenspass.events.base import Event
from kompetenspass.events.envelope import SYSTEM, Context
from kompetenspass.events.issuance import CredentialOffered, OfferWithdrawn
from kompetenspass.log.api import Log
from kompetenspass.log.execute import Done, execute, fold
from kompetenspass.openid.oid4vci.offer import CredentialOffer
from services.issuance.domain import achievement, credential
from services.issuance.domain.achievement import Achievement, Phase
from services.issuance.domain.authority import Organisation, require_right, require_role
from services.issuance.domain.credential import Credential, WithdrawalCause, stream_of
from services.issuance.domain.offered import Terms, of_achievement, of_award
from services.issuance.domain.stack import Stack
from services.issuance.service.award_authority import awarded_by
from services.issuance.service.awards_cause import Cause
from services.issuance.service.offer_history import award_as_bound, offers_made
from services.issuance.service.offer_links import Links, Offered, hashed
from services.issuance.service.ports import Caller, Facts, Keys, Profile, State

_SWEPT_AT_ONCE = 200
_REACTION = "award_offers"


class Offers:
    """Offers are made and taken back by the awarding body; a code is used at the token endpoint."""

    def __init__(self, log: Log, facts: Facts, state: State, keys: Keys, profile: Profile, clock: Clock) -> None:
        self._log = log
        self._facts = facts
        self._state = state
        self._lifetime = profile.offer_lifetime
        self._links = Links(keys, profile)
        self._clock = clock

    async def offer(self, caller: Caller, achievement_id: UUID, *, tx_code: bool) -> Offered:
        """Return a new offer for a confirmed achievement; an older one is withdrawn.

        Raises `not_confirmed`, `role_not_held`, `no_issuing_right`, `credential_over`, `forbidden`, `not_found`.
        """
        await self._facts.require_fresh()
        earned, issuer = await self._earned(caller, achievement_id)
        return await self._told_once(caller, of_achievement(earned, self._terms(uuid7(), tx_code=tx_code)), issuer.slug)

    async def offer_award(self, caller: Caller, stack_id: UUID, *, tx_code: bool) -> Offered:
        """Return a new offer for an award that stands; an older one is withdrawn.

        Raises `award_not_standing`, `role_not_held`, `credential_over`, `forbidden`, `not_found`.
        """
        await self._facts.require_fresh()
        stack, _ = await award_as_bound(self._log, stack_id)
        _require_awarding_body(caller, stack.subject.awarding_body, "award")
        if stack.name != "awarded":
            raise _not_standing(stack)
        issuer = await self._awarding(stack)
        return await self._told_once(caller, of_award(stack, self._terms(uuid7(), tx_code=tx_code)), issuer.slug)

    async def offer_award_by_itself(self, stack_id: UUID, cause: Cause) -> UUID | None:
        """Offer an award because of an event; return the offer's id, None when there is nothing to offer.

        There is nothing while the award does not stand, or its issuer holds no role, or when the wallet has it, or may
        fetch it, as it is bound now. A repeat for the same cause changes nothing and returns the same.
        Raises `facts_stale`.
        """
        await self._facts.refresh()
        stack, bound_at = await award_as_bound(self._log, stack_id)
        if stack.name != "awarded":
            return None
        offer_id = derived_event_id(cause.id, _REACTION, f"stack-{stack_id}", "offer")
        made = await offers_made(self._log, stack.subject.credential_id)
        status = await self._facts.status(stack.subject.credential_id)
        if offer_id in made.positions:
            return offer_id
        over = status in ("revoked", "expired") or made.state.superseded is not None
        if over or made.usable_since(bound_at, self._clock()):
            return None
        try:
            issuer = await self._awarding(stack)
        except Problem as refusal:
            if refusal.kind is Kind.CONFLICT:
                return None
            raise
        await self._offered_because(cause, of_award(stack, self._terms(offer_id, tx_code=False)), issuer.slug)
        return offer_id

    async def told_again(self, offer_id: UUID) -> Offered | None:
        """Return an offer that was made by itself, while it is open; None for all others: they are told once."""
        secrets = self._links.kept(offer_id)
        row = await self._state.offer_by_reference(hashed(secrets.reference), self._clock())
        return None if row is None else self._links.told(row, secrets)

    async def withdraw(self, caller: Caller, offer_id: UUID) -> int:
        """Take an offer back, from a wallet with a token too; return the log position (0: it was over already).

        Raises `credential_issued` once the wallet has the credential, `forbidden`, `not_found`.
        """
        row = await self._state.offer(offer_id)
        if row is None:
            raise not_found("offer")
        _require_awarding_body(caller, row.issuer_org, "offer")
        await self._state.withdraw_offer(offer_id, "issuer")
        done = await self.settle(offer_id, row.credential_id, "issuer", caller.context)
        credential.require_not_fetched(done.state, offer_id)
        return done.position

    async def withdraw_award(self, credential_id: UUID, why: Literal["suspended", "revoked"], cause: Cause) -> int:
        """Take back what of an award was not fetched; return the log position (0: nothing is to be).

        So a repeat takes back nothing that was offered since.
        """
        state, _ = await fold(self._log, stream_of(credential_id), Credential(), credential.evolve)
        if state.offer is None or state.offer.stack_id is None or not credential.unfetched(state):
            return 0
        stack, _ = await award_as_bound(self._log, state.offer.stack_id)
        if stack.name == "awarded":
            return 0
        offer_id = state.offer.offer_id
        await self._state.withdraw_offer(offer_id, why)
        id_ = derived_event_id(cause.id, _REACTION, stream_of(credential_id), OfferWithdrawn.type)
        return (await self.settle(offer_id, credential_id, why, cause.context, lambda _: id_)).position

    async def by_reference(self, reference: str) -> CredentialOffer:
        """Return the offer that lies under an unguessable reference. Raises `not_found` once it is used or over."""
        row = await self._state.offer_by_reference(hashed(reference), self._clock())
        if row is None:
            raise not_found("credential offer")
        return self._links.document(row, reference)

    async def settle(
        self,
        offer_id: UUID,
        credential_id: UUID,
        why: WithdrawalCause,
        context: Context,
        event_ids: Callable[[int], UUID] | None = None,
    ) -> Done[Credential]:
        """Say in the log that an offer is over, unless it is said or the offer was fetched."""

        def decide(state: Credential) -> Sequence[Event]:
            return credential.withdraw(state, offer_id, why)

        done = await execute(
            self._log, stream_of(credential_id), initial=Credential(), evolve=credential.evolve, decide=decide,
            context=context, event_ids=event_ids,
        )  # fmt: skip
        await self._state.settle_offer(offer_id)
        return done

    async def sweep(self) -> None:
        """Let offers lapse whose time is over, and finish what a crash left half said."""
        now = self._clock()
        for offer_id, credential_id, why in await self._state.unsettled_offers(now, _SWEPT_AT_ONCE):
            context = Context(SYSTEM, now, correlation_id=str(offer_id))
            await self.settle(offer_id, credential_id, why, context)

    def url(self, reference: str) -> str:
        """Return where an offer lies: the `credential_offer_uri`."""
        return self._links.url(reference)

    async def _told_once(self, caller: Caller, offered: CredentialOffered, slug: str) -> Offered:
        status = await self._facts.status(offered.credential_id)
        credential.require_offerable(status)
        secrets = self._links.fresh(tx_code=offered.tx_code)
        row = self._links.row(offered, slug, secrets)
        await self._state.add_offer(row)
        done = await execute(
            self._log, stream_of(offered.credential_id), initial=Credential(), evolve=credential.evolve,
            decide=lambda state: credential.offer(state, offered, status), context=caller.context,
        )  # fmt: skip
        await self._end_replaced(done.events)
        return self._links.told(row, secrets, done.position)

    async def _offered_because(self, cause: Cause, offered: CredentialOffered, slug: str) -> None:
        """Make the offer whose id follows from the cause; what a crash left of it is taken up again.

        A status `suspended` may be the registry's word of before a reinstatement: the offer is made, and nothing is
        issued under it before the registry has taken that word back.
        """
        row = self._links.row(offered, slug, self._links.kept(offered.offer_id))
        await self._state.add_offer(row)
        kept = await self._state.offer(offered.offer_id) or row
        offered = offered.model_copy(update={"offer_expires_at": kept.expires_at})
        stream, events = stream_of(offered.credential_id), list[Event]()

        def decide(state: Credential) -> Sequence[Event]:
            events[:] = credential.offer(state, offered, None)
            return events

        done = await execute(
            self._log, stream, initial=Credential(), evolve=credential.evolve, decide=decide,
            context=cause.context, event_ids=cause.ids(_REACTION, stream, events),
        )  # fmt: skip
        await self._end_replaced(done.events)

    async def _end_replaced(self, events: Sequence[Event]) -> None:
        for event in events:
            if isinstance(event, OfferWithdrawn):
                await self._state.withdraw_offer(event.offer_id, event.cause)
                await self._state.settle_offer(event.offer_id)

    async def _earned(self, caller: Caller, achievement_id: UUID) -> tuple[Achievement, Organisation]:
        state, _ = await fold(self._log, achievement.stream_of(achievement_id), Achievement(), achievement.evolve)
        _require_awarding_body(caller, state.plan.awarding_body, "achievement")
        if state.phase is not Phase.CONFIRMED:
            raise _not_confirmed()
        definition = await self._facts.definition_version(state.plan.definition_digest)
        issuer = (await self._facts.organisations(state.plan.awarding_body)).get(state.plan.awarding_body)
        if definition is None or issuer is None:
            raise not_found("definition or organisation")
        now = self._clock()
        require_role(issuer, "issuer", definition, now)
        require_right(issuer, definition, await self._facts.rights(definition.id), now)
        return state, issuer

    async def _awarding(self, stack: Stack) -> Organisation:
        _, issuer = await awarded_by(self._facts, stack.subject.pathway_digest, self._clock())
        return issuer

    def _terms(self, offer_id: UUID, *, tx_code: bool) -> Terms:
        return Terms(offer_id, tx_code, self._clock() + self._lifetime)


def _require_awarding_body(caller: Caller, awarding_body: str, what: str) -> None:
    if "awarding_body" not in caller.roles:
        raise Problem(
            "forbidden",
            "This needs the role awarding_body.",
            kind=Kind.FORBIDDEN,
            remedy="Use a token with that role.",
        )
    if caller.org != awarding_body:
        raise not_found(what)


def _not_confirmed() -> Problem:
    return Problem(
        "not_confirmed",
        "Only a confirmed achievement can be offered.",
        kind=Kind.CONFLICT,
        remedy="Confirm the achievement first.",
    )


def _not_standing(stack: Stack) -> Problem:
    return Problem(
        "award_not_standing",
        "Only an award that stands can be offered.",
        kind=Kind.CONFLICT,
        remedy="A proposal is decided first; a suspended award can be offered once it is reinstated.",
        members={"state": stack.name},
    )

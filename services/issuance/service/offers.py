"""Offers: the way from a confirmed achievement to a learner's wallet. Source: domain.md 3.4; OpenID4VCI, section 4."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from kompetenspass.core.clock import Clock
from kompetenspass.core.digest import b64u
from kompetenspass.core.errors import Kind, Problem, not_found
from kompetenspass.core.ids import AchievementId, credential_id_of, random_digits, random_token, uuid7
from kompetenspass.events.base import Event
from kompetenspass.events.envelope import SYSTEM, Context
from kompetenspass.events.issuance import CredentialOffered, OfferWithdrawn
from kompetenspass.log.api import Log
from kompetenspass.log.execute import Done, execute, fold
from kompetenspass.openid.oid4vci.offer import (
    CredentialOffer,
    TxCode,
    offer_uri_by_reference,
    offer_uri_by_value,
    pre_authorized_offer,
)
from services.issuance.domain import achievement, credential
from services.issuance.domain.achievement import Achievement, Phase
from services.issuance.domain.authority import Definition, Organisation, require_right, require_role
from services.issuance.domain.credential import Credential, WithdrawalCause, stream_of
from services.issuance.service.ports import Caller, Facts, Keys, OfferRow, Profile, State

TX_CODE_DIGITS = 6
_SWEPT_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Offered:
    """A fresh offer. Its URIs and its transaction code are told once and are nowhere else."""

    offer_id: UUID
    credential_id: UUID
    by_value: str = field(repr=False)
    by_reference: str = field(repr=False)
    offer_url: str = field(repr=False)
    tx_code: str | None = field(repr=False)
    expires_at: datetime
    position: int


@dataclass(frozen=True, slots=True)
class _Secrets:
    reference: str
    code: str
    tx_code: str | None


class Offers:
    """Offers are made and taken back by the awarding body; a code is used at the token endpoint."""

    def __init__(self, log: Log, facts: Facts, state: State, keys: Keys, profile: Profile, clock: Clock) -> None:
        self._log = log
        self._facts = facts
        self._state = state
        self._keys = keys
        self._profile = profile
        self._clock = clock

    async def offer(self, caller: Caller, achievement_id: UUID, *, tx_code: bool) -> Offered:
        """Return a new offer for a confirmed achievement; an older one is withdrawn.

        Raises `not_confirmed`, `role_not_held`, `no_issuing_right`, `credential_over`, `forbidden`, `not_found`.
        """
        await self._facts.require_fresh()
        earned, definition, issuer = await self._earned(caller, achievement_id)
        secrets = self._secrets(tx_code=tx_code)
        offered = self._event(earned, issuer, tx_code=tx_code)
        status = await self._facts.status(offered.credential_id)
        credential.require_offerable(status)
        row = self._row(offered, definition, issuer, secrets)
        await self._state.add_offer(row)
        done = await execute(
            self._log, stream_of(offered.credential_id), initial=Credential(), evolve=credential.evolve,
            decide=lambda state: credential.offer(state, offered, status), context=caller.context,
        )  # fmt: skip
        for event in done.events:
            if isinstance(event, OfferWithdrawn):
                await self._state.withdraw_offer(event.offer_id, event.cause)
                await self._state.settle_offer(event.offer_id)
        return self._told(row, secrets, done.position)

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

    async def by_reference(self, reference: str) -> CredentialOffer:
        """Return the offer that lies under an unguessable reference. Raises `not_found` once it is used or over."""
        row = await self._state.offer_by_reference(_hashed(reference), self._clock())
        if row is None:
            raise not_found("credential offer")
        return self._document(row.slug, row.configuration_id, self._code(reference), tx_code=row.tx_hash is not None)

    async def settle(
        self, offer_id: UUID, credential_id: UUID, cause: WithdrawalCause, context: Context
    ) -> Done[Credential]:
        """Say in the log that an offer is over, unless it is said or the offer was fetched."""

        def decide(state: Credential) -> Sequence[Event]:
            return credential.withdraw(state, offer_id, cause)

        done = await execute(
            self._log, stream_of(credential_id),
            initial=Credential(), evolve=credential.evolve, decide=decide, context=context,
        )  # fmt: skip
        await self._state.settle_offer(offer_id)
        return done

    async def sweep(self) -> None:
        """Let offers lapse whose time is over, and finish what a crash left half said."""
        now = self._clock()
        for offer_id, credential_id, cause in await self._state.unsettled_offers(now, _SWEPT_AT_ONCE):
            context = Context(SYSTEM, now, correlation_id=str(offer_id))
            await self.settle(offer_id, credential_id, cause, context)

    def url(self, reference: str) -> str:
        """Return where an offer lies: the `credential_offer_uri`."""
        return f"{self._profile.base_url}/offers/{reference}"

    async def _earned(self, caller: Caller, achievement_id: UUID) -> tuple[Achievement, Definition, Organisation]:
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
        return state, definition, issuer

    def _event(self, earned: Achievement, issuer: Organisation, *, tx_code: bool) -> CredentialOffered:
        assert earned.confirmed is not None
        return CredentialOffered(
            credential_id=credential_id_of(AchievementId(earned.plan.achievement_id)),
            achievement_id=earned.plan.achievement_id,
            learner_ref=earned.plan.learner_ref,
            offer_id=uuid7(),
            definition_id=earned.plan.definition_id,
            definition_version=earned.plan.definition_version,
            definition_digest=earned.plan.definition_digest,
            issuer_org=issuer.id,
            formats=(credential.FORMAT,),
            recognition_level=earned.confirmed.recognition_level,
            tx_code=tx_code,
            offer_expires_at=self._clock() + self._profile.offer_lifetime,
        )

    def _secrets(self, *, tx_code: bool) -> _Secrets:
        reference = random_token(32)
        return _Secrets(reference, self._code(reference), random_digits(TX_CODE_DIGITS) if tx_code else None)

    def _code(self, reference: str) -> str:
        """Return the pre-authorized code of a reference: so neither has to be stored to tell the offer again."""
        return b64u(hmac.digest(self._keys.offer, reference.encode(), hashlib.sha256))

    def _row(
        self, offered: CredentialOffered, definition: Definition, issuer: Organisation, secrets: _Secrets
    ) -> OfferRow:
        return OfferRow(
            offer_id=offered.offer_id,
            credential_id=offered.credential_id,
            learner_ref=offered.learner_ref,
            issuer_org=offered.issuer_org,
            slug=issuer.slug,
            configuration_id=definition.id,
            reference_hash=_hashed(secrets.reference),
            code_hash=_hashed(secrets.code),
            tx_hash=tx_code_hash(self._keys.tx_code, secrets.code, secrets.tx_code) if secrets.tx_code else None,
            expires_at=offered.offer_expires_at,
        )

    def _told(self, row: OfferRow, secrets: _Secrets, position: int) -> Offered:
        document = self._document(row.slug, row.configuration_id, secrets.code, tx_code=row.tx_hash is not None)
        url = self.url(secrets.reference)
        return Offered(
            offer_id=row.offer_id,
            credential_id=row.credential_id,
            by_value=offer_uri_by_value(document),
            by_reference=offer_uri_by_reference(url),
            offer_url=url,
            tx_code=secrets.tx_code,
            expires_at=row.expires_at,
            position=position,
        )

    def _document(self, slug: str, configuration_id: str, code: str, *, tx_code: bool) -> CredentialOffer:
        needed = TxCode(input_mode="numeric", length=TX_CODE_DIGITS) if tx_code else None
        return pre_authorized_offer(self._profile.issuer(slug), [configuration_id], code, needed)


def tx_code_hash(key: bytes, code: str, tx_code: str) -> bytes:
    """Return what is stored of a transaction code: an HMAC, bound to its pre-authorized code."""
    return hmac.digest(key, f"{code}\n{tx_code}".encode(), hashlib.sha256)


def _hashed(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


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

"""What an award's credential says, gathered from the award as it is bound now, the facts and the vault."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from kompetenspass.core.errors import Problem
from kompetenspass.events.issuance import CredentialOffered
from kompetenspass.events.stacking import Constituent
from kompetenspass.log.api import Log
from kompetenspass.log.execute import fold
from kompetenspass.openid.oid4vci.errors import credential_request_denied
from services.issuance.domain import stack
from services.issuance.domain.authority import Organisation, require_key
from services.issuance.domain.award_claims import Awarded, Part, claims_of_award, common_assurer
from services.issuance.domain.claims import Claims, Learner, Parties
from services.issuance.domain.stack import Stack
from services.issuance.service.award_authority import as_definition, awarded_by, facts_missing
from services.issuance.service.ports import Facts
from services.issuance.service.stacking_ports import PublishedPathway
from services.issuance.service.vault_ports import Vault


@dataclass(frozen=True, slots=True)
class Merit:
    """The claims that all copies share, and when the merit itself ends."""

    claims: Claims = field(repr=False)
    valid_to: datetime | None


class AwardMerits:
    """Gathers an award, and refuses while it does not stand or its awarding body may not issue it."""

    def __init__(self, log: Log, facts: Facts, vault: Vault) -> None:
        self._log = log
        self._facts = facts
        self._vault = vault

    async def of(self, offered: CredentialOffered, stack_id: UUID, *, kid: str, now: datetime) -> Merit:
        """Return the award; it has no end of its own.

        Raises OAuthError `credential_request_denied`, Problem `facts_stale` (503).
        """
        state = await self._folded(stack_id)
        if state.name != "awarded" or state.stacked is None:
            raise credential_request_denied("The award does not stand.")
        published, issuer = await self._authorised(offered, kid, now)
        parts = await self._parts(state.constituents.values())
        made = Awarded(as_definition(published), parts, state.stacked.awarded_on, offered.recognition_level)
        parties = Parties(issuer, issuer, issuer, await self._assurer(parts))
        part_of = await self._facts.part_of(offered.definition_id, "pathway")
        learner = await self._learner(issuer.id, offered.learner_ref)
        return Merit(claims_of_award(made, parties, learner, part_of), None)

    async def _folded(self, stack_id: UUID) -> Stack:
        state, _ = await fold(self._log, stack.stream_of(stack_id), stack.INITIAL, stack.evolve)
        return state

    async def _authorised(
        self, offered: CredentialOffered, kid: str, now: datetime
    ) -> tuple[PublishedPathway, Organisation]:
        try:
            published, issuer = await awarded_by(self._facts, offered.definition_digest, now)
            require_key(issuer, kid, now)
        except Problem as refusal:
            if refusal.code == "facts_stale":
                raise
            raise credential_request_denied(refusal.title) from refusal
        return published, issuer

    async def _parts(self, constituents: Iterable[Constituent]) -> tuple[Part, ...]:
        return tuple([await self._part(one) for one in constituents])

    async def _part(self, one: Constituent) -> Part:
        if one.kind == "definition":
            definition = await self._facts.definition_version(one.definition_digest)
            if definition is None:
                raise facts_missing()
            return Part(one.credential_id, definition, one.digests)
        published = await self._facts.pathway_version(one.definition_digest)
        nested_id = await self._facts.stack_of_credential(one.credential_id)
        if published is None or nested_id is None:
            raise facts_missing()
        nested = await self._folded(nested_id)
        parts = await self._parts(nested.constituents.values())
        return Part(one.credential_id, as_definition(published), one.digests, parts)

    async def _assurer(self, parts: Iterable[Part]) -> Organisation | None:
        body = common_assurer(parts)
        return (await self._facts.organisations(body)).get(body) if body else None

    async def _learner(self, tenant: str, learner_ref: str) -> Learner:
        identity = await self._vault.identity(learner_ref)
        identification = await self._vault.identification(tenant, learner_ref)
        return Learner(identity.given_name, identity.family_name, identification)

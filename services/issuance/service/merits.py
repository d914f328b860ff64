"""Merits: what an offered credential says, gathered from the achievement or award, the facts and the vault."""

from __future__ import annotations

from datetime import datetime

from kompetenspass.core.errors import Problem
from kompetenspass.events.issuance import CredentialOffered
from kompetenspass.log.api import Log
from kompetenspass.log.execute import fold
from kompetenspass.openid.oid4vci.errors import credential_request_denied
from services.issuance.domain import achievement
from services.issuance.domain.achievement import Achievement
from services.issuance.domain.authority import Definition, Organisation, require_key, require_right, require_role
from services.issuance.domain.claims import Earned, Learner, Parties, claims_of_merit, valid_to
from services.issuance.service.award_authority import facts_missing
from services.issuance.service.award_merits import AwardMerits, Merit
from services.issuance.service.ports import Facts
from services.issuance.service.vault_ports import Vault


class Merits:
    """Gathers a merit, and refuses where the issuer may not issue it now."""

    def __init__(self, log: Log, facts: Facts, vault: Vault) -> None:
        self._log = log
        self._facts = facts
        self._vault = vault
        self._awards = AwardMerits(log, facts, vault)

    async def of(self, offered: CredentialOffered, *, kid: str, now: datetime) -> Merit:
        """Return the merit. Raises OAuthError `credential_request_denied`, Problem `facts_stale` (503)."""
        await self._facts.require_heard()
        if offered.stack_id is not None:
            return await self._awards.of(offered, offered.stack_id, kid=kid, now=now)
        definition = await self._facts.definition_version(offered.definition_digest)
        if definition is None:
            raise facts_missing()
        parties = await self._parties(offered, definition)
        await self._require_authority(parties.issuer, definition, kid, now)
        earned, learner = await self._earned(offered)
        part_of = await self._facts.part_of(definition.id)
        shared = claims_of_merit(definition, parties, learner, earned, part_of)
        return Merit(shared, valid_to(definition.content, earned.awarded_on))

    async def _parties(self, offered: CredentialOffered, definition: Definition) -> Parties:
        assurer = str((definition.content.get("quality_assurance") or {}).get("body") or "")
        wanted = {offered.issuer_org, definition.awarding_body, definition.owner_org, assurer}
        known = await self._facts.organisations(*sorted(wanted))
        if offered.issuer_org not in known or definition.awarding_body not in known:
            raise facts_missing()
        return Parties(
            issuer=known[offered.issuer_org],
            awarding_body=known[definition.awarding_body],
            creator=known.get(definition.owner_org),
            quality_assurer=known.get(assurer),
        )

    async def _require_authority(self, issuer: Organisation, definition: Definition, kid: str, now: datetime) -> None:
        rights = await self._facts.rights(definition.id)
        try:
            require_role(issuer, "issuer", definition, now)
            require_right(issuer, definition, rights, now)
            require_key(issuer, kid, now)
        except Problem as refusal:
            raise credential_request_denied(refusal.title) from refusal

    async def _earned(self, offered: CredentialOffered) -> tuple[Earned, Learner]:
        assert offered.achievement_id is not None
        stream = achievement.stream_of(offered.achievement_id)
        state, _ = await fold(self._log, stream, Achievement(), achievement.evolve)
        assert state.confirmed is not None
        assert state.result is not None
        identity, kept = await self._vault.read(offered.learner_ref, state.confirmed.vault_ref)
        learner = Learner(
            identity.given_name,
            identity.family_name,
            await self._vault.identification(state.plan.awarding_body, offered.learner_ref),
        )
        earned = Earned(
            kept["percent"], state.confirmed.awarded_on, state.result.supervision, offered.recognition_level
        )
        return earned, learner

"""The offer of a credential, for what it proves: a confirmed achievement, or an award. Source: domain.md 3.4."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from kompetenspass.core.ids import credential_id_of
from kompetenspass.events.issuance import CredentialOffered
from services.issuance.domain.achievement import Achievement
from services.issuance.domain.credential import FORMAT
from services.issuance.domain.stack import Stack


@dataclass(frozen=True, slots=True)
class Terms:
    """What sets one offer of a credential apart from the next."""

    offer_id: UUID
    tx_code: bool
    expires_at: datetime


def of_achievement(earned: Achievement, terms: Terms) -> CredentialOffered:
    """Return the offer of what a confirmed achievement proves; its awarding body issues it."""
    assert earned.confirmed is not None
    plan = earned.plan
    return CredentialOffered(
        credential_id=credential_id_of(plan.achievement_id),
        achievement_id=plan.achievement_id,
        learner_ref=plan.learner_ref,
        offer_id=terms.offer_id,
        definition_id=plan.definition_id,
        definition_version=plan.definition_version,
        definition_digest=plan.definition_digest,
        issuer_org=plan.awarding_body,
        formats=(FORMAT,),
        recognition_level=earned.confirmed.recognition_level,
        tx_code=terms.tx_code,
        offer_expires_at=terms.expires_at,
    )


def of_award(stack: Stack, terms: Terms) -> CredentialOffered:
    """Return the offer of what an award proves: its pathway is the definition."""
    assert stack.stacked is not None
    award = stack.stacked
    return CredentialOffered(
        credential_id=award.credential_id,
        stack_id=award.stack_id,
        learner_ref=award.learner_ref,
        offer_id=terms.offer_id,
        definition_id=award.pathway_id,
        definition_version=award.pathway_version,
        definition_digest=award.pathway_digest,
        issuer_org=award.awarding_body,
        formats=(FORMAT,),
        recognition_level=award.recognition_level,
        tx_code=terms.tx_code,
        offer_expires_at=terms.expires_at,
    )

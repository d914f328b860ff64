"""What issuance states: who has earned what, what was offered and what was issued. Personal ids are references."""

from __future__ import annotations

from datetime import date, datetime
from typing import ClassVar, Literal
from uuid import UUID

from kompetenspass.events.base import Event, Value
from kompetenspass.events.registry import StatusRef

Route = Literal["course", "work_based", "validation_rpl"]


class AssessmentPlanned(Event):
    """A learner is to be assessed against one version of a definition."""

    type: ClassVar[str] = "issuance.AssessmentPlanned.v1"
    achievement_id: UUID
    learner_ref: str
    definition_id: str
    definition_version: int
    definition_digest: str
    awarding_body: str
    provider: str
    route: Route
    prerequisites_waived: str | None = None


class Shortfall(Value):
    """One instrument that did not reach the rule; the value itself stays in the vault."""

    instrument: str
    rule: str


class ResultRecorded(Event):
    """An authorised assessor's results, one per instrument; scores stay in the vault, the rule's verdict is here."""

    type: ClassVar[str] = "issuance.ResultRecorded.v1"
    achievement_id: UUID
    passed: bool
    rule: str
    shortfalls: tuple[Shortfall, ...] = ()
    vault_ref: UUID
    assessor_ref: str
    supervision: str
    assessed_on: date


class AchievementConfirmed(Event):
    """The awarding body confirmed a passed result: the learner has earned the merit."""

    type: ClassVar[str] = "issuance.AchievementConfirmed.v1"
    achievement_id: UUID
    vault_ref: UUID
    awarded_on: date
    assessor_authorisation_ref: str
    recognition_level: Literal["R1", "R2", "R3", "R4", "R5", "R6"]


class CredentialOffered(Event):
    """The learner may fetch the credential with a pre-authorized code until `offer_expires_at`.

    It rests on an achievement or, with `stack_id`, on a stack award: then `definition_*` name the pathway.
    """

    type: ClassVar[str] = "issuance.CredentialOffered.v1"
    credential_id: UUID
    achievement_id: UUID | None = None
    stack_id: UUID | None = None
    learner_ref: str
    offer_id: UUID
    definition_id: str
    definition_version: int
    definition_digest: str
    issuer_org: str
    formats: tuple[str, ...]
    recognition_level: str
    tx_code: bool
    offer_expires_at: datetime


class OfferWithdrawn(Event):
    """The offer is over: replaced, taken back, lapsed, burnt by wrong codes, or its award does not hold."""

    type: ClassVar[str] = "issuance.OfferWithdrawn.v1"
    credential_id: UUID
    offer_id: UUID
    cause: Literal["replaced", "issuer", "expired", "tx_code_attempts", "suspended", "revoked"]


class CredentialIssued(Event):
    """A credential was signed for the learner's wallet; released only once this fact is durable.

    `copies` are what was released, one per holder key; `replaces` are digests of earlier copies of the same
    credential, which the registry sets INVALID. `valid_to` is the merit's own expiry (None: it has none).
    """

    type: ClassVar[str] = "issuance.CredentialIssued.v1"
    credential_id: UUID
    achievement_id: UUID | None = None
    stack_id: UUID | None = None
    learner_ref: str
    definition_id: str
    definition_version: int
    definition_digest: str
    issuer_org: str
    issuer: str
    format: Literal["dc+sd-jwt"]
    vct: str
    kid: str
    copies: tuple[StatusRef, ...]
    replaces: tuple[str, ...] = ()
    recognition_level: str
    valid_from: datetime
    valid_to: datetime | None = None

"""What issuance states about stacking: proposals, awards, what became of their constituents, progress on pathways."""

from __future__ import annotations

from datetime import date, datetime
from typing import ClassVar, Literal
from uuid import UUID

from kompetenspass.events.base import Event, Value
from kompetenspass.events.registry import RevocationReason

Change = Literal["suspended", "expired", "revoked", "superseded"]
Ground = Literal["reservation", "safety", "wrong_information"]
Mode = Literal["automatic", "decision"]
EvidenceEnd = Literal["holder_request", "recorded_in_error"]
SupersessionCause = Literal["correction", "new_version", "renewal", "re_key", "name_change"]


class Constituent(Value):
    """One credential that an award rests on. `digests`: one per live copy; `kind` pathway: it is itself an award."""

    credential_id: UUID
    kind: Literal["definition", "pathway"]
    definition_id: str
    definition_version: int
    definition_digest: str
    digests: tuple[str, ...]
    status_at_award: str


class Lapsed(Value):
    """A constituent that no longer counts, and what became of it. `definition_id` may name a pathway."""

    credential_id: UUID
    definition_id: str
    definition_version: int
    change: Change
    reason_code: str | None = None


class Missing(Value):
    """A definition or pathway that the learner still lacks, or a measure (`credits`, `level`, ...) not reached."""

    kind: Literal["definition", "pathway", "credits", "level", "outcomes", "issuers", "order"]
    id: str


class StackAwardProposed(Event):
    """The rule is satisfied; the awarding body decides."""

    type: ClassVar[str] = "issuance.StackAwardProposed.v1"
    stack_id: UUID
    credential_id: UUID
    learner_ref: str
    pathway_id: str
    pathway_version: int
    pathway_digest: str
    rule_digest: str
    awarding_body: str
    ordinal: int
    constituents: tuple[Constituent, ...]


class StackAwardDeclined(Event):
    """The awarding body decided against the award; it is proposed again only by command."""

    type: ClassVar[str] = "issuance.StackAwardDeclined.v1"
    stack_id: UUID
    decision_ref: str
    reason_code: str


class CredentialStacked(Event):
    """The award: the learner's constituents, bound by the rule of one version of a pathway."""

    type: ClassVar[str] = "issuance.CredentialStacked.v1"
    stack_id: UUID
    credential_id: UUID
    learner_ref: str
    pathway_id: str
    pathway_version: int
    pathway_digest: str
    rule_digest: str
    awarding_body: str
    ordinal: int
    constituents: tuple[Constituent, ...]
    proof_digest: str
    mode: Mode
    decision_ref: str | None = None
    awarded_on: date
    recognition_level: str


class ConstituentInvalidated(Event):
    """A constituent ceased to hold; what follows from it for the award, if anything, is a fact of its own."""

    type: ClassVar[str] = "issuance.ConstituentInvalidated.v1"
    stack_id: UUID
    credential_id: UUID
    change: Change
    reason_code: str | None = None
    void_ab_initio: bool = False


class ConstituentRestored(Event):
    """A constituent that had ceased to hold holds again."""

    type: ClassVar[str] = "issuance.ConstituentRestored.v1"
    stack_id: UUID
    credential_id: UUID


class StackRebound(Event):
    """A constituent's place was taken: by its successor, by copies issued anew, or by another credential."""

    type: ClassVar[str] = "issuance.StackRebound.v1"
    stack_id: UUID
    from_credential_id: UUID
    to: Constituent


class StackReviewOpened(Event):
    """The awarding body has until `deadline` to confirm, suspend or revoke; the holder is heard first."""

    type: ClassVar[str] = "issuance.StackReviewOpened.v1"
    stack_id: UUID
    constituent_id: UUID | None = None
    reason_code: str
    deadline: datetime


class StackAppealLodged(Event):
    """The holder appealed a decision; a review is open again."""

    type: ClassVar[str] = "issuance.StackAppealLodged.v1"
    stack_id: UUID
    appeal_ref: str


class StackConfirmed(Event):
    """The review ended with the award standing; what `accepted` names counts in spite of what became of it."""

    type: ClassVar[str] = "issuance.StackConfirmed.v1"
    stack_id: UUID
    decision_ref: str
    accepted: tuple[UUID, ...] = ()


class StackSuspended(Event):
    """A cause (`lapse:{stack_id}` or `review`) suspends the award; the registry changes its credential's status."""

    type: ClassVar[str] = "issuance.StackSuspended.v1"
    stack_id: UUID
    credential_id: UUID
    issuer_org: str
    learner_ref: str
    pathway_id: str
    pathway_version: int
    cause: str
    reason_code: str
    lapsed: tuple[Lapsed, ...] = ()
    decision_ref: str | None = None
    ground: Ground | None = None
    heard_on: date | None = None


class StackReinstated(Event):
    """A cause is gone; the award holds again once none is left."""

    type: ClassVar[str] = "issuance.StackReinstated.v1"
    stack_id: UUID
    credential_id: UUID
    issuer_org: str
    learner_ref: str
    pathway_id: str
    pathway_version: int
    cause: str
    decision_ref: str | None = None


class StackRevoked(Event):
    """The award is over for good; a new one supersedes it."""

    type: ClassVar[str] = "issuance.StackRevoked.v1"
    stack_id: UUID
    credential_id: UUID
    issuer_org: str
    learner_ref: str
    pathway_id: str
    pathway_version: int
    reason_code: RevocationReason
    void_ab_initio: bool = False
    decision_ref: str | None = None
    ground: Ground | None = None
    heard_on: date | None = None


class EvaluationRecorded(Event):
    """The evaluation that led to a decision about the award. `proof_digest` names its proof tree."""

    type: ClassVar[str] = "issuance.EvaluationRecorded.v1"
    stack_id: UUID
    rule_digest: str
    outcome: Literal["satisfied", "not_satisfied", "indeterminate"]
    used: tuple[UUID, ...]
    missing: tuple[Missing, ...]
    unknown: tuple[UUID, ...]
    evaluated_at: datetime
    proof_digest: str


class PathwayProgressed(Event):
    """How far a learner has come: `done` of `total` credentials, nested pathways opened; `missing` comes next."""

    type: ClassVar[str] = "issuance.PathwayProgressed.v1"
    learner_ref: str
    pathway_id: str
    pathway_version: int
    outcome: Literal["satisfied", "not_satisfied", "indeterminate"]
    done: int
    total: int
    missing: tuple[Missing, ...]
    unknown: tuple[UUID, ...] = ()


class CredentialSuperseded(Event):
    """Another credential takes this one's place; the registry revokes it as `superseded`."""

    type: ClassVar[str] = "issuance.CredentialSuperseded.v1"
    credential_id: UUID
    by_credential_id: UUID
    learner_ref: str
    definition_id: str
    issuer_org: str
    cause: SupersessionCause


class CredentialRecognised(Event):
    """The holder presented another issuer's credential to the awarding body; it counts for the learner from now on.

    `request_id` is where it was presented. `vault_ref`: the entry of the result in per cent that was disclosed then.
    """

    type: ClassVar[str] = "issuance.CredentialRecognised.v1"
    learner_ref: str
    awarding_body: str
    credential_id: UUID
    digest: str
    issuer_org: str
    definition_id: str
    definition_version: int
    request_id: UUID
    vault_ref: UUID | None = None


class CredentialUnrecognised(Event):
    """What was recognised counts no more: the holder withdrew it, or it was recorded in error."""

    type: ClassVar[str] = "issuance.CredentialUnrecognised.v1"
    learner_ref: str
    credential_id: UUID
    definition_id: str
    reason_code: EvidenceEnd

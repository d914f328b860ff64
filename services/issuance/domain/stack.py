"""Stack award: what a learner's merits add up to under one version of a pathway. Stream `stack-{id}`; domain.md 3.5.

What is decided about an award: its making here, what follows from its constituents in `stack_reassess`, reviews in
`stack_review`. All of it is level-triggered: it compares what is held now with what the stream says and returns the
difference, so that repeats, crashes and events that overtook each other change nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, time
from typing import Any, Literal
from uuid import UUID, uuid5

from kompetenspass.core.errors import not_found
from kompetenspass.core.ids import credential_id_of
from kompetenspass.events import stacking
from kompetenspass.events.base import Event
from kompetenspass.events.stacking import Change, Constituent
from kompetenspass.pathway.held import Bound, Held, HeldAward
from kompetenspass.pathway.proof import Evaluation
from kompetenspass.pathway.rule import Pathway

Name = Literal["none", "proposed", "declined", "awarded", "suspended", "revoked"]
Decided = tuple[str, str]
"""What was decided in a review, and the reference of the decision."""

REVIEW = "review"
"""The cause of a suspension that the awarding body decided in a review."""

_STACKS = UUID("3c1f7a52-94c6-5d0b-8a3e-5b6d1f0a9e27")


@dataclass(frozen=True, slots=True)
class Subject:
    """What an award is about; the same in every event that proposes or makes it."""

    stack_id: UUID
    credential_id: UUID
    learner_ref: str
    pathway_id: str
    pathway_version: int
    pathway_digest: str
    rule_digest: str
    awarding_body: str
    ordinal: int

    def as_members(self) -> dict[str, Any]:
        """Return the members that the events of proposal and award share."""
        return asdict(self)

    def as_change(self) -> dict[str, Any]:
        """Return the members that suspension, reinstatement and revocation share."""
        named = ("stack_id", "credential_id", "learner_ref", "pathway_id", "pathway_version")
        return {name: getattr(self, name) for name in named} | {"issuer_org": self.awarding_body}


@dataclass(frozen=True, slots=True)
class Review:
    """An open review: until when to decide, and the reason by constituent (None: the award as a whole)."""

    deadline: datetime
    matters: Mapping[UUID | None, str]


@dataclass(frozen=True, slots=True)
class Stack:
    """The state that the stream folds to.

    `constituents` as re-bound; `noted`: those that ceased to hold, and how; `causes` suspend the award. `reviewed` are
    the constituents that a review was ever opened about, `accepted` those that a decision lets count in spite of what
    became of them. `decided` is the newest decision of a review.
    """

    proposed: stacking.StackAwardProposed | None = None
    declined: stacking.StackAwardDeclined | None = None
    stacked: stacking.CredentialStacked | None = None
    revoked: stacking.StackRevoked | None = None
    evaluated_at: datetime | None = None
    awarded_at: datetime | None = None
    constituents: Mapping[UUID, Constituent] = field(default_factory=dict)
    noted: Mapping[UUID, Change] = field(default_factory=dict)
    causes: frozenset[str] = frozenset()
    review: Review | None = None
    reviewed: frozenset[UUID] = frozenset()
    accepted: frozenset[UUID] = frozenset()
    appeals: frozenset[str] = frozenset()
    decided: Decided | None = None

    @property
    def name(self) -> Name:
        """The state in one word."""
        if self.revoked is not None:
            return "revoked"
        if self.stacked is not None:
            return "suspended" if self.causes else "awarded"
        if self.declined is not None:
            return "declined"
        return "proposed" if self.proposed is not None else "none"

    @property
    def stands(self) -> bool:
        """Whether the award was made and is not revoked."""
        return self.name in ("awarded", "suspended")

    @property
    def subject(self) -> Subject:
        """What the award is about. Raises `not_found` while there is nothing."""
        said = self.stacked or self.proposed
        if said is None:
            raise not_found("award")
        return Subject(**{name: getattr(said, name) for name in Subject.__dataclass_fields__})


INITIAL = Stack()


@dataclass(frozen=True, slots=True)
class Assessed:
    """What the rule says of what the learner holds at one moment.

    `evaluation` is made without an award before one stands, and with `bound(state)` afterwards. `constituents`: what
    an award that binds a credential now would say of it; `standings`: all that the learner holds. Both by credential.
    """

    subject: Subject
    pathway: Pathway
    evaluation: Evaluation
    at: datetime
    constituents: Mapping[UUID, Constituent]
    standings: Mapping[UUID, Held | HeldAward]

    @property
    def used(self) -> tuple[UUID, ...]:
        """The credentials that the evaluation binds, each once, in place order."""
        return tuple(dict.fromkeys(use.credential_id for use in self.evaluation.used))

    @property
    def recognition(self) -> str:
        """The recognition level of an award made now: the lowest of what it rests on, never more than evidenced."""
        levels = [self.standings[one].recognition_level for one in self.used if one in self.standings]
        return min(levels, default="R1")


def stack_id_of(learner_ref: str, pathway_id: str, version: int, ordinal: int) -> UUID:
    """Return the id of the learner's award of that version; ordinal 1 is the one that is made by itself."""
    return uuid5(_STACKS, f"{learner_ref}\n{pathway_id}@{version}\n{ordinal}")


def stream_of(stack_id: UUID) -> str:
    """Return the name of the award's stream."""
    return f"stack-{stack_id}"


def lapse_of(stack_id: UUID) -> str:
    """Return the cause of a suspension because constituents of the award have lapsed."""
    return f"lapse:{stack_id}"


def subject_of(
    learner_ref: str, pathway: Pathway, ordinal: int, *, pathway_digest: str, rule_digest: str, awarding_body: str
) -> Subject:
    """Return what the learner's award of that version with that ordinal is about."""
    stack_id = stack_id_of(learner_ref, pathway.id, pathway.version, ordinal)
    return Subject(
        stack_id=stack_id,
        credential_id=credential_id_of(stack_id),
        learner_ref=learner_ref,
        pathway_id=pathway.id,
        pathway_version=pathway.version,
        pathway_digest=pathway_digest,
        rule_digest=rule_digest,
        awarding_body=awarding_body,
        ordinal=ordinal,
    )


def bound(state: Stack, *, confirmed: bool = False) -> Bound | None:
    """Return what the award rests on, None before it is made; `confirmed`: as it were if the review confirmed it."""
    if state.stacked is None or state.awarded_at is None:
        return None
    accepted = state.accepted | (in_question(state) if confirmed else frozenset())
    return Bound(state.awarded_at, frozenset(state.constituents), accepted)


def in_question(state: Stack) -> frozenset[UUID]:
    """Return what a confirmation would accept: the constituents that reviews were opened about.

    Where the holder appealed, the award as a whole is in question: then also all else that ceased to hold.
    """
    appealed = state.review is not None and None in state.review.matters
    lapsed = state.constituents.keys() & state.noted.keys() if appealed else frozenset[UUID]()
    return (state.reviewed | lapsed) - state.accepted


def evolve(state: Stack, event: Event) -> Stack:
    """Return the state after the event; events of other kinds change nothing, and nothing changes a revoked award."""
    if state.revoked is not None:
        return state
    match event:
        case stacking.StackAwardProposed():
            return replace(state, proposed=event, declined=None)
        case stacking.StackAwardDeclined():
            return replace(state, declined=event)
        case stacking.EvaluationRecorded():
            return replace(state, evaluated_at=event.evaluated_at)
        case stacking.CredentialStacked():
            return _stacked(state, event)
        case stacking.ConstituentInvalidated():
            return replace(state, noted={**state.noted, event.credential_id: event.change})
        case stacking.ConstituentRestored():
            return replace(state, noted=_without(state.noted, event.credential_id))
        case stacking.StackRebound():
            return _rebound(state, event)
        case _:
            return _evolve_standing(state, event)


def _evolve_standing(state: Stack, event: Event) -> Stack:
    """Return the state after what changes whether the award stands."""
    match event:
        case stacking.StackReviewOpened():
            return _review_opened(state, event)
        case stacking.StackAppealLodged():
            return replace(state, appeals=state.appeals | {event.appeal_ref})
        case stacking.StackConfirmed():
            return _decided(replace(state, accepted=state.accepted | {*event.accepted}), "confirm", event.decision_ref)
        case stacking.StackSuspended():
            return _decided(replace(state, causes=state.causes | {event.cause}), "suspend", event.decision_ref)
        case stacking.StackReinstated():
            return replace(state, causes=state.causes - {event.cause})
        case stacking.StackRevoked():
            return replace(_decided(state, "revoke", event.decision_ref), revoked=event, review=None)
        case _:
            return state


def _stacked(state: Stack, event: stacking.CredentialStacked) -> Stack:
    """Return the state with the award; it was made when the evaluation before it was, which is of that same day."""
    evaluated = state.evaluated_at
    of_that_day = evaluated is not None and evaluated.astimezone(UTC).date() == event.awarded_on
    awarded_at = evaluated if of_that_day else datetime.combine(event.awarded_on, time(), UTC)
    constituents = {one.credential_id: one for one in event.constituents}
    return replace(state, stacked=event, awarded_at=awarded_at, constituents=constituents)


def _rebound(state: Stack, event: stacking.StackRebound) -> Stack:
    kept = _without(state.constituents, event.from_credential_id)
    moved = event.from_credential_id != event.to.credential_id
    noted = _without(state.noted, event.from_credential_id) if moved else state.noted
    return replace(state, constituents={**kept, event.to.credential_id: event.to}, noted=noted)


def _review_opened(state: Stack, event: stacking.StackReviewOpened) -> Stack:
    before = state.review.matters if state.review else {}
    review = Review(event.deadline, {**before, event.constituent_id: event.reason_code})
    about = frozenset[UUID]() if event.constituent_id is None else frozenset({event.constituent_id})
    return replace(state, review=review, reviewed=state.reviewed | about)


def _decided(state: Stack, decision: str, decision_ref: str | None) -> Stack:
    """Return the state with a review ended by decision; what happened by itself ends none."""
    if decision_ref is None:
        return state
    return replace(state, review=None, decided=(decision, decision_ref))


def _without(mapping: Mapping[UUID, Any], key: UUID) -> dict[UUID, Any]:
    return {one: value for one, value in mapping.items() if one != key}

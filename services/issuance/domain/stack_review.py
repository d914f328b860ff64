"""The awarding body's review of an award, and the holder's appeal. Source: domain, section 4.3, rules 3 and 4."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Literal, cast, get_args

from kompetenspass.core.errors import Kind, Problem, not_found
from kompetenspass.events.base import Event
from kompetenspass.events.registry import RevocationReason
from kompetenspass.events.stacking import (
    Ground,
    StackAppealLodged,
    StackConfirmed,
    StackReinstated,
    StackReviewOpened,
    StackRevoked,
    StackSuspended,
)
from kompetenspass.pathway.held import VOID_REASONS
from services.issuance.domain.stack import REVIEW, Assessed, Stack, evolve, in_question, lapse_of
from services.issuance.domain.stack_award import award_revoked, recorded
from services.issuance.domain.stack_constituents import lapsed_as_noted
from services.issuance.domain.stack_reassess import deadline, lapse

APPEAL = "appeal"
"""The reason of a review that the holder asked for."""


@dataclass(frozen=True, slots=True)
class ReviewDecision:
    """The command: confirm, suspend or revoke. Against the holder it needs a ground, and the holder heard before.

    Source of both: förvaltningslagen (2017:900), 25 and 37 §§.
    """

    decision: Literal["confirm", "suspend", "revoke"]
    decision_ref: str
    reason_code: str | None = None
    ground: Ground | None = None
    heard_on: date | None = None


def decide_review(state: Stack, decision: ReviewDecision, assessed: Assessed) -> Sequence[Event]:
    """Return what the decision changes; nothing if it was made before.

    `assessed.evaluation` is made with `bound(state, confirmed=True)`. A suspension that was decided is itself open to
    another decision. Raises `not_found`, `award_revoked`, `no_review`, `ground_needed`, `not_heard`, `reason_unknown`.
    """
    if _repeated(state, decision):
        return ()
    _require_review(state)
    if decision.decision == "confirm":
        return tuple(_confirmed(state, decision, assessed))
    _require_fair(decision, assessed.at)
    if decision.decision == "suspend":
        return (_suspended(state, decision),)
    return (_revoked(state, decision),)


def appeal(state: Stack, appeal_ref: str, at: datetime) -> Sequence[Event]:
    """Return the holder's appeal and the review that it opens; nothing if it was lodged before.

    Raises `not_found`, `award_revoked`, `no_review` when nothing was awarded that could be reviewed.
    """
    _require_awarded(state)
    if appeal_ref in state.appeals:
        return ()
    stack_id = state.subject.stack_id
    opened = StackReviewOpened(stack_id=stack_id, reason_code=APPEAL, deadline=deadline(state, at))
    return (StackAppealLodged(stack_id=stack_id, appeal_ref=appeal_ref), opened)


def _repeated(state: Stack, decision: ReviewDecision) -> bool:
    return state.review is None and state.decided == (decision.decision, decision.decision_ref)


def _confirmed(state: Stack, decision: ReviewDecision, assessed: Assessed) -> Iterator[Event]:
    """Yield that the award stands: the decided suspension is lifted, and a lapse where that is enough for the rule."""
    subject, ref = state.subject, decision.decision_ref
    accepted = tuple(sorted(in_question(state)))
    confirmed = StackConfirmed(stack_id=subject.stack_id, decision_ref=ref, accepted=accepted)
    yield confirmed
    if REVIEW in state.causes:
        yield StackReinstated(**subject.as_change(), cause=REVIEW, decision_ref=ref)
    if lapse_of(subject.stack_id) in state.causes and (lifted := tuple(lapse(evolve(state, confirmed), assessed))):
        yield recorded(assessed)
        yield from lifted


def _suspended(state: Stack, decision: ReviewDecision) -> StackSuspended:
    return StackSuspended(
        **state.subject.as_change(),
        cause=REVIEW,
        reason_code=decision.reason_code or _reason(state) or REVIEW,
        lapsed=lapsed_as_noted(state),
        decision_ref=decision.decision_ref,
        ground=decision.ground,
        heard_on=decision.heard_on,
    )


def _revoked(state: Stack, decision: ReviewDecision) -> StackRevoked:
    """Return the revocation, for the reason given, or the one that the review was opened for, or an error at issue."""
    known = get_args(RevocationReason)
    if decision.reason_code is not None and decision.reason_code not in known:
        raise Problem(
            "reason_unknown",
            "This is no reason for which an award is revoked.",
            remedy="Name one of reasons, or none.",
            members={"reasons": list(known)},
        )
    about = _reason(state)
    reason = decision.reason_code or (about if about in known else "issued_in_error")
    return StackRevoked(
        **state.subject.as_change(),
        reason_code=cast(RevocationReason, reason),
        void_ab_initio=reason in VOID_REASONS,
        decision_ref=decision.decision_ref,
        ground=decision.ground,
        heard_on=decision.heard_on,
    )


def _reason(state: Stack) -> str | None:
    """Return why the review was opened about a constituent, the first of several reasons."""
    matters = state.review.matters if state.review else {}
    return next((reason for constituent, reason in matters.items() if constituent is not None), None)


def _require_awarded(state: Stack) -> None:
    if state.name == "none":
        raise not_found("award")
    if state.name == "revoked":
        raise award_revoked()
    if not state.stands:
        raise _no_review("Nothing was awarded yet.")


def _require_review(state: Stack) -> None:
    _require_awarded(state)
    if state.review is None and REVIEW not in state.causes:
        raise _no_review("No review of the award is open.")


def _no_review(title: str) -> Problem:
    return Problem("no_review", title, kind=Kind.CONFLICT, remedy="Look at the award; an appeal opens a review of it.")


def _require_fair(decision: ReviewDecision, at: datetime) -> None:
    """Raise unless a decision against the holder says its ground, and when they were heard, if it could wait."""
    if decision.ground is None:
        raise Problem(
            "ground_needed",
            "A decision against the holder needs a ground.",
            remedy="Name one of grounds in ground.",
            members={"grounds": list(get_args(Ground))},
        )
    heard = decision.heard_on is not None and decision.heard_on <= at.astimezone(UTC).date()
    if not heard and (decision.ground != "safety" or decision.heard_on is not None):
        raise Problem(
            "not_heard",
            "The holder has to be heard before a decision against them.",
            remedy="Name in heard_on the day, not in the future, on which the holder was heard.",
        )

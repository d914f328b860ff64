"""What follows for an award from what became of its constituents. Source: domain, section 4.3."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import reduce
from uuid import UUID

from kompetenspass.events.base import Event
from kompetenspass.events.stacking import StackReinstated, StackReviewOpened, StackSuspended
from services.issuance.domain.stack import Assessed, Stack, evolve, lapse_of
from services.issuance.domain.stack_award import recorded
from services.issuance.domain.stack_constituents import (
    Fate,
    fate_of,
    fates,
    lapsed,
    noted,
    replaced,
    succeeded,
    successor_of,
)

LAPSED = "constituent_lapsed"
"""The reason of a suspension because the rule does not hold any more."""

_TIME_TO_DECIDE = timedelta(days=30)

Step = Callable[[Stack, Assessed], Iterable[Event]]


def reassess(state: Stack, assessed: Assessed) -> Sequence[Event]:
    """Return what has to be said of an award now, nothing before it is made or once it is revoked.

    `assessed.evaluation` is made with `bound(state)`. Constituents re-bound and noted come first; then, after the
    evaluation that they rest on, reviews opened and the award suspended or reinstated. An indeterminate evaluation
    never suspends and never reinstates. In one answer no two events are alike in type and in what tells them apart:
    ConstituentInvalidated and ConstituentRestored their credential, StackRebound from and to, StackReviewOpened its
    constituent, StackSuspended and StackReinstated (one of them at most) their cause.
    """
    if not state.stands:
        return ()
    kept, first = _said(state, assessed, (succeeded, noted))
    reviews = tuple(_reviews(kept, assessed))
    new, then = _said(kept, assessed, (replaced, noted))
    conclusions = (*reviews, *lapse(new, assessed))
    return (*first, *then, *((recorded(assessed), *conclusions) if conclusions else ()))


def lapse(state: Stack, assessed: Assessed) -> Iterator[Event]:
    """Yield that the award is suspended because the rule does not hold, or reinstated because it does again."""
    subject = state.subject
    cause, outcome = lapse_of(subject.stack_id), assessed.evaluation.outcome
    if outcome == "satisfied" and cause in state.causes:
        yield StackReinstated(**subject.as_change(), cause=cause)
    suspends = assessed.pathway.constraints.on_lapse == "suspend"
    if outcome == "not_satisfied" and suspends and cause not in state.causes:
        yield StackSuspended(
            **subject.as_change(),
            cause=cause,
            reason_code=LAPSED,
            lapsed=lapsed(state, assessed),
            ground="reservation",
        )


def deadline(state: Stack, at: datetime) -> datetime:
    """Return until when to decide: what joins an open review has the deadline of that review."""
    return state.review.deadline if state.review else at + _TIME_TO_DECIDE


def _said(state: Stack, assessed: Assessed, steps: Sequence[Step]) -> tuple[Stack, tuple[Event, ...]]:
    """Return the state after the steps, each taken after what the one before it said, and all that they said."""
    events: tuple[Event, ...] = ()
    for step in steps:
        said = tuple(step(state, assessed))
        state, events = reduce(evolve, said, state), (*events, *said)
    return state, events


def _reviews(state: Stack, assessed: Assessed) -> Iterator[StackReviewOpened]:
    """Yield a review for each constituent that has to be decided about and never was."""
    for credential_id, reason_code in _matters(state, assessed):
        if credential_id not in state.reviewed | state.accepted:
            yield StackReviewOpened(
                stack_id=state.subject.stack_id,
                constituent_id=credential_id,
                reason_code=reason_code,
                deadline=deadline(state, assessed.at),
            )


def _matters(state: Stack, assessed: Assessed) -> Iterator[tuple[UUID, str]]:
    """Yield the constituents that there never was a merit for, and those that a lesser one took the place of.

    The latter only where the rule does not hold any more and nothing else follows from that.
    """
    without_lapse = assessed.pathway.constraints.on_lapse == "none"
    undone = assessed.evaluation.outcome == "not_satisfied" and without_lapse
    for credential_id, fate in sorted(fates(state, assessed).items()):
        if fate.void:
            yield credential_id, fate.reason_code or "void_ab_initio"
        elif undone and fate.change == "superseded" and _holds(successor_of(credential_id, assessed), assessed):
            yield credential_id, "superseded"


def _holds(credential_id: UUID, assessed: Assessed) -> bool:
    return fate_of(assessed.standings.get(credential_id), assessed.at) == Fate()

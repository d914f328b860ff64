"""The timeline: from what the logs say about a learner's credentials to rows in order, and what holds now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from services.wallet.domain.facts import NO_REASON, Award, Issue, Lapse, Merit, Part, StackChange, Story, Why
from services.wallet.domain.standing import Status, Step, parts_now, review_deadline, standing, steps, still

Kind = Literal[
    "awarded",
    "superseded",
    "issued",
    "noted",
    "suspended",
    "reinstated",
    "review_opened",
    "appealed",
    "confirmed",
    "expired",
    "revoked",
]

_ORDER: dict[str, int] = {
    "awarded": 0,
    "superseded": 1,
    "issued": 2,
    "noted": 3,
    "suspended": 4,
    "reinstated": 5,
    "review_opened": 6,
    "appealed": 7,
    "confirmed": 8,
    "expired": 9,
    "revoked": 10,
}
_OF_REVIEW: dict[str, Kind] = {"review_opened": "review_opened", "appealed": "appealed", "confirmed": "confirmed"}


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the timeline. `award`: it is about an award; `fetched`: its credential has been issued."""

    at: datetime
    position: int
    event_id: UUID
    kind: Kind
    merit: Merit
    why: Why = NO_REASON
    award: bool = False
    fetched: bool = True


@dataclass(frozen=True, slots=True)
class Holding:
    """A credential as it stands: its merit, since when, whether it holds and why not.

    An award has `parts`, each with its own standing (None: not known here), and the deadline of an open `review`;
    before its credential was issued its status is `awarded` where it would be `valid`.
    """

    merit: Merit
    issued_at: datetime
    status: Status
    why: Why
    stack_id: UUID | None = None
    fetched: bool = True
    parts: tuple[tuple[Part, Status | None], ...] = ()
    review: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Life:
    """All that was said about one credential."""

    merit: Merit
    issues: tuple[Issue, ...]
    award: Award | None
    stack_changes: tuple[StackChange, ...]
    steps: tuple[Step, ...]


def rows(story: Story) -> tuple[Row, ...]:
    """Return the rows in order. A change shows only beside the issue or the award that it is about."""
    made = [row for life in _lives(story) for row in _rows(life)]
    return tuple(sorted(made, key=lambda row: (row.at, row.position, _ORDER[row.kind], row.event_id)))


def holdings(story: Story) -> tuple[Holding, ...]:
    """Return every credential and award with what holds of it now, the newest first."""
    lives = _lives(story)
    known: dict[UUID, Status] = {life.merit.credential_id: standing(life.steps)[0] for life in lives}
    found = [_holding(life, known) for life in lives]
    return tuple(sorted(found, key=lambda h: (h.issued_at, h.merit.credential_id), reverse=True))


def _lives(story: Story) -> tuple[_Life, ...]:
    issues: dict[UUID, list[Issue]] = {}
    for issue in sorted(story.issues, key=lambda issue: (issue.at, issue.position, issue.event_id)):
        issues.setdefault(issue.merit.credential_id, []).append(issue)
    awards = {award.merit.credential_id: award for award in story.awards}
    ids = dict.fromkeys([*issues, *awards])
    return tuple(_life(story, credential_id, issues.get(credential_id, ()), awards) for credential_id in ids)


def _life(story: Story, credential_id: UUID, issues: Sequence[Issue], awards: Mapping[UUID, Award]) -> _Life:
    award = awards.get(credential_id)
    of_stack = tuple(one for one in story.stack_changes if award is not None and one.stack_id == award.stack_id)
    found = steps(
        (one for one in story.changes if one.credential_id == credential_id),
        of_stack,
        (one for one in story.supersessions if one.credential_id == credential_id),
    )
    merit = issues[-1].merit if issues else awards[credential_id].merit
    return _Life(merit, tuple(issues), award, of_stack, found)


def _rows(life: _Life) -> Iterator[Row]:
    is_award, fetched = life.award is not None, bool(life.issues)
    if life.award is not None:
        one = life.award
        why = Why(decided=one.mode == "decision")
        yield Row(one.at, one.position, one.event_id, "awarded", life.merit, why, is_award, fetched)
    for issue in life.issues:
        yield Row(issue.at, issue.position, issue.event_id, "issued", issue.merit, NO_REASON, is_award)
        if issue.replaces:
            yield Row(issue.at, issue.position, issue.event_id, "superseded", issue.merit, NO_REASON, is_award)
    for step in life.steps:
        if step.kind != "reinstated" or not step.causes:
            yield Row(step.at, step.position, step.event_id, step.kind, life.merit, step.why, is_award, fetched)
    yield from _notes(life, fetched)


def _notes(life: _Life, fetched: bool) -> Iterator[Row]:
    """Yield what is told of an award beside its standing: its reviews, and the parts whose loss changes nothing."""
    for change in life.stack_changes:
        kind = "noted" if _stands_alone(change, life.stack_changes) else _OF_REVIEW.get(change.kind)
        if kind is not None:
            why = Why(change.reason_code, _cause_at(life, change.at), _named(change, life), deadline=change.deadline)
            yield Row(change.at, change.position, change.event_id, kind, life.merit, why, True, fetched)


def _cause_at(life: _Life, at: datetime) -> str | None:
    """Return a cause that suspended the award at a time, None where none did."""
    causes = [step.causes for step in life.steps if step.at <= at]
    return min((cause for cause in causes[-1] if cause is not None), default=None) if causes else None


def _stands_alone(note: StackChange, stack_changes: Sequence[StackChange]) -> bool:
    """Return whether the loss of a part led to no suspension, review or re-binding while it lasted."""
    if note.kind != "invalidated":
        return False
    news = [one.at for one in stack_changes if one.part_id == note.part_id and one.kind in ("restored", "invalidated")]
    until = min((at for at in news if at > note.at), default=None)
    return not any(
        _is_about(one, note.part_id) and note.at <= one.at and (until is None or one.at < until)
        for one in stack_changes
    )


def _is_about(change: StackChange, part_id: UUID | None) -> bool:
    if change.kind in ("review_opened", "rebound"):
        return change.part_id == part_id
    return change.kind == "suspended" and any(one.credential_id == part_id for one in change.lapsed)


def _named(change: StackChange, life: _Life) -> tuple[Lapse, ...]:
    """Return the part that a note or a review is about, with what became of it."""
    if change.lapsed or change.part_id is None or life.award is None:
        return change.lapsed
    return tuple(
        one
        for other in reversed(life.stack_changes)
        if other.kind == "invalidated" and other.at <= change.at
        for one in other.lapsed
        if one.credential_id == change.part_id
    )[:1]


def _holding(life: _Life, known: Mapping[UUID, Status]) -> Holding:
    status, why = standing(life.steps)
    if life.award is None:
        return Holding(life.merit, life.issues[-1].at, status, why)
    fetched = bool(life.issues)
    return Holding(
        merit=life.merit,
        issued_at=life.issues[-1].at if fetched else life.award.at,
        status="awarded" if status == "valid" and not fetched else status,
        why=still(why, life.stack_changes) if status == "suspended" else why,
        stack_id=life.award.stack_id,
        fetched=fetched,
        parts=tuple((part, known.get(part.credential_id)) for part in parts_now(life.award, life.stack_changes)),
        review=review_deadline(life.stack_changes),
    )

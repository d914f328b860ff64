"""How a credential stands, from two logs that tell of the same changes: each change is taken once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal
from uuid import UUID

from services.wallet.domain.facts import (
    NO_REASON,
    Award,
    Change,
    ChangeKind,
    Lapse,
    Part,
    StackChange,
    Supersession,
    Why,
)

Status = Literal["awarded", "valid", "suspended", "revoked", "superseded", "expired"]

_FINAL: tuple[Status, ...] = ("revoked", "superseded", "expired")
_STATUS_KINDS = ("suspended", "reinstated")
_ENDS_REVIEW = ("confirmed", "revoked")


@dataclass(frozen=True, slots=True)
class Step:
    """One change of a credential's standing; `causes` are those that suspend it after it."""

    at: datetime
    position: int
    event_id: UUID
    kind: ChangeKind
    why: Why
    causes: frozenset[str | None] = frozenset()


def steps(
    changes: Iterable[Change], stack_changes: Iterable[StackChange] = (), supersessions: Iterable[Supersession] = ()
) -> tuple[Step, ...]:
    """Return the changes of one credential, each once, in order.

    Issuance decides what becomes of an award and what supersedes a credential, the registry carries it out and says so
    again. For each cause the steps of issuance stand, and those of the registry that go beyond their number: whichever
    log has been read further, nothing shows twice and nothing is lost.
    """
    ours = [*_of_stack(tuple(stack_changes)), *(_of_supersession(one) for one in supersessions)]
    theirs = [_of_registry(change) for change in changes]
    told: dict[str, int] = {}
    for step in ours:
        told[_key(step)] = told.get(_key(step), 0) + 1
    for step in sorted(theirs, key=_order):
        if told.get(_key(step), 0) > 0:
            told[_key(step)] -= 1
        else:
            ours.append(step)
    return _with_causes_left(sorted(ours, key=_order))


def standing(found: Sequence[Step]) -> tuple[Status, Why]:
    """Return how a credential stands after its steps, and why."""
    for final in _FINAL:
        for step in found:
            if step.kind == final:
                return final, step.why
    left = found[-1].causes if found else frozenset()
    for step in reversed(found):
        if step.kind == "suspended" and step.why.cause in left:
            return "suspended", step.why
    return "valid", NO_REASON


def still(why: Why, stack_changes: Iterable[StackChange]) -> Why:
    """Return why an award is suspended, without the parts that hold again though the award does not yet."""
    changes = sorted(stack_changes, key=_order)
    since = max((one.at for one in changes if one.kind == "suspended" and one.cause == why.cause), default=None)
    if since is None:
        return why
    later = [one for one in changes if one.at >= since]
    over = _over(why.lapsed, later, changes[-1].at)
    return replace(why, lapsed=tuple(one for one in why.lapsed if one not in over))


def review_deadline(stack_changes: Iterable[StackChange]) -> datetime | None:
    """Return until when an open review of an award is to be decided, None without one."""
    deadline = None
    for change in sorted(stack_changes, key=_order):
        if change.kind == "review_opened":
            deadline = change.deadline
        elif change.kind in _ENDS_REVIEW or (change.kind == "suspended" and change.cause == "review"):
            deadline = None
    return deadline


def parts_now(award: Award, stack_changes: Iterable[StackChange]) -> tuple[Part, ...]:
    """Return the parts of an award after every re-binding."""
    parts = list(award.parts)
    for change in sorted(stack_changes, key=_order):
        if change.taken_by is not None:
            parts = [change.taken_by if part.credential_id == change.part_id else part for part in parts]
    return tuple(parts)


def _of_registry(change: Change) -> Step:
    why = Why(reason_code=change.reason_code, cause=change.cause)
    return Step(change.at, change.position, change.event_id, change.kind, why)


def _of_supersession(one: Supersession) -> Step:
    why = Why(reason_code="superseded", cause=one.cause, by=one.by)
    return Step(one.at, one.position, one.event_id, "superseded", why)


def _of_stack(stack_changes: Sequence[StackChange]) -> Iterable[Step]:
    last: dict[str | None, StackChange] = {}
    for change in sorted(stack_changes, key=_order):
        why = Why(change.reason_code, change.cause, change.lapsed, change.ground, change.decided)
        if change.kind == "suspended":
            last[change.cause] = change
        elif change.kind == "reinstated":
            before = last.get(change.cause, change)
            since = [one for one in stack_changes if one.at >= before.at]
            why = Why(cause=change.cause, lapsed=_over(before.lapsed, since, change.at), decided=change.decided)
        if change.kind in ("suspended", "reinstated", "revoked"):
            yield Step(change.at, change.position, change.event_id, change.kind, why)


def _over(lapsed: Iterable[Lapse], stack_changes: Iterable[StackChange], until: datetime) -> tuple[Lapse, ...]:
    """Return what of `lapsed` holds again by `until`, or gave its place to another credential of its definition."""
    back = [change for change in stack_changes if change.kind in ("restored", "rebound") and change.at <= until]
    return tuple(one for one in lapsed if any(_ends(change, one) for change in back))


def _ends(change: StackChange, lapse: Lapse) -> bool:
    same = change.taken_by is None or change.taken_by.definition_id == lapse.definition_id
    return change.part_id == lapse.credential_id and same


def _key(step: Step) -> str:
    return f"{step.kind} {step.why.cause}" if step.kind in _STATUS_KINDS else step.kind


def _order(one: Step | StackChange) -> tuple[datetime, int, UUID]:
    return one.at, one.position, one.event_id


def _with_causes_left(found: Sequence[Step]) -> tuple[Step, ...]:
    causes: set[str | None] = set()
    made = []
    for step in found:
        if step.kind == "suspended":
            causes.add(step.why.cause)
        elif step.kind == "reinstated":
            causes.discard(step.why.cause)
        made.append(replace(step, causes=frozenset(causes)))
    return tuple(made)

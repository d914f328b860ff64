"""What issuance states of stack awards, as its overview: state, causes, bound constituents, the open review."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import select

from kompetenspass.events import stacking
from kompetenspass.events.base import Event
from kompetenspass.log.api import Recorded
from kompetenspass.log.project import Handler
from kompetenspass.log.writing import Writing
from services.issuance import tables
from services.issuance.projections.rows import awarded_at, of

_Row = Mapping[str, Any]

_ITS_AWARD = {
    "stack_id", "credential_id", "learner_ref", "pathway_id", "pathway_version", "pathway_digest", "rule_digest",
    "awarding_body", "ordinal",
}  # fmt: skip
_NO_REVIEW: _Row = {"review": None, "review_deadline": None}


async def _proposed(writing: Writing, recorded: Recorded) -> None:
    event = of(stacking.StackAwardProposed, recorded)
    writing.upsert(tables.stacks, {**_award(event), "state": "proposed"})


async def _declined(writing: Writing, recorded: Recorded) -> None:
    event = of(stacking.StackAwardDeclined, recorded)
    await _change(writing, event.stack_id, lambda _: {"state": "declined"})


async def _stacked(writing: Writing, recorded: Recorded) -> None:
    event = of(stacking.CredentialStacked, recorded)
    made = event.model_dump(include={"awarded_on", "recognition_level"})
    moment = awarded_at(event.awarded_on, recorded)
    writing.upsert(tables.stacks, {**_award(event), **made, "awarded_at": moment, "state": "awarded"})


async def _rebound(writing: Writing, recorded: Recorded) -> None:
    event = of(stacking.StackRebound, recorded)
    gone = {str(event.from_credential_id), str(event.to.credential_id)}

    def rebound(row: _Row) -> _Row:
        kept = [one for one in row["constituents"] if one["credential_id"] not in gone]
        return {"constituents": [*kept, event.to.model_dump(mode="json")]}

    await _change(writing, event.stack_id, rebound)


async def _review_opened(writing: Writing, recorded: Recorded) -> None:
    event = of(stacking.StackReviewOpened, recorded)
    review = event.model_dump(mode="json", include={"constituent_id", "reason_code", "deadline"})
    await _change(writing, event.stack_id, lambda _: {"review": review, "review_deadline": event.deadline})


async def _confirmed(writing: Writing, recorded: Recorded) -> None:
    event = of(stacking.StackConfirmed, recorded)
    await _change(writing, event.stack_id, lambda _: _NO_REVIEW)


async def _suspended(writing: Writing, recorded: Recorded) -> None:
    event = of(stacking.StackSuspended, recorded)
    decided = {} if event.decision_ref is None else _NO_REVIEW

    def suspended(row: _Row) -> _Row:
        return {"state": "suspended", "causes": sorted({*row["causes"], event.cause}), **decided}

    await _change(writing, event.stack_id, suspended)


async def _reinstated(writing: Writing, recorded: Recorded) -> None:
    event = of(stacking.StackReinstated, recorded)

    def reinstated(row: _Row) -> _Row:
        causes = sorted({*row["causes"]} - {event.cause})
        return {"state": "suspended" if causes else "awarded", "causes": causes}

    await _change(writing, event.stack_id, reinstated)


async def _revoked(writing: Writing, recorded: Recorded) -> None:
    event = of(stacking.StackRevoked, recorded)
    await _change(writing, event.stack_id, lambda _: {"state": "revoked", **_NO_REVIEW})


def _award(event: stacking.StackAwardProposed | stacking.CredentialStacked) -> dict[str, Any]:
    constituents = [one.model_dump(mode="json") for one in event.constituents]
    return {**event.model_dump(include=_ITS_AWARD), "constituents": constituents, "causes": [], **_NO_REVIEW}


async def _change(writing: Writing, stack_id: UUID, changed: Callable[[_Row], _Row]) -> None:
    """Change the row of an award by what it says; a revoked one says no more."""
    its = tables.stacks
    row = (await writing.execute(select(its).where(its.c.stack_id == stack_id))).mappings().one_or_none()
    if row is not None and row["state"] != "revoked":
        writing.change(its, {"stack_id": stack_id}, changed(dict(row)))


HANDLERS: Mapping[type[Event], Handler] = {
    stacking.StackAwardProposed: _proposed,
    stacking.StackAwardDeclined: _declined,
    stacking.CredentialStacked: _stacked,
    stacking.StackRebound: _rebound,
    stacking.StackReviewOpened: _review_opened,
    stacking.StackConfirmed: _confirmed,
    stacking.StackSuspended: _suspended,
    stacking.StackReinstated: _reinstated,
    stacking.StackRevoked: _revoked,
}

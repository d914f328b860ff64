"""What issuance says about stacking: awards and proposals, what became of them, progress, supersessions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kompetenspass.events.base import Event
from kompetenspass.events.stacking import (
    ConstituentInvalidated,
    ConstituentRestored,
    CredentialStacked,
    CredentialSuperseded,
    Lapsed,
    PathwayProgressed,
    StackAppealLodged,
    StackAwardDeclined,
    StackAwardProposed,
    StackConfirmed,
    StackRebound,
    StackReinstated,
    StackReviewOpened,
    StackRevoked,
    StackSuspended,
)
from kompetenspass.log.api import Recorded
from kompetenspass.log.project import Handler
from kompetenspass.log.writing import Writing
from services.wallet import tables
from services.wallet.projections.rows import of, when


async def stacked(writing: Writing, recorded: Recorded) -> None:
    """An award was made."""
    event = of(CredentialStacked, recorded)
    row = {
        "stack_id": event.stack_id,
        "credential_id": event.credential_id,
        "learner_ref": event.learner_ref,
        "pathway_id": event.pathway_id,
        "pathway_version": event.pathway_version,
        "awarding_body": event.awarding_body,
        "recognition_level": event.recognition_level,
        "mode": event.mode,
        "constituents": [part.model_dump(mode="json") for part in event.constituents],
    }
    writing.put(tables.awards, when(recorded) | row)


async def proposed(writing: Writing, recorded: Recorded) -> None:
    """An award waits for the awarding body's decision."""
    event = of(StackAwardProposed, recorded)
    row = {
        "event_id": recorded.id,
        "position": recorded.position,
        "stack_id": event.stack_id,
        "learner_ref": event.learner_ref,
        "pathway_id": event.pathway_id,
        "pathway_version": event.pathway_version,
    }
    writing.put(tables.proposals, row)


async def progressed(writing: Writing, recorded: Recorded) -> None:
    """A learner has come some way on a pathway."""
    event = of(PathwayProgressed, recorded)
    row = {
        "learner_ref": event.learner_ref,
        "pathway_id": event.pathway_id,
        "position": recorded.position,
        "pathway_version": event.pathway_version,
        "outcome": event.outcome,
        "done": event.done,
        "total": event.total,
        "missing": [part.model_dump(mode="json") for part in event.missing],
    }
    writing.upsert_newest(tables.progress, row)


async def superseded(writing: Writing, recorded: Recorded) -> None:
    """Another credential took a credential's place."""
    event = of(CredentialSuperseded, recorded)
    row = {
        "learner_ref": event.learner_ref,
        "credential_id": event.credential_id,
        "by_credential_id": event.by_credential_id,
        "cause": event.cause,
    }
    writing.put(tables.supersessions, when(recorded) | row)


async def suspended(writing: Writing, recorded: Recorded) -> None:
    """A cause suspends an award."""
    event = of(StackSuspended, recorded)
    found = {"cause": event.cause, "reason_code": event.reason_code, "ground": event.ground}
    decided = event.decision_ref is not None
    _changed(writing, recorded, "suspended", **found, lapsed=_lapsed(event.lapsed), decided=decided)


async def reinstated(writing: Writing, recorded: Recorded) -> None:
    """A cause is gone."""
    event = of(StackReinstated, recorded)
    _changed(writing, recorded, "reinstated", cause=event.cause, decided=event.decision_ref is not None)


async def revoked(writing: Writing, recorded: Recorded) -> None:
    """An award is over."""
    event = of(StackRevoked, recorded)
    found = {"reason_code": event.reason_code, "ground": event.ground}
    _changed(writing, recorded, "revoked", **found, decided=event.decision_ref is not None)


async def review_opened(writing: Writing, recorded: Recorded) -> None:
    """The awarding body looks at an award again."""
    event = of(StackReviewOpened, recorded)
    found = {"reason_code": event.reason_code, "deadline": event.deadline, "part_id": event.constituent_id}
    _changed(writing, recorded, "review_opened", **found)


async def appealed(writing: Writing, recorded: Recorded) -> None:
    """The learner appealed."""
    _changed(writing, recorded, "appealed")


async def confirmed(writing: Writing, recorded: Recorded) -> None:
    """A review ended with the award standing."""
    _changed(writing, recorded, "confirmed", decided=True)


async def declined(writing: Writing, recorded: Recorded) -> None:
    """The awarding body decided against an award."""
    event = of(StackAwardDeclined, recorded)
    _changed(writing, recorded, "declined", reason_code=event.reason_code, decided=True)


async def invalidated(writing: Writing, recorded: Recorded) -> None:
    """A part of an award ceased to hold."""
    event = of(ConstituentInvalidated, recorded)
    found = {"part_id": event.credential_id, "part_change": event.change, "reason_code": event.reason_code}
    _changed(writing, recorded, "invalidated", **found)


async def restored(writing: Writing, recorded: Recorded) -> None:
    """A part of an award holds again."""
    _changed(writing, recorded, "restored", part_id=of(ConstituentRestored, recorded).credential_id)


async def rebound(writing: Writing, recorded: Recorded) -> None:
    """Another credential took a part's place."""
    event = of(StackRebound, recorded)
    taken_by = event.to.model_dump(mode="json")
    _changed(writing, recorded, "rebound", part_id=event.from_credential_id, taken_by=taken_by)


HANDLERS: Mapping[type[Event], Handler] = {
    CredentialStacked: stacked,
    StackAwardProposed: proposed,
    PathwayProgressed: progressed,
    CredentialSuperseded: superseded,
    StackSuspended: suspended,
    StackReinstated: reinstated,
    StackRevoked: revoked,
    StackReviewOpened: review_opened,
    StackAppealLodged: appealed,
    StackConfirmed: confirmed,
    StackAwardDeclined: declined,
    ConstituentInvalidated: invalidated,
    ConstituentRestored: restored,
    StackRebound: rebound,
}


_UNSAID = dict.fromkeys(("cause", "reason_code", "ground", "deadline", "part_id", "part_change", "taken_by"))
"""What a kind of change says nothing about; so that all kinds are rows of the same columns."""


def _changed(writing: Writing, recorded: Recorded, kind: str, **found: Any) -> None:
    event: Any = recorded.event
    row = {"stack_id": event.stack_id, "kind": kind, "decided": False, "lapsed": []}
    writing.put(tables.stack_changes, when(recorded) | _UNSAID | row | found)


def _lapsed(parts: Sequence[Lapsed]) -> list[dict[str, Any]]:
    return [part.model_dump(mode="json") for part in parts]

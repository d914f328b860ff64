"""What issuance says about stacking: awards and proposals, what became of them, progress, supersessions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

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
from services.wallet import tables
from services.wallet.projections.rows import of, put, put_newest, when


async def stacked(connection: AsyncConnection, recorded: Recorded) -> None:
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
    await put(connection, tables.awards, when(recorded) | row)


async def proposed(connection: AsyncConnection, recorded: Recorded) -> None:
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
    await put(connection, tables.proposals, row)


async def progressed(connection: AsyncConnection, recorded: Recorded) -> None:
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
    await put_newest(connection, tables.progress, row)


async def superseded(connection: AsyncConnection, recorded: Recorded) -> None:
    """Another credential took a credential's place."""
    event = of(CredentialSuperseded, recorded)
    row = {
        "learner_ref": event.learner_ref,
        "credential_id": event.credential_id,
        "by_credential_id": event.by_credential_id,
        "cause": event.cause,
    }
    await put(connection, tables.supersessions, when(recorded) | row)


async def suspended(connection: AsyncConnection, recorded: Recorded) -> None:
    """A cause suspends an award."""
    event = of(StackSuspended, recorded)
    found = {"cause": event.cause, "reason_code": event.reason_code, "ground": event.ground}
    decided = event.decision_ref is not None
    await _changed(connection, recorded, "suspended", **found, lapsed=_lapsed(event.lapsed), decided=decided)


async def reinstated(connection: AsyncConnection, recorded: Recorded) -> None:
    """A cause is gone."""
    event = of(StackReinstated, recorded)
    await _changed(connection, recorded, "reinstated", cause=event.cause, decided=event.decision_ref is not None)


async def revoked(connection: AsyncConnection, recorded: Recorded) -> None:
    """An award is over."""
    event = of(StackRevoked, recorded)
    found = {"reason_code": event.reason_code, "ground": event.ground}
    await _changed(connection, recorded, "revoked", **found, decided=event.decision_ref is not None)


async def review_opened(connection: AsyncConnection, recorded: Recorded) -> None:
    """The awarding body looks at an award again."""
    event = of(StackReviewOpened, recorded)
    found = {"reason_code": event.reason_code, "deadline": event.deadline, "part_id": event.constituent_id}
    await _changed(connection, recorded, "review_opened", **found)


async def appealed(connection: AsyncConnection, recorded: Recorded) -> None:
    """The learner appealed."""
    await _changed(connection, recorded, "appealed")


async def confirmed(connection: AsyncConnection, recorded: Recorded) -> None:
    """A review ended with the award standing."""
    await _changed(connection, recorded, "confirmed", decided=True)


async def declined(connection: AsyncConnection, recorded: Recorded) -> None:
    """The awarding body decided against an award."""
    event = of(StackAwardDeclined, recorded)
    await _changed(connection, recorded, "declined", reason_code=event.reason_code, decided=True)


async def invalidated(connection: AsyncConnection, recorded: Recorded) -> None:
    """A part of an award ceased to hold."""
    event = of(ConstituentInvalidated, recorded)
    found = {"part_id": event.credential_id, "part_change": event.change, "reason_code": event.reason_code}
    await _changed(connection, recorded, "invalidated", **found)


async def restored(connection: AsyncConnection, recorded: Recorded) -> None:
    """A part of an award holds again."""
    await _changed(connection, recorded, "restored", part_id=of(ConstituentRestored, recorded).credential_id)


async def rebound(connection: AsyncConnection, recorded: Recorded) -> None:
    """Another credential took a part's place."""
    event = of(StackRebound, recorded)
    taken_by = event.to.model_dump(mode="json")
    await _changed(connection, recorded, "rebound", part_id=event.from_credential_id, taken_by=taken_by)


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


async def _changed(connection: AsyncConnection, recorded: Recorded, kind: str, **found: Any) -> None:
    event: Any = recorded.event
    row = {"stack_id": event.stack_id, "kind": kind, "decided": False, "lapsed": []}
    await put(connection, tables.stack_changes, when(recorded) | row | found)


def _lapsed(parts: Sequence[Lapsed]) -> list[dict[str, Any]]:
    return [part.model_dump(mode="json") for part in parts]

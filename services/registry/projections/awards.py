"""Awards and why they are suspended, from issuance's log."""

from __future__ import annotations

from sqlalchemy import select

from kompetenspass.events.stacking import CredentialStacked, StackReinstated, StackRevoked, StackSuspended
from kompetenspass.log.api import Recorded
from kompetenspass.log.project import Projection
from kompetenspass.log.writing import Writing
from services.registry import tables as t


async def _stacked(writing: Writing, recorded: Recorded) -> None:
    event = recorded.event
    assert isinstance(event, CredentialStacked)
    writing.put(t.awards, event.model_dump(include={"stack_id", "credential_id", "pathway_id", "awarding_body"}))


async def _award_held(writing: Writing, recorded: Recorded) -> None:
    event = recorded.event
    assert isinstance(event, StackSuspended | StackReinstated)
    before = await writing.scalar(select(t.awards.c.causes).where(t.awards.c.stack_id == event.stack_id)) or []
    others = {cause for cause in before if cause != event.cause}
    causes = sorted(others | {event.cause} if isinstance(event, StackSuspended) else others)
    writing.change(t.awards, {"stack_id": event.stack_id}, {"causes": causes})


async def _award_revoked(writing: Writing, recorded: Recorded) -> None:
    event = recorded.event
    assert isinstance(event, StackRevoked)
    writing.change(t.awards, {"stack_id": event.stack_id}, {"revoked": True})


AWARDS = Projection(
    name="awards",
    version=t.AWARDS_VERSION,
    logs=("issuance",),
    metadata=t.awards_metadata,
    handlers={
        CredentialStacked: _stacked,
        StackSuspended: _award_held,
        StackReinstated: _award_held,
        StackRevoked: _award_revoked,
    },
)

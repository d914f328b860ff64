"""What issuance states of credentials of other issuers that learners presented, as its overview."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import case, literal, select, update
from sqlalchemy.dialects.postgresql import insert

from kompetenspass.events import stacking
from kompetenspass.events.base import Event
from kompetenspass.log.api import Recorded
from kompetenspass.log.project import Handler
from kompetenspass.log.writing import Writing
from services.issuance import tables
from services.issuance.projections.rows import of

_SAME_MERIT = ("re_key", "name_change")
"""Causes of a supersession after which the result is still the one that was disclosed."""


async def succeeded(writing: Writing, event: stacking.CredentialSuperseded) -> None:
    """Let the successor of a credential count wherever the credential was presented; one presented itself stays."""
    its = tables.evidence.c
    result = case((literal(event.cause).in_(_SAME_MERIT), its.vault_ref))
    kept = select(its.learner_ref, literal(event.by_credential_id), its.presented_id, its.awarding_body, result)
    columns = ["learner_ref", "credential_id", "presented_id", "awarding_body", "vault_ref"]
    follows = insert(tables.evidence).from_select(
        columns, kept.where(its.credential_id == event.credential_id, its.ended.is_(None))
    )
    await writing.execute(follows.on_conflict_do_nothing())


async def _recognised(writing: Writing, recorded: Recorded) -> None:
    event = of(stacking.CredentialRecognised, recorded)
    row = event.model_dump(include={"learner_ref", "credential_id", "awarding_body", "vault_ref"})
    writing.upsert(tables.evidence, {**row, "presented_id": event.credential_id, "ended": None})


async def _unrecognised(writing: Writing, recorded: Recorded) -> None:
    event = of(stacking.CredentialUnrecognised, recorded)
    its = tables.evidence.c
    await writing.execute(
        update(tables.evidence)
        .where(its.learner_ref == event.learner_ref, its.presented_id == event.credential_id)
        .values(ended=event.reason_code, vault_ref=None)
    )


HANDLERS: Mapping[type[Event], Handler] = {
    stacking.CredentialRecognised: _recognised,
    stacking.CredentialUnrecognised: _unrecognised,
}

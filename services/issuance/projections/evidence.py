"""What issuance states of credentials of other issuers that learners presented, as its overview."""

from __future__ import annotations

from collections.abc import Mapping

from kompetenspass.events import stacking
from kompetenspass.events.base import Event
from kompetenspass.log.api import Recorded
from kompetenspass.log.project import Handler
from kompetenspass.log.writing import Writing
from services.issuance import tables
from services.issuance.projections.rows import of


async def _recognised(writing: Writing, recorded: Recorded) -> None:
    event = of(stacking.CredentialRecognised, recorded)
    row = event.model_dump(include={"learner_ref", "credential_id", "awarding_body", "vault_ref"})
    writing.upsert(tables.evidence, {**row, "ended": None})


async def _unrecognised(writing: Writing, recorded: Recorded) -> None:
    event = of(stacking.CredentialUnrecognised, recorded)
    presented = {"learner_ref": event.learner_ref, "credential_id": event.credential_id}
    writing.change(tables.evidence, presented, {"ended": event.reason_code, "vault_ref": None})


HANDLERS: Mapping[type[Event], Handler] = {
    stacking.CredentialRecognised: _recognised,
    stacking.CredentialUnrecognised: _unrecognised,
}

"""What issuance states of achievements and of credentials, as its overview."""

from __future__ import annotations

from collections.abc import Mapping

from kompetenspass.events import issuance, stacking
from kompetenspass.events.base import Event
from kompetenspass.log.api import Recorded
from kompetenspass.log.project import Handler
from kompetenspass.log.writing import Writing
from services.issuance import tables
from services.issuance.projections.rows import awarded_at, of


async def _planned(writing: Writing, recorded: Recorded) -> None:
    event = of(issuance.AssessmentPlanned, recorded)
    row = event.model_dump(exclude={"definition_digest", "prerequisites_waived"})
    writing.upsert(tables.achievements, {**row, "phase": "planned"})


async def _result(writing: Writing, recorded: Recorded) -> None:
    event = of(issuance.ResultRecorded, recorded)
    values = {"phase": "passed" if event.passed else "failed", "assessed_on": event.assessed_on}
    writing.change(tables.achievements, {"achievement_id": event.achievement_id}, values)


async def _confirmed(writing: Writing, recorded: Recorded) -> None:
    event = of(issuance.AchievementConfirmed, recorded)
    values = event.model_dump(include={"awarded_on", "vault_ref", "recognition_level"})
    values |= {"phase": "confirmed", "awarded_at": awarded_at(event.awarded_on, recorded)}
    writing.change(tables.achievements, {"achievement_id": event.achievement_id}, values)


async def _offered(writing: Writing, recorded: Recorded) -> None:
    event = of(issuance.CredentialOffered, recorded)
    kind = "definition" if event.stack_id is None else "pathway"
    row = {"credential_id": event.credential_id, **event.model_dump(include=_SAID_WITH_EACH_OFFER)}
    writing.upsert(tables.credentials, {**row, "kind": kind, "offer_state": "open"})


async def _withdrawn(writing: Writing, recorded: Recorded) -> None:
    event = of(issuance.OfferWithdrawn, recorded)
    offered = {"credential_id": event.credential_id, "offer_id": event.offer_id}
    writing.change(tables.credentials, offered, {"offer_state": f"withdrawn:{event.cause}"})


async def _issued(writing: Writing, recorded: Recorded) -> None:
    event = of(issuance.CredentialIssued, recorded)
    digests = [copy.digest for copy in event.copies]  # those released before are replaced, all of them
    values = {"offer_state": "fetched", "issued_at": recorded.recorded, "valid_to": event.valid_to, "digests": digests}
    writing.change(tables.credentials, {"credential_id": event.credential_id}, values)
    for digest in digests:
        writing.put(tables.copies, {"digest": digest, "credential_id": event.credential_id})


async def _superseded(writing: Writing, recorded: Recorded) -> None:
    event = of(stacking.CredentialSuperseded, recorded)
    values = {"superseded_by": event.by_credential_id, "superseded_cause": event.cause}
    writing.change(tables.credentials, {"credential_id": event.credential_id}, values)


_SAID_WITH_EACH_OFFER = {
    "achievement_id", "stack_id", "learner_ref", "definition_id", "definition_version", "definition_digest",
    "issuer_org", "recognition_level", "offer_id", "offer_expires_at",
}  # fmt: skip

HANDLERS: Mapping[type[Event], Handler] = {
    issuance.AssessmentPlanned: _planned,
    issuance.ResultRecorded: _result,
    issuance.AchievementConfirmed: _confirmed,
    issuance.CredentialOffered: _offered,
    issuance.OfferWithdrawn: _withdrawn,
    issuance.CredentialIssued: _issued,
    stacking.CredentialSuperseded: _superseded,
}

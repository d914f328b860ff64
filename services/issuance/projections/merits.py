"""What issuance states of achievements and of credentials, as its overview."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from kompetenspass.events import issuance, stacking
from kompetenspass.events.base import Event
from kompetenspass.log.api import Recorded
from kompetenspass.log.project import Handler
from services.issuance import tables
from services.issuance.projections import evidence
from services.issuance.projections.rows import awarded_at, of, put


async def _planned(connection: AsyncConnection, recorded: Recorded) -> None:
    event = of(issuance.AssessmentPlanned, recorded)
    row = event.model_dump(exclude={"definition_digest", "prerequisites_waived"})
    await put(connection, tables.achievements, {**row, "phase": "planned"})


async def _result(connection: AsyncConnection, recorded: Recorded) -> None:
    event = of(issuance.ResultRecorded, recorded)
    await connection.execute(
        update(tables.achievements)
        .where(tables.achievements.c.achievement_id == event.achievement_id)
        .values(phase="passed" if event.passed else "failed", assessed_on=event.assessed_on)
    )


async def _confirmed(connection: AsyncConnection, recorded: Recorded) -> None:
    event = of(issuance.AchievementConfirmed, recorded)
    row = event.model_dump(include={"awarded_on", "vault_ref", "recognition_level"})
    await connection.execute(
        update(tables.achievements)
        .where(tables.achievements.c.achievement_id == event.achievement_id)
        .values(phase="confirmed", awarded_at=awarded_at(event.awarded_on, recorded), **row)
    )


async def _offered(connection: AsyncConnection, recorded: Recorded) -> None:
    event = of(issuance.CredentialOffered, recorded)
    fresh = {
        **event.model_dump(include=_SAID_WITH_EACH_OFFER),
        "kind": "definition" if event.stack_id is None else "pathway",
        "offer_state": "open",
    }
    statement = insert(tables.credentials).values(credential_id=event.credential_id, digests=[], **fresh)
    await connection.execute(statement.on_conflict_do_update(index_elements=["credential_id"], set_=fresh))


async def _withdrawn(connection: AsyncConnection, recorded: Recorded) -> None:
    event = of(issuance.OfferWithdrawn, recorded)
    await connection.execute(
        update(tables.credentials)
        .where(tables.credentials.c.credential_id == event.credential_id)
        .where(tables.credentials.c.offer_id == event.offer_id)
        .values(offer_state=f"withdrawn:{event.cause}")
    )


async def _issued(connection: AsyncConnection, recorded: Recorded) -> None:
    event = of(issuance.CredentialIssued, recorded)
    digests = [copy.digest for copy in event.copies]  # those released before are replaced, all of them
    await connection.execute(
        update(tables.credentials)
        .where(tables.credentials.c.credential_id == event.credential_id)
        .values(offer_state="fetched", issued_at=recorded.recorded, valid_to=event.valid_to, digests=digests)
    )
    if digests:
        copies = [{"digest": digest, "credential_id": event.credential_id} for digest in digests]
        await connection.execute(insert(tables.copies).values(copies).on_conflict_do_nothing())


async def _superseded(connection: AsyncConnection, recorded: Recorded) -> None:
    event = of(stacking.CredentialSuperseded, recorded)
    await connection.execute(
        update(tables.credentials)
        .where(tables.credentials.c.credential_id == event.credential_id)
        .values(superseded_by=event.by_credential_id)
    )
    await evidence.succeeded(connection, event)


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

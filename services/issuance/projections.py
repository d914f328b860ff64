"""How events fill the read tables: a handler per event type. Each log writes rows of its own, so the logs commute."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, TypeVar

from sqlalchemy import Table, delete, func, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from kompetenspass.events import catalog, issuance, registry
from kompetenspass.events.base import Event
from kompetenspass.log.api import Recorded
from kompetenspass.log.project import Handler, Projection
from services.issuance import tables

_E = TypeVar("_E", bound=Event)


async def _put(connection: AsyncConnection, table: Table, row: Mapping[str, Any]) -> None:
    """Insert the row, or bring the one with its primary key up to date."""
    changed = {name: value for name, value in row.items() if not table.columns[name].primary_key}
    statement = insert(table).values(**row)
    if changed:
        statement = statement.on_conflict_do_update(index_elements=list(table.primary_key.columns), set_=changed)
    else:
        statement = statement.on_conflict_do_nothing()
    await connection.execute(statement)


def _noted(handler: Handler) -> Handler:
    """Return the handler, noting as well how far its log has changed the facts: what was read before is then old."""

    async def handle(connection: AsyncConnection, recorded: Recorded) -> None:
        await handler(connection, recorded)
        await _put(connection, tables.changes, {"log": recorded.event.owner(), "position": recorded.position})

    return handle


async def _organisation_registered(connection: AsyncConnection, recorded: Recorded) -> None:
    event = _of(registry.OrganisationRegistered, recorded)
    await _put(
        connection,
        tables.organisations,
        {
            "org_id": event.org_id,
            "slug": event.slug,
            "legal_name": event.legal_name,
            "registration_no": event.registration_no,
            "country": event.country,
            "region": event.region,
        },
    )


async def _role_granted(connection: AsyncConnection, recorded: Recorded) -> None:
    event = _of(registry.RoleGranted, recorded)
    row = event.model_dump(include={"org_id", "role", "valid_from", "valid_to"})
    await _put(connection, tables.roles, {**row, "scope": event.scope.model_dump(mode="json")})


async def _role_withdrawn(connection: AsyncConnection, recorded: Recorded) -> None:
    event = _of(registry.RoleWithdrawn, recorded)
    held = tables.roles.c
    await connection.execute(
        update(tables.roles)
        .where(held.org_id == event.org_id, held.role == event.role, held.valid_from <= recorded.recorded)
        .values(valid_to=func.least(held.valid_to, event.withdrawn_from))
    )


async def _key_registered(connection: AsyncConnection, recorded: Recorded) -> None:
    event = _of(registry.IssuerKeyRegistered, recorded)
    row = event.model_dump(include={"org_id", "kid", "jwk", "valid_from", "valid_to"})
    await _put(connection, tables.issuer_keys, row)


async def _key_compromised(connection: AsyncConnection, recorded: Recorded) -> None:
    event = _of(registry.IssuerKeyCompromised, recorded)
    key = tables.issuer_keys.c
    await connection.execute(
        update(tables.issuer_keys)
        .where(key.org_id == event.org_id, key.kid == event.kid)
        .values(compromised_since=event.compromised_since)
    )


async def _assessor_authorised(connection: AsyncConnection, recorded: Recorded) -> None:
    event = _of(registry.AssessorAuthorised, recorded)
    row = event.model_dump(include={"assessor_ref", "org_id", "decision_ref", "valid_from", "valid_to"})
    await _put(connection, tables.assessors, {**row, "fields": list(event.fields)})


async def _assessor_withdrawn(connection: AsyncConnection, recorded: Recorded) -> None:
    event = _of(registry.AssessorWithdrawn, recorded)
    held = tables.assessors.c
    await connection.execute(
        update(tables.assessors)
        .where(held.org_id == event.org_id, held.assessor_ref == event.assessor_ref)
        .values(valid_to=func.least(held.valid_to, event.withdrawn_from))
    )


async def _suspended(connection: AsyncConnection, recorded: Recorded) -> None:
    event = _of(registry.CredentialSuspended, recorded)
    await _put(connection, tables.credential_statuses, {"credential_id": event.credential_id, "status": "suspended"})


async def _reinstated(connection: AsyncConnection, recorded: Recorded) -> None:
    event = _of(registry.CredentialReinstated, recorded)
    status = "suspended" if event.causes else "valid"
    await _put(connection, tables.credential_statuses, {"credential_id": event.credential_id, "status": status})


async def _revoked(connection: AsyncConnection, recorded: Recorded) -> None:
    event = _of(registry.CredentialRevoked, recorded)
    await _put(connection, tables.credential_statuses, {"credential_id": event.credential_id, "status": "revoked"})


async def _expired(connection: AsyncConnection, recorded: Recorded) -> None:
    event = _of(registry.CredentialExpired, recorded)
    await _put(connection, tables.credential_statuses, {"credential_id": event.credential_id, "status": "expired"})


async def _definition_published(connection: AsyncConnection, recorded: Recorded) -> None:
    event = _of(catalog.DefinitionPublished, recorded)
    row = event.model_dump(
        include={"definition_id", "version", "urn", "owner_org", "awarding_body", "provider", "content"}
    )
    await _put(connection, tables.definitions, {**row, "digest": event.content_digest, "retired": False})


async def _definition_retired(connection: AsyncConnection, recorded: Recorded) -> None:
    event = _of(catalog.DefinitionRetired, recorded)
    last = date.fromisoformat(event.last_issue_date) if event.last_issue_date else None
    version = tables.definitions.c
    await connection.execute(
        update(tables.definitions)
        .where(version.definition_id == event.definition_id, version.version == event.version)
        .values(retired=True, last_issue_date=last)
    )


async def _right_granted(connection: AsyncConnection, recorded: Recorded) -> None:
    event = _of(catalog.IssuingRightGranted, recorded)
    await _put(connection, tables.issuing_rights, event.model_dump())


async def _right_withdrawn(connection: AsyncConnection, recorded: Recorded) -> None:
    event = _of(catalog.IssuingRightWithdrawn, recorded)
    right = tables.issuing_rights.c
    await connection.execute(
        update(tables.issuing_rights)
        .where(right.definition_id == event.definition_id, right.issuer_org == event.issuer_org)
        .values(valid_to=func.least(right.valid_to, event.withdrawn_from))
    )


async def _pathway_published(connection: AsyncConnection, recorded: Recorded) -> None:
    event = _of(catalog.PathwayPublished, recorded)
    row = event.model_dump(include={"pathway_id", "version", "urn", "awarding_body"})
    await _put(connection, tables.pathways, {**row, "title": event.content["title"]})
    members = tables.pathway_members
    await connection.execute(delete(members).where(members.c.pathway_id == event.pathway_id))
    for definition_id in sorted(set(named_credentials(event.content["rule"]))):
        await _put(connection, members, {"definition_id": definition_id, "pathway_id": event.pathway_id})


def named_credentials(rule: object) -> Iterator[str]:
    """Yield the definitions that a pathway's rule names, wherever they stand in it."""
    if isinstance(rule, Mapping):
        if isinstance(rule.get("credential"), str):
            yield rule["credential"]
        for part in rule.values():
            yield from named_credentials(part)
    elif isinstance(rule, list | tuple):
        for part in rule:
            yield from named_credentials(part)


async def _planned(connection: AsyncConnection, recorded: Recorded) -> None:
    event = _of(issuance.AssessmentPlanned, recorded)
    row = event.model_dump(exclude={"definition_digest", "prerequisites_waived"})
    await _put(connection, tables.achievements, {**row, "phase": "planned"})


async def _result(connection: AsyncConnection, recorded: Recorded) -> None:
    event = _of(issuance.ResultRecorded, recorded)
    await connection.execute(
        update(tables.achievements)
        .where(tables.achievements.c.achievement_id == event.achievement_id)
        .values(phase="passed" if event.passed else "failed", assessed_on=event.assessed_on)
    )


async def _confirmed(connection: AsyncConnection, recorded: Recorded) -> None:
    event = _of(issuance.AchievementConfirmed, recorded)
    await connection.execute(
        update(tables.achievements)
        .where(tables.achievements.c.achievement_id == event.achievement_id)
        .values(phase="confirmed", awarded_on=event.awarded_on, recognition_level=event.recognition_level)
    )


async def _offered(connection: AsyncConnection, recorded: Recorded) -> None:
    event = _of(issuance.CredentialOffered, recorded)
    fresh = {"offer_id": event.offer_id, "offer_state": "open", "offer_expires_at": event.offer_expires_at}
    row = {"credential_id": event.credential_id, "achievement_id": event.achievement_id, "copies": 0, **fresh}
    statement = insert(tables.credentials).values(**row)
    await connection.execute(statement.on_conflict_do_update(index_elements=["credential_id"], set_=fresh))


async def _withdrawn(connection: AsyncConnection, recorded: Recorded) -> None:
    event = _of(issuance.OfferWithdrawn, recorded)
    await connection.execute(
        update(tables.credentials)
        .where(tables.credentials.c.credential_id == event.credential_id)
        .where(tables.credentials.c.offer_id == event.offer_id)
        .values(offer_state=f"withdrawn:{event.cause}")
    )


async def _issued(connection: AsyncConnection, recorded: Recorded) -> None:
    event = _of(issuance.CredentialIssued, recorded)
    await connection.execute(
        update(tables.credentials)
        .where(tables.credentials.c.credential_id == event.credential_id)
        .values(offer_state="fetched", issued_at=recorded.recorded, valid_to=event.valid_to, copies=len(event.copies))
    )


def _of(kind: type[_E], recorded: Recorded) -> _E:
    event = recorded.event
    assert isinstance(event, kind)
    return event


_FACTS: Mapping[type[Event], Handler] = {
    registry.OrganisationRegistered: _noted(_organisation_registered),
    registry.RoleGranted: _noted(_role_granted),
    registry.RoleWithdrawn: _noted(_role_withdrawn),
    registry.IssuerKeyRegistered: _noted(_key_registered),
    registry.IssuerKeyCompromised: _noted(_key_compromised),
    registry.AssessorAuthorised: _assessor_authorised,
    registry.AssessorWithdrawn: _assessor_withdrawn,
    registry.CredentialSuspended: _suspended,
    registry.CredentialReinstated: _reinstated,
    registry.CredentialRevoked: _revoked,
    registry.CredentialExpired: _expired,
    catalog.DefinitionPublished: _noted(_definition_published),
    catalog.DefinitionRetired: _noted(_definition_retired),
    catalog.IssuingRightGranted: _noted(_right_granted),
    catalog.IssuingRightWithdrawn: _noted(_right_withdrawn),
    catalog.PathwayPublished: _noted(_pathway_published),
}

_OVERVIEW: Mapping[type[Event], Handler] = {
    issuance.AssessmentPlanned: _planned,
    issuance.ResultRecorded: _result,
    issuance.AchievementConfirmed: _confirmed,
    issuance.CredentialOffered: _offered,
    issuance.OfferWithdrawn: _withdrawn,
    issuance.CredentialIssued: _issued,
}

facts = Projection("facts", 1, ("registry", "catalog"), tables.FACTS, _FACTS, judges_validity=True)
overview = Projection("overview", 1, ("issuance",), tables.OVERVIEW, _OVERVIEW)

"""What the registry states, as facts: organisations, roles, keys, assessors, and the status of credentials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import func, update
from sqlalchemy.ext.asyncio import AsyncConnection

from kompetenspass.events import registry
from kompetenspass.events.base import Event
from kompetenspass.log.api import Recorded
from kompetenspass.log.project import Handler
from services.issuance import tables
from services.issuance.projections.rows import noted, of, put


async def _organisation_registered(connection: AsyncConnection, recorded: Recorded) -> None:
    event = of(registry.OrganisationRegistered, recorded)
    await put(
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
    event = of(registry.RoleGranted, recorded)
    row = event.model_dump(include={"org_id", "role", "valid_from", "valid_to"})
    await put(connection, tables.roles, {**row, "scope": event.scope.model_dump(mode="json")})


async def _role_withdrawn(connection: AsyncConnection, recorded: Recorded) -> None:
    event = of(registry.RoleWithdrawn, recorded)
    held = tables.roles.c
    await connection.execute(
        update(tables.roles)
        .where(held.org_id == event.org_id, held.role == event.role, held.valid_from <= recorded.recorded)
        .values(valid_to=func.least(held.valid_to, event.withdrawn_from))
    )


async def _key_registered(connection: AsyncConnection, recorded: Recorded) -> None:
    event = of(registry.IssuerKeyRegistered, recorded)
    row = event.model_dump(include={"org_id", "kid", "jwk", "valid_from", "valid_to"})
    await put(connection, tables.issuer_keys, row)


async def _key_compromised(connection: AsyncConnection, recorded: Recorded) -> None:
    event = of(registry.IssuerKeyCompromised, recorded)
    key = tables.issuer_keys.c
    await connection.execute(
        update(tables.issuer_keys)
        .where(key.org_id == event.org_id, key.kid == event.kid)
        .values(compromised_since=event.compromised_since)
    )


async def _assessor_authorised(connection: AsyncConnection, recorded: Recorded) -> None:
    event = of(registry.AssessorAuthorised, recorded)
    row = event.model_dump(include={"assessor_ref", "org_id", "decision_ref", "basis", "valid_from", "valid_to"})
    await put(connection, tables.assessors, {**row, "fields": list(event.fields)})


async def _assessor_withdrawn(connection: AsyncConnection, recorded: Recorded) -> None:
    event = of(registry.AssessorWithdrawn, recorded)
    held = tables.assessors.c
    await connection.execute(
        update(tables.assessors)
        .where(held.org_id == event.org_id, held.assessor_ref == event.assessor_ref)
        .values(valid_to=func.least(held.valid_to, event.withdrawn_from))
    )


async def _suspended(connection: AsyncConnection, recorded: Recorded) -> None:
    event = of(registry.CredentialSuspended, recorded)
    row = _status(event.credential_id, "suspended", recorded, event.reason_code, causes=event.causes)
    await put(connection, tables.credential_statuses, row)


async def _reinstated(connection: AsyncConnection, recorded: Recorded) -> None:
    event = of(registry.CredentialReinstated, recorded)
    if not event.causes:
        await put(connection, tables.credential_statuses, _status(event.credential_id, "valid", recorded))
        return
    said = tables.credential_statuses  # why it is still suspended was said before
    await connection.execute(
        update(said)
        .where(said.c.credential_id == event.credential_id)
        .values(causes=list(event.causes), changed=recorded.position)
    )


async def _revoked(connection: AsyncConnection, recorded: Recorded) -> None:
    event = of(registry.CredentialRevoked, recorded)
    row = _status(event.credential_id, "revoked", recorded, event.reason_code, void_ab_initio=event.void_ab_initio)
    await put(connection, tables.credential_statuses, row)


async def _expired(connection: AsyncConnection, recorded: Recorded) -> None:
    event = of(registry.CredentialExpired, recorded)
    await put(connection, tables.credential_statuses, _status(event.credential_id, "expired", recorded))


def _status(
    credential_id: UUID,
    status: str,
    recorded: Recorded,
    reason_code: str | None = None,
    *,
    void_ab_initio: bool = False,
    causes: Sequence[str] = (),
) -> dict[str, Any]:
    return {
        "credential_id": credential_id,
        "status": status,
        "reason_code": reason_code,
        "void_ab_initio": void_ab_initio,
        "causes": list(causes),
        "changed": recorded.position,
    }


HANDLERS: Mapping[type[Event], Handler] = {
    registry.OrganisationRegistered: noted(_organisation_registered),
    registry.RoleGranted: noted(_role_granted),
    registry.RoleWithdrawn: noted(_role_withdrawn),
    registry.IssuerKeyRegistered: noted(_key_registered),
    registry.IssuerKeyCompromised: noted(_key_compromised),
    registry.AssessorAuthorised: _assessor_authorised,
    registry.AssessorWithdrawn: _assessor_withdrawn,
    registry.CredentialSuspended: _suspended,
    registry.CredentialReinstated: _reinstated,
    registry.CredentialRevoked: _revoked,
    registry.CredentialExpired: _expired,
}

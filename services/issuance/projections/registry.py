"""What the registry states, as facts: organisations, roles, keys, assessors, and the status of credentials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import func, update

from kompetenspass.events import registry
from kompetenspass.events.base import Event
from kompetenspass.log.api import Recorded
from kompetenspass.log.project import Handler
from kompetenspass.log.writing import Writing
from services.issuance import tables
from services.issuance.projections.rows import noted, of


async def _organisation_registered(writing: Writing, recorded: Recorded) -> None:
    event = of(registry.OrganisationRegistered, recorded)
    writing.upsert(
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


async def _role_granted(writing: Writing, recorded: Recorded) -> None:
    event = of(registry.RoleGranted, recorded)
    row = event.model_dump(include={"org_id", "role", "valid_from", "valid_to"})
    writing.upsert(tables.roles, {**row, "scope": event.scope.model_dump(mode="json")})


async def _role_withdrawn(writing: Writing, recorded: Recorded) -> None:
    event = of(registry.RoleWithdrawn, recorded)
    held = tables.roles.c
    await writing.execute(
        update(tables.roles)
        .where(held.org_id == event.org_id, held.role == event.role, held.valid_from <= recorded.recorded)
        .values(valid_to=func.least(held.valid_to, event.withdrawn_from))
    )


async def _key_registered(writing: Writing, recorded: Recorded) -> None:
    event = of(registry.IssuerKeyRegistered, recorded)
    row = event.model_dump(include={"org_id", "kid", "jwk", "valid_from", "valid_to"})
    writing.upsert(tables.issuer_keys, row)


async def _key_compromised(writing: Writing, recorded: Recorded) -> None:
    event = of(registry.IssuerKeyCompromised, recorded)
    key = {"org_id": event.org_id, "kid": event.kid}
    writing.change(tables.issuer_keys, key, {"compromised_since": event.compromised_since})


async def _assessor_authorised(writing: Writing, recorded: Recorded) -> None:
    event = of(registry.AssessorAuthorised, recorded)
    row = event.model_dump(include={"assessor_ref", "org_id", "decision_ref", "basis", "valid_from", "valid_to"})
    writing.upsert(tables.assessors, {**row, "fields": list(event.fields)})


async def _assessor_withdrawn(writing: Writing, recorded: Recorded) -> None:
    event = of(registry.AssessorWithdrawn, recorded)
    held = tables.assessors.c
    await writing.execute(
        update(tables.assessors)
        .where(held.org_id == event.org_id, held.assessor_ref == event.assessor_ref)
        .values(valid_to=func.least(held.valid_to, event.withdrawn_from))
    )


async def _suspended(writing: Writing, recorded: Recorded) -> None:
    event = of(registry.CredentialSuspended, recorded)
    row = _status(event.credential_id, "suspended", recorded, event.reason_code, causes=event.causes)
    writing.upsert(tables.credential_statuses, row)


async def _reinstated(writing: Writing, recorded: Recorded) -> None:
    event = of(registry.CredentialReinstated, recorded)
    if not event.causes:
        writing.upsert(tables.credential_statuses, _status(event.credential_id, "valid", recorded))
        return
    values = {"causes": list(event.causes), "changed": recorded.position}  # why it is still suspended was said before
    writing.change(tables.credential_statuses, {"credential_id": event.credential_id}, values)


async def _revoked(writing: Writing, recorded: Recorded) -> None:
    event = of(registry.CredentialRevoked, recorded)
    row = _status(event.credential_id, "revoked", recorded, event.reason_code, void_ab_initio=event.void_ab_initio)
    writing.upsert(tables.credential_statuses, row | {"caused_by": recorded.context.causation_id})


async def _expired(writing: Writing, recorded: Recorded) -> None:
    event = of(registry.CredentialExpired, recorded)
    writing.upsert(tables.credential_statuses, _status(event.credential_id, "expired", recorded))


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
        "caused_by": None,
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

"""How the logs of registry, catalog and issuance fill the tables that trust is judged by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from sqlalchemy import Table, func, or_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from kompetenspass.events import catalog, issuance, registry
from kompetenspass.events.base import Event
from kompetenspass.log.api import Recorded
from kompetenspass.log.project import Projection
from services.verification.tables import (
    CATALOG,
    ISSUANCE,
    REGISTRY,
    definitions,
    issued_copies,
    issuer_keys,
    issuing_rights,
    roles,
)

E = TypeVar("E", bound=Event)


async def key_registered(connection: AsyncConnection, recorded: Recorded) -> None:
    """Write the key; a compromise that is known already stays."""
    event = _event(recorded, registry.IssuerKeyRegistered)
    row = event.model_dump(include={"org_id", "kid", "issuer", "valid_from", "valid_to"})
    await _put(connection, issuer_keys, row | {"thumbprint": event.jwk_thumbprint})


async def key_compromised(connection: AsyncConnection, recorded: Recorded) -> None:
    """Note since when the key is compromised; of several moments the earliest counts."""
    event = _event(recorded, registry.IssuerKeyCompromised)
    held = update(issuer_keys).where(issuer_keys.c.org_id == event.org_id, issuer_keys.c.kid == event.kid)
    since = func.least(issuer_keys.c.compromised_since, event.compromised_since)
    await connection.execute(held.values(compromised_since=since))


async def role_granted(connection: AsyncConnection, recorded: Recorded) -> None:
    """Write the grant."""
    event = _event(recorded, registry.RoleGranted)
    row = event.model_dump(include={"org_id", "role", "valid_from", "valid_to"})
    scope = event.scope.model_dump(mode="json")
    await _put(connection, roles, row | {"granted_at": recorded.position, "scope": scope})


async def role_withdrawn(connection: AsyncConnection, recorded: Recorded) -> None:
    """End the grants of the role at the moment of withdrawal; one that would begin later never does."""
    event = _event(recorded, registry.RoleWithdrawn)
    at = event.withdrawn_from
    ended = update(roles).where(
        roles.c.org_id == event.org_id,
        roles.c.role == event.role,
        roles.c.granted_at < recorded.position,
        or_(roles.c.valid_to.is_(None), roles.c.valid_to > at),
    )
    await connection.execute(ended.values(valid_to=func.greatest(roles.c.valid_from, at)))


async def definition_published(connection: AsyncConnection, recorded: Recorded) -> None:
    """Write the published version."""
    event = _event(recorded, catalog.DefinitionPublished)
    row = event.model_dump(include={"urn", "version", "definition_id", "owner_org", "content_digest"})
    await _put(connection, definitions, row | _reach(event.content))


async def pathway_published(connection: AsyncConnection, recorded: Recorded) -> None:
    """Write the published version of the pathway, by whose name awards are issued."""
    event = _event(recorded, catalog.PathwayPublished)
    row = event.model_dump(include={"urn", "version", "owner_org", "content_digest"})
    await _put(connection, definitions, row | {"definition_id": event.pathway_id} | _reach(event.content))


async def right_granted(connection: AsyncConnection, recorded: Recorded) -> None:
    """Write the grant."""
    event = _event(recorded, catalog.IssuingRightGranted)
    row = event.model_dump(include={"definition_id", "issuer_org", "valid_from", "valid_to"})
    await _put(connection, issuing_rights, row | {"granted_at": recorded.position})


async def right_withdrawn(connection: AsyncConnection, recorded: Recorded) -> None:
    """End the grants at the moment of withdrawal; one that would begin later never does."""
    event = _event(recorded, catalog.IssuingRightWithdrawn)
    table, at = issuing_rights, event.withdrawn_from
    ended = update(table).where(
        table.c.definition_id == event.definition_id,
        table.c.issuer_org == event.issuer_org,
        table.c.granted_at < recorded.position,
        or_(table.c.valid_to.is_(None), table.c.valid_to > at),
    )
    await connection.execute(ended.values(valid_to=func.greatest(table.c.valid_from, at)))


async def credential_issued(connection: AsyncConnection, recorded: Recorded) -> None:
    """Write each copy with the time that issuance's log gave the fact."""
    event = _event(recorded, issuance.CredentialIssued)
    names = {"issuer_org", "definition_id", "definition_version", "definition_digest"}
    row = event.model_dump(include=names) | {"recorded": recorded.recorded}
    for copy in event.copies:
        await _put(connection, issued_copies, row | {"digest": copy.digest})


def _reach(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the scope of a role is held against."""
    return {"fields": sorted(catalog.fields_of(content)), "region": catalog.region_of(content)}


def _event(recorded: Recorded, kind: type[E]) -> E:
    event = recorded.event
    assert isinstance(event, kind)
    return event


async def _put(connection: AsyncConnection, table: Table, row: Mapping[str, Any]) -> None:
    keys = [column.name for column in table.primary_key]
    statement = insert(table).values(**row)
    rest = {name: statement.excluded[name] for name in row if name not in keys}
    await connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=rest))


PROJECTIONS = (
    Projection(
        "trust_registry",
        2,
        ("registry",),
        REGISTRY,
        {
            registry.IssuerKeyRegistered: key_registered,
            registry.IssuerKeyCompromised: key_compromised,
            registry.RoleGranted: role_granted,
            registry.RoleWithdrawn: role_withdrawn,
        },
        judges_validity=True,
    ),
    Projection(
        "trust_catalog",
        2,
        ("catalog",),
        CATALOG,
        {
            catalog.DefinitionPublished: definition_published,
            catalog.PathwayPublished: pathway_published,
            catalog.IssuingRightGranted: right_granted,
            catalog.IssuingRightWithdrawn: right_withdrawn,
        },
        judges_validity=True,
    ),
    Projection(
        "trust_issuance",
        1,
        ("issuance",),
        ISSUANCE,
        {issuance.CredentialIssued: credential_issued},
        judges_validity=True,
    ),
)
"""What trust rests on; none of the three is ready while an event of its log is put aside."""

"""How the logs fill the catalog's read tables: a handler per event type, no decisions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from sqlalchemy import Table, func, or_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from kompetenspass.events import catalog, registry
from kompetenspass.events.base import Event
from kompetenspass.log.api import Recorded
from kompetenspass.log.project import Handler, Projection
from services.catalog.tables import (
    CATALOGUE,
    ORGANISATIONS,
    definitions,
    issuing_rights,
    organisations,
    pathways,
    roles,
)

E = TypeVar("E", bound=Event)


async def definition_drafted(connection: AsyncConnection, recorded: Recorded) -> None:
    """Write the draft, over an earlier wording of the same version."""
    event = _event(recorded, catalog.DefinitionDrafted)
    await _put(connection, definitions, _draft_row(event.content, event) | {"definition_id": event.definition_id})


async def definition_review_requested(connection: AsyncConnection, recorded: Recorded) -> None:
    """Mark the version as in review."""
    event = _event(recorded, catalog.DefinitionReviewRequested)
    await _change_definition(connection, event, status="in_review")


async def sector_approved(connection: AsyncConnection, recorded: Recorded) -> None:
    """Mark the version as approved, and by whom."""
    event = _event(recorded, catalog.SectorApproved)
    approval = {"body": event.sector_org, "decision": event.decision_ref, "approved_on": event.approved_on}
    await _change_definition(connection, event, status="sector_approved", sector_approval=approval)


async def definition_published(connection: AsyncConnection, recorded: Recorded) -> None:
    """Mark the version as published and as the current one."""
    event = _event(recorded, catalog.DefinitionPublished)
    older = update(definitions).where(
        definitions.c.definition_id == event.definition_id, definitions.c.version < event.version
    )
    await connection.execute(older.values(current=False))
    await _change_definition(connection, event, status="published", current=True, effective_from=event.effective_from)


async def definition_retired(connection: AsyncConnection, recorded: Recorded) -> None:
    """Mark the version as retired, and what comes after it."""
    event = _event(recorded, catalog.DefinitionRetired)
    await _change_definition(
        connection,
        event,
        status="retired",
        superseded_by=event.superseded_by,
        last_issue_date=event.last_issue_date,
    )


async def right_granted(connection: AsyncConnection, recorded: Recorded) -> None:
    """Write the grant."""
    event = _event(recorded, catalog.IssuingRightGranted)
    row = {
        "granted_at": recorded.position,
        "definition_id": event.definition_id,
        "issuer_org": event.issuer_org,
        "valid_from": event.valid_from,
        "valid_to": event.valid_to,
    }
    await _put(connection, issuing_rights, row)


async def right_withdrawn(connection: AsyncConnection, recorded: Recorded) -> None:
    """End the grants that cover the moment of withdrawal."""
    event = _event(recorded, catalog.IssuingRightWithdrawn)
    table, at = issuing_rights, event.withdrawn_from
    ended = update(table).where(
        table.c.definition_id == event.definition_id,
        table.c.issuer_org == event.issuer_org,
        table.c.valid_from <= at,
        or_(table.c.valid_to.is_(None), table.c.valid_to > at),
    )
    await connection.execute(ended.values(valid_to=at))


async def pathway_drafted(connection: AsyncConnection, recorded: Recorded) -> None:
    """Write the draft, over an earlier wording of the same version."""
    event = _event(recorded, catalog.PathwayDrafted)
    row = _draft_row(event.content, event) | {"pathway_id": event.pathway_id}
    row.pop("fields")
    await _put(connection, pathways, row)


async def pathway_review_requested(connection: AsyncConnection, recorded: Recorded) -> None:
    """Mark the version as in review."""
    await _change_pathway(connection, _event(recorded, catalog.PathwayReviewRequested), status="in_review")


async def pathway_published(connection: AsyncConnection, recorded: Recorded) -> None:
    """Mark the version as published and as the current one."""
    event = _event(recorded, catalog.PathwayPublished)
    older = update(pathways).where(pathways.c.pathway_id == event.pathway_id, pathways.c.version < event.version)
    await connection.execute(older.values(current=False))
    values = {"current": True, "rule_digest": event.rule_digest, "effective_from": event.effective_from}
    await _change_pathway(connection, event, status="published", **values)


async def organisation_registered(connection: AsyncConnection, recorded: Recorded) -> None:
    """Write the organisation."""
    event = _event(recorded, registry.OrganisationRegistered)
    row = event.model_dump(include={"org_id", "legal_name", "country", "region"})
    await _put(connection, organisations, row)


async def role_granted(connection: AsyncConnection, recorded: Recorded) -> None:
    """Write the grant."""
    event = _event(recorded, registry.RoleGranted)
    row = event.model_dump(include={"org_id", "role", "valid_from", "valid_to"})
    await _put(connection, roles, row | {"granted_at": recorded.position})


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


def _event(recorded: Recorded, kind: type[E]) -> E:
    event = recorded.event
    assert isinstance(event, kind)
    return event


def _draft_row(content: Mapping[str, Any], event: catalog.DefinitionDrafted | catalog.PathwayDrafted) -> dict[str, Any]:
    words = [str(content["id"])]
    for name in ("title", "description", "note"):
        words.extend(str(text) for text in (content.get(name) or {}).values())
    return {
        "version": event.version,
        "status": "draft",
        "current": False,
        "owner_org": event.owner_org,
        "content": content,
        "content_digest": event.content_digest,
        "search": "\n".join(words).lower(),
        "fields": [str(entry["code"]) for entry in content.get("fields", ())],
    }


async def _put(connection: AsyncConnection, table: Table, row: Mapping[str, Any]) -> None:
    keys = [column.name for column in table.primary_key]
    statement = insert(table).values(**row)
    rest = {name: statement.excluded[name] for name in row if name not in keys}
    await connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=rest))


async def _change_definition(connection: AsyncConnection, event: Any, **values: Any) -> None:
    table = definitions
    there = update(table).where(table.c.definition_id == event.definition_id, table.c.version == event.version)
    await connection.execute(there.values(**values))


async def _change_pathway(connection: AsyncConnection, event: Any, **values: Any) -> None:
    table = pathways
    there = update(table).where(table.c.pathway_id == event.pathway_id, table.c.version == event.version)
    await connection.execute(there.values(**values))


_CATALOGUE_HANDLERS: Mapping[type[Event], Handler] = {
    catalog.DefinitionDrafted: definition_drafted,
    catalog.DefinitionReviewRequested: definition_review_requested,
    catalog.SectorApproved: sector_approved,
    catalog.DefinitionPublished: definition_published,
    catalog.DefinitionRetired: definition_retired,
    catalog.IssuingRightGranted: right_granted,
    catalog.IssuingRightWithdrawn: right_withdrawn,
    catalog.PathwayDrafted: pathway_drafted,
    catalog.PathwayReviewRequested: pathway_review_requested,
    catalog.PathwayPublished: pathway_published,
}

_ORGANISATION_HANDLERS: Mapping[type[Event], Handler] = {
    registry.OrganisationRegistered: organisation_registered,
    registry.RoleGranted: role_granted,
    registry.RoleWithdrawn: role_withdrawn,
}

PROJECTIONS = (
    Projection("catalogue", 1, ("catalog",), CATALOGUE, _CATALOGUE_HANDLERS),
    Projection("organisations", 1, ("registry",), ORGANISATIONS, _ORGANISATION_HANDLERS),
)
"""What the catalog reads: its own log, and the registry's."""

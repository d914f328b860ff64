"""How the logs fill the catalog's read tables: a handler per event type, no decisions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from sqlalchemy import func, or_, update

from kompetenspass.events import catalog, registry
from kompetenspass.events.base import Event
from kompetenspass.log.api import Recorded
from kompetenspass.log.project import Handler, Projection
from kompetenspass.log.writing import Writing
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


async def definition_drafted(writing: Writing, recorded: Recorded) -> None:
    """Write the draft, over an earlier wording of the same version."""
    event = _event(recorded, catalog.DefinitionDrafted)
    writing.upsert(definitions, _draft_row(event.content, event) | {"definition_id": event.definition_id})


async def definition_review_requested(writing: Writing, recorded: Recorded) -> None:
    """Mark the version as in review."""
    event = _event(recorded, catalog.DefinitionReviewRequested)
    _change_definition(writing, event, status="in_review")


async def sector_approved(writing: Writing, recorded: Recorded) -> None:
    """Mark the version as approved, and by whom."""
    event = _event(recorded, catalog.SectorApproved)
    approval = {"body": event.sector_org, "decision": event.decision_ref, "approved_on": event.approved_on}
    _change_definition(writing, event, status="sector_approved", sector_approval=approval)


async def definition_published(writing: Writing, recorded: Recorded) -> None:
    """Mark the version as published and as the current one."""
    event = _event(recorded, catalog.DefinitionPublished)
    older = update(definitions).where(
        definitions.c.definition_id == event.definition_id, definitions.c.version < event.version
    )
    await writing.execute(older.values(current=False))
    _change_definition(writing, event, status="published", current=True, effective_from=event.effective_from)


async def definition_retired(writing: Writing, recorded: Recorded) -> None:
    """Mark the version as retired, and what comes after it."""
    event = _event(recorded, catalog.DefinitionRetired)
    _change_definition(
        writing,
        event,
        status="retired",
        superseded_by=event.superseded_by,
        last_issue_date=event.last_issue_date,
    )


async def right_granted(writing: Writing, recorded: Recorded) -> None:
    """Write the grant."""
    event = _event(recorded, catalog.IssuingRightGranted)
    row = {
        "granted_at": recorded.position,
        "definition_id": event.definition_id,
        "issuer_org": event.issuer_org,
        "valid_from": event.valid_from,
        "valid_to": event.valid_to,
    }
    writing.upsert(issuing_rights, row)


async def right_withdrawn(writing: Writing, recorded: Recorded) -> None:
    """End the grants that cover the moment of withdrawal."""
    event = _event(recorded, catalog.IssuingRightWithdrawn)
    table, at = issuing_rights, event.withdrawn_from
    ended = update(table).where(
        table.c.definition_id == event.definition_id,
        table.c.issuer_org == event.issuer_org,
        table.c.valid_from <= at,
        or_(table.c.valid_to.is_(None), table.c.valid_to > at),
    )
    await writing.execute(ended.values(valid_to=at))


async def pathway_drafted(writing: Writing, recorded: Recorded) -> None:
    """Write the draft, over an earlier wording of the same version."""
    event = _event(recorded, catalog.PathwayDrafted)
    row = _draft_row(event.content, event) | {"pathway_id": event.pathway_id}
    row.pop("fields")
    writing.upsert(pathways, row)


async def pathway_review_requested(writing: Writing, recorded: Recorded) -> None:
    """Mark the version as in review."""
    _change_pathway(writing, _event(recorded, catalog.PathwayReviewRequested), status="in_review")


async def pathway_published(writing: Writing, recorded: Recorded) -> None:
    """Mark the version as published and as the current one."""
    event = _event(recorded, catalog.PathwayPublished)
    older = update(pathways).where(pathways.c.pathway_id == event.pathway_id, pathways.c.version < event.version)
    await writing.execute(older.values(current=False))
    values = {"current": True, "rule_digest": event.rule_digest, "effective_from": event.effective_from}
    _change_pathway(writing, event, status="published", **values)


async def organisation_registered(writing: Writing, recorded: Recorded) -> None:
    """Write the organisation."""
    event = _event(recorded, registry.OrganisationRegistered)
    row = event.model_dump(include={"org_id", "legal_name", "country", "region"})
    writing.upsert(organisations, row)


async def role_granted(writing: Writing, recorded: Recorded) -> None:
    """Write the grant."""
    event = _event(recorded, registry.RoleGranted)
    row = event.model_dump(include={"org_id", "role", "valid_from", "valid_to"})
    writing.upsert(roles, row | {"granted_at": recorded.position})


async def role_withdrawn(writing: Writing, recorded: Recorded) -> None:
    """End the grants of the role at the moment of withdrawal; one that would begin later never does."""
    event = _event(recorded, registry.RoleWithdrawn)
    at = event.withdrawn_from
    ended = update(roles).where(
        roles.c.org_id == event.org_id,
        roles.c.role == event.role,
        roles.c.granted_at < recorded.position,
        or_(roles.c.valid_to.is_(None), roles.c.valid_to > at),
    )
    await writing.execute(ended.values(valid_to=func.greatest(roles.c.valid_from, at)))


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


def _change_definition(writing: Writing, event: Any, **values: Any) -> None:
    writing.change(definitions, {"definition_id": event.definition_id, "version": event.version}, values)


def _change_pathway(writing: Writing, event: Any, **values: Any) -> None:
    writing.change(pathways, {"pathway_id": event.pathway_id, "version": event.version}, values)


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

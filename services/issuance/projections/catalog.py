"""What the catalog states, as facts: definitions, issuing rights, and every version of the pathways."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from sqlalchemy import delete, func, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from kompetenspass.core.errors import Problem
from kompetenspass.events import catalog
from kompetenspass.events.base import Event
from kompetenspass.log.api import Recorded
from kompetenspass.log.project import Handler, Poison
from kompetenspass.pathway.named import Named, named
from kompetenspass.pathway.parse import parse
from kompetenspass.pathway.rule import Pathway
from services.issuance import tables
from services.issuance.projections.rows import noted, of, put


async def _sector_approved(connection: AsyncConnection, recorded: Recorded) -> None:
    event = of(catalog.SectorApproved, recorded)
    row = event.model_dump(include={"definition_id", "version", "sector_org"})
    await put(connection, tables.sector_approvals, row)


async def _definition_published(connection: AsyncConnection, recorded: Recorded) -> None:
    event = of(catalog.DefinitionPublished, recorded)
    row = event.model_dump(
        include={"definition_id", "version", "urn", "owner_org", "awarding_body", "provider", "content"}
    )
    await put(connection, tables.definitions, {**row, "digest": event.content_digest, "retired": False})


async def _definition_retired(connection: AsyncConnection, recorded: Recorded) -> None:
    event = of(catalog.DefinitionRetired, recorded)
    last = date.fromisoformat(event.last_issue_date) if event.last_issue_date else None
    version = tables.definitions.c
    await connection.execute(
        update(tables.definitions)
        .where(version.definition_id == event.definition_id, version.version == event.version)
        .values(retired=True, last_issue_date=last)
    )


async def _right_granted(connection: AsyncConnection, recorded: Recorded) -> None:
    event = of(catalog.IssuingRightGranted, recorded)
    await put(connection, tables.issuing_rights, event.model_dump())


async def _right_withdrawn(connection: AsyncConnection, recorded: Recorded) -> None:
    event = of(catalog.IssuingRightWithdrawn, recorded)
    right = tables.issuing_rights.c
    await connection.execute(
        update(tables.issuing_rights)
        .where(right.definition_id == event.definition_id, right.issuer_org == event.issuer_org)
        .values(valid_to=func.least(right.valid_to, event.withdrawn_from))
    )


async def _pathway_published(connection: AsyncConnection, recorded: Recorded) -> None:
    event = of(catalog.PathwayPublished, recorded)
    pathway = _parsed(event)
    parts = named(pathway.rule)
    row = event.model_dump(include={"pathway_id", "version", "rule_digest", "urn", "awarding_body", "content"})
    more = {"digest": event.content_digest, "title": event.content["title"], "mode": pathway.mode}
    await put(connection, tables.pathways, {**row, **more, "selectors": parts.selectors})
    await _members(connection, event, parts)


async def _members(connection: AsyncConnection, event: catalog.PathwayPublished, parts: Named) -> None:
    members = tables.pathway_members
    version = {"pathway_id": event.pathway_id, "version": event.version}
    its = (members.c.pathway_id == event.pathway_id, members.c.version == event.version)
    await connection.execute(delete(members).where(*its))
    rows = [{"kind": "definition", "id": one, **version} for one in sorted(parts.definitions)]
    rows += [{"kind": "pathway", "id": one, **version} for one in sorted(parts.pathways)]
    if rows:
        await connection.execute(insert(members).values(rows))


def _parsed(event: catalog.PathwayPublished) -> Pathway:
    """Return the pathway. Raises Poison for one that the rule language cannot express: no later event mends it."""
    try:
        return parse(event.content)
    except Problem as malformed:
        raise Poison(malformed.code) from malformed


HANDLERS: Mapping[type[Event], Handler] = {
    catalog.SectorApproved: noted(_sector_approved),
    catalog.DefinitionPublished: noted(_definition_published),
    catalog.DefinitionRetired: noted(_definition_retired),
    catalog.IssuingRightGranted: noted(_right_granted),
    catalog.IssuingRightWithdrawn: noted(_right_withdrawn),
    catalog.PathwayPublished: noted(_pathway_published),
}

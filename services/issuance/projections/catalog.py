"""What the catalog states, as facts: definitions, issuing rights, and every version of the pathways."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from sqlalchemy import delete, func, update

from kompetenspass.core.errors import Problem
from kompetenspass.events import catalog
from kompetenspass.events.base import Event
from kompetenspass.log.api import Recorded
from kompetenspass.log.project import Handler, Poison
from kompetenspass.log.writing import Writing
from kompetenspass.pathway.named import Named, named
from kompetenspass.pathway.parse import parse
from kompetenspass.pathway.rule import Pathway
from services.issuance import tables
from services.issuance.projections.rows import noted, of


async def _sector_approved(writing: Writing, recorded: Recorded) -> None:
    event = of(catalog.SectorApproved, recorded)
    row = event.model_dump(include={"definition_id", "version", "sector_org"})
    writing.upsert(tables.sector_approvals, row)


async def _definition_published(writing: Writing, recorded: Recorded) -> None:
    event = of(catalog.DefinitionPublished, recorded)
    row = event.model_dump(
        include={"definition_id", "version", "urn", "owner_org", "awarding_body", "provider", "content"}
    )
    writing.upsert(tables.definitions, {**row, "digest": event.content_digest, "retired": False})


async def _definition_retired(writing: Writing, recorded: Recorded) -> None:
    event = of(catalog.DefinitionRetired, recorded)
    last = date.fromisoformat(event.last_issue_date) if event.last_issue_date else None
    version = {"definition_id": event.definition_id, "version": event.version}
    writing.change(tables.definitions, version, {"retired": True, "last_issue_date": last})


async def _right_granted(writing: Writing, recorded: Recorded) -> None:
    event = of(catalog.IssuingRightGranted, recorded)
    writing.upsert(tables.issuing_rights, event.model_dump())


async def _right_withdrawn(writing: Writing, recorded: Recorded) -> None:
    event = of(catalog.IssuingRightWithdrawn, recorded)
    right = tables.issuing_rights.c
    await writing.execute(
        update(tables.issuing_rights)
        .where(right.definition_id == event.definition_id, right.issuer_org == event.issuer_org)
        .values(valid_to=func.least(right.valid_to, event.withdrawn_from))
    )


async def _pathway_published(writing: Writing, recorded: Recorded) -> None:
    event = of(catalog.PathwayPublished, recorded)
    pathway = _parsed(event)
    parts = named(pathway.rule)
    row = event.model_dump(include={"pathway_id", "version", "rule_digest", "urn", "awarding_body", "content"})
    more = {"digest": event.content_digest, "title": event.content["title"], "mode": pathway.mode}
    writing.upsert(tables.pathways, {**row, **more, "selectors": parts.selectors})
    await _members(writing, event, parts)


async def _members(writing: Writing, event: catalog.PathwayPublished, parts: Named) -> None:
    members = tables.pathway_members
    version = {"pathway_id": event.pathway_id, "version": event.version}
    its = (members.c.pathway_id == event.pathway_id, members.c.version == event.version)
    await writing.execute(delete(members).where(*its))
    rows = [{"kind": "definition", "id": one, **version} for one in sorted(parts.definitions)]
    rows += [{"kind": "pathway", "id": one, **version} for one in sorted(parts.pathways)]
    for row in rows:
        writing.put(members, row)


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

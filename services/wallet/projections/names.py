"""What things are called: organisations, definitions, pathways."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kompetenspass.events.base import Event
from kompetenspass.events.catalog import DefinitionPublished, PathwayPublished
from kompetenspass.events.registry import OrganisationRegistered
from kompetenspass.log.api import Recorded
from kompetenspass.log.project import Handler
from kompetenspass.log.writing import Writing
from services.wallet import tables
from services.wallet.projections.rows import of


async def organisation_registered(writing: Writing, recorded: Recorded) -> None:
    """An organisation has a name."""
    event = of(OrganisationRegistered, recorded)
    writing.put(tables.organisations, {"org_id": event.org_id, "legal_name": dict(event.legal_name)})


async def definition_published(writing: Writing, recorded: Recorded) -> None:
    """A version of a definition has a title."""
    event = of(DefinitionPublished, recorded)
    row = {"definition_id": event.definition_id, "version": event.version, "kind": "definition"}
    writing.put(tables.titles, row | {"title": _title(event.content)})


async def pathway_published(writing: Writing, recorded: Recorded) -> None:
    """A version of a pathway has a title, a result and a rule."""
    event = of(PathwayPublished, recorded)
    row = {"definition_id": event.pathway_id, "version": event.version, "kind": "pathway"}
    writing.put(tables.titles, row | {"title": _title(event.content)})
    whole = {"awarding_body": event.awarding_body, "content": event.content}
    writing.put(tables.pathways, {"pathway_id": event.pathway_id, "version": event.version} | whole)


HANDLERS: Mapping[type[Event], Handler] = {
    OrganisationRegistered: organisation_registered,
    DefinitionPublished: definition_published,
    PathwayPublished: pathway_published,
}


def _title(content: dict[str, Any]) -> dict[str, str]:
    title = content.get("title")
    return {str(k): str(v) for k, v in title.items()} if isinstance(title, dict) else {}

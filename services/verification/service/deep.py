"""Ask for an award with what it rests on: what the catalog says of its pathway, made a query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kompetenspass.core.errors import not_found
from kompetenspass.pathway.named import named
from kompetenspass.pathway.parse import parse
from services.verification.domain.deep_query import deep_query
from services.verification.domain.trust import Document, Kind
from services.verification.service.ports import Facts


async def query_of_stack(
    facts: Facts, pathway_id: str, *, vct: str, claims: Sequence[tuple[Any, ...]]
) -> Mapping[str, Any]:
    """Return the query for an award of a pathway and for what its newest rule names, nested pathways opened.

    Raises Problem `not_found`, also for what is no pathway, and PathwayMalformed for a rule that cannot be read.
    """
    found = await facts.newest("pathway", [pathway_id])
    if not found:
        raise not_found("pathway")
    award, opened = found[0], [parse(found[0].content)]
    parts: dict[tuple[Kind, str], Document] = {}
    for pathway in opened:  # it grows by the nested ones, among which there is no circle
        rule = named(pathway.rule)
        beneath = (*await facts.newest("definition", rule.definitions), *await facts.newest("pathway", rule.pathways))
        fresh = {(each.kind, each.id): each for each in beneath if (each.kind, each.id) not in parts}
        opened += [parse(each.content) for each in fresh.values() if each.kind == "pathway"]
        parts |= fresh
    return deep_query(vct=vct, award=award, opened=opened, parts=tuple(parts.values()), claims=claims)

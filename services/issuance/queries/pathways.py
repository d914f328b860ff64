"""Published pathways: parsed, by id and by digest; which of them a definition may matter for; and titles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, Select, literal, or_, select, union_all
from sqlalchemy.dialects.postgresql import distinct_on

from kompetenspass.pathway.parse import parse
from services.issuance.queries.reading import Reading
from services.issuance.service.stacking_ports import PublishedPathway
from services.issuance.tables import definitions, pathway_members, pathways


class PathwayQueries(Reading):
    """The part of service.stacking_ports.StackingFacts that the catalog's facts answer."""

    async def pathway(self, pathway_id: str) -> PublishedPathway | None:
        """Return the newest published version."""
        newest = select(pathways).where(pathways.c.pathway_id == pathway_id).order_by(pathways.c.version.desc())
        return await self._published(("pathway", pathway_id), newest.limit(1))

    async def pathway_version(self, digest: str) -> PublishedPathway | None:
        """Return the version that the digest names."""
        return await self._published(("pathway_version", digest), select(pathways).where(pathways.c.digest == digest))

    async def concerned(self, named: str) -> Sequence[str]:
        """Return the ids of the pathways that a definition or pathway may matter for, sorted.

        Any published version names it, or uses selectors: versions under which somebody has an award count too.
        """

        async def read() -> Sequence[str]:
            naming = select(pathway_members.c.pathway_id).where(pathway_members.c.id == named)
            its = pathways.c
            found = select(its.pathway_id).where(or_(its.selectors, its.pathway_id.in_(naming))).distinct()
            return tuple(row.pathway_id for row in await self._rows(found.order_by(its.pathway_id)))

        return await self._known(("concerned", named), read)

    async def titles(self, ids: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
        """Return the titles of definitions and pathways, newest versions, by id and language."""

        async def read() -> Mapping[str, Mapping[str, str]]:
            return {row.id: row.title for row in await self._rows(_titles(wanted))}

        wanted = tuple(sorted(set(ids)))
        return await self._known(("titles", wanted), read)

    async def _published(self, what: tuple[str, str], statement: Select[Any]) -> PublishedPathway | None:
        async def read() -> PublishedPathway | None:
            rows = await self._rows(statement)
            return _pathway(rows[0]) if rows else None

        return await self._known(what, read, misses=False)


def _titles(ids: Sequence[str]) -> Select[Any]:
    """Select id and title: a definition's where a pathway has the same id."""
    merit, award, title = definitions.c, pathways.c, definitions.c.content["title"].label("title")
    merits = select(literal(0).label("rank"), merit.definition_id.label("id"), merit.version, title)
    awards = select(literal(1).label("rank"), award.pathway_id.label("id"), award.version, award.title)
    either = union_all(merits.where(merit.definition_id.in_(ids)), awards.where(award.pathway_id.in_(ids))).subquery()
    newest = select(either.c.id, either.c.title).ext(distinct_on(either.c.id))
    return newest.order_by(either.c.id, either.c.rank, either.c.version.desc())


def _pathway(row: Row[Any]) -> PublishedPathway:
    return PublishedPathway(
        pathway=parse(row.content),
        digest=row.digest,
        rule_digest=row.rule_digest,
        urn=row.urn,
        awarding_body=row.awarding_body,
        title=row.title,
        content=row.content,
    )

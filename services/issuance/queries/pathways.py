"""Published pathways: parsed, by id and by digest; which of them a definition may matter for; and titles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import BindParameter, Select, bindparam, literal, or_, select, union_all
from sqlalchemy.dialects.postgresql import distinct_on

from kompetenspass.log.direct import Direct
from kompetenspass.pathway.parse import parse
from services.issuance.queries.reading import Reading
from services.issuance.service.stacking_ports import PublishedPathway
from services.issuance.tables import definitions, pathway_members, pathways

_NAMED: BindParameter[str] = bindparam("named")
_NEWEST = Direct(
    select(pathways).where(pathways.c.pathway_id == _NAMED).order_by(pathways.c.version.desc()).limit(literal(1))
)
_VERSION = Direct(select(pathways).where(pathways.c.digest == _NAMED))
_NAMING = select(pathway_members.c.pathway_id).where(pathway_members.c.id == _NAMED)
_CONCERNED = Direct(
    select(pathways.c.pathway_id)
    .where(or_(pathways.c.selectors, pathways.c.pathway_id.in_(_NAMING)))
    .distinct()
    .order_by(pathways.c.pathway_id)
)


class PathwayQueries(Reading):
    """The part of service.stacking_ports.StackingFacts that the catalog's facts answer."""

    async def pathway(self, pathway_id: str) -> PublishedPathway | None:
        """Return the newest published version."""
        return await self._published(_NEWEST, pathway_id)

    async def pathway_version(self, digest: str) -> PublishedPathway | None:
        """Return the version that the digest names."""
        return await self._published(_VERSION, digest)

    async def concerned(self, named: str) -> Sequence[str]:
        """Return the ids of the pathways that a definition or pathway may matter for, sorted.

        Any published version names it, or uses selectors: versions under which somebody has an award count too.
        """

        async def read() -> Sequence[str]:
            return tuple(row.pathway_id for row in await self._direct(_CONCERNED, named=named))

        return await self._known(("concerned", named), read)

    async def titles(self, ids: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
        """Return the titles of definitions and pathways, newest versions, by id and language."""

        async def read() -> Mapping[str, Mapping[str, str]]:
            return {row.id: row.title for row in await self._rows(_titles(wanted))}

        wanted = tuple(sorted(set(ids)))
        return await self._known(("titles", wanted), read)

    async def _published(self, statement: Direct, named: str) -> PublishedPathway | None:
        async def read() -> PublishedPathway | None:
            rows = await self._direct(statement, named=named)
            return _pathway(rows[0]) if rows else None

        return await self._known((statement, named), read, misses=False)


def _titles(ids: Sequence[str]) -> Select[Any]:
    """Select id and title: a definition's where a pathway has the same id."""
    merit, award, title = definitions.c, pathways.c, definitions.c.content["title"].label("title")
    merits = select(literal(0).label("rank"), merit.definition_id.label("id"), merit.version, title)
    awards = select(literal(1).label("rank"), award.pathway_id.label("id"), award.version, award.title)
    either = union_all(merits.where(merit.definition_id.in_(ids)), awards.where(award.pathway_id.in_(ids))).subquery()
    newest = select(either.c.id, either.c.title).ext(distinct_on(either.c.id))
    return newest.order_by(either.c.id, either.c.rank, either.c.version.desc())


def _pathway(row: Any) -> PublishedPathway:
    return PublishedPathway(
        pathway=parse(row.content),
        digest=row.digest,
        rule_digest=row.rule_digest,
        urn=row.urn,
        awarding_body=row.awarding_body,
        title=row.title,
        content=row.content,
    )

"""Rows to answers: the public catalogue, and the facts about organisations that commands need."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Select, Table, and_, any_, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncEngine

from kompetenspass.core.clock import rfc3339
from kompetenspass.core.errors import Problem, not_found
from kompetenspass.pathway.named import Named
from kompetenspass.pathway.words import Titles
from services.catalog.tables import definitions, issuing_rights, organisations, pathways, roles

PUBLIC = ("published", "retired")


@dataclass(frozen=True, slots=True)
class Shelf:
    """One kind of document: its table, the name of its id, and what a refusal calls it."""

    table: Table
    id_name: str
    what: str


DEFINITIONS = Shelf(definitions, "definition_id", "definition")
PATHWAYS = Shelf(pathways, "pathway_id", "pathway")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a list is to hold. `viewer` is the organisation that asks, which also sees its own unfinished versions."""

    status: str | None = None
    owner: str | None = None
    field: str | None = None
    text: str | None = None
    after: str | None = None
    limit: int = 50
    viewer: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Some items in order of id, and where the next page begins (None: this is the last)."""

    items: tuple[Mapping[str, Any], ...]
    after: str | None


class Catalogue:
    """Reads the catalogue."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def page(self, shelf: Shelf, wanted: Wanted) -> Page:
        """Return one page. Raises Problem `invalid_request` for a broken `after`."""
        async with self._engine.connect() as connection:
            rows = (await connection.execute(_page_query(shelf, wanted))).mappings().all()
        items = tuple(_summary(shelf, row) for row in rows[: wanted.limit])
        if len(rows) <= wanted.limit:
            return Page(items, None)
        last = rows[wanted.limit - 1]
        return Page(items, f"{last[shelf.id_name]}@{last['version']}")

    async def one(self, shelf: Shelf, id_: str, viewer: str | None) -> Mapping[str, Any]:
        """Return the current version whole, with all versions' digests. Raises Problem `not_found`."""
        table = shelf.table
        query = select(table).where(table.c[shelf.id_name] == id_, _visible(table, viewer))
        async with self._engine.connect() as connection:
            rows = (await connection.execute(query.order_by(table.c.version))).mappings().all()
            rights = (await connection.execute(_rights_query(id_))).mappings().all()
        if not rows:
            raise not_found(shelf.what)
        shown = next((row for row in rows if row["current"]), rows[-1])
        answer = _whole(shelf, shown) | {"versions": [_version(row) for row in rows]}
        if shelf is DEFINITIONS:
            answer["issuing_rights"] = [_right(row) for row in rights]
        return answer

    async def version(self, shelf: Shelf, id_: str, digest: str, viewer: str | None) -> Mapping[str, Any]:
        """Return the version that `digest` names, whole. Raises Problem `not_found`."""
        table = shelf.table
        query = select(table).where(
            table.c[shelf.id_name] == id_, table.c.content_digest == digest, _visible(table, viewer)
        )
        async with self._engine.connect() as connection:
            row = (await connection.execute(query.order_by(table.c.version).limit(1))).mappings().first()
        if row is None:
            raise not_found("version")
        return _whole(shelf, row)

    async def titles(self, named: Named, organisations_: Collection[str], viewer: str | None) -> Titles:
        """Return the titles of definitions and pathways and the names of organisations, as far as they are known."""
        queries = [
            _titles_query(DEFINITIONS, named.definitions, viewer),
            _titles_query(PATHWAYS, named.pathways, viewer),
            select(organisations.c.org_id, organisations.c.legal_name).where(
                organisations.c.org_id.in_(organisations_)
            ),
        ]
        async with self._engine.connect() as connection:
            return {id_: title for query in queries for id_, title in (await connection.execute(query)).all()}


class OrganisationFacts:
    """What the registry has said about organisations; implements the service's Facts."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def roles(self, organisations_: Collection[str], at: datetime) -> Mapping[str, frozenset[str]]:
        """Return the roles of those of the organisations that are registered, as they are at a moment."""
        named = select(organisations.c.org_id).where(organisations.c.org_id.in_(organisations_))
        held = select(roles.c.org_id, roles.c.role).where(
            roles.c.org_id.in_(organisations_),
            roles.c.valid_from <= at,
            or_(roles.c.valid_to.is_(None), roles.c.valid_to > at),
        )
        async with self._engine.connect() as connection:
            known: dict[str, set[str]] = {org: set() for org in (await connection.scalars(named)).all()}
            for org, role in (await connection.execute(held)).all():
                known.setdefault(org, set()).add(role)
        return {org: frozenset(names) for org, names in known.items()}


def _visible(table: Table, viewer: str | None) -> ColumnElement[bool]:
    public = table.c.status.in_(PUBLIC)
    return public if viewer is None else or_(public, table.c.owner_org == viewer)


def _page_query(shelf: Shelf, wanted: Wanted) -> Select[Any]:
    table = shelf.table
    key = (table.c[shelf.id_name], table.c.version)
    listed: ColumnElement[bool] = table.c.current
    if wanted.viewer is not None:
        listed = or_(listed, and_(table.c.owner_org == wanted.viewer, table.c.status.not_in(PUBLIC)))
    query = select(table).where(listed)
    if wanted.status is not None:
        query = query.where(table.c.status == wanted.status)
    if wanted.owner is not None:
        query = query.where(table.c.owner_org == wanted.owner)
    if wanted.field is not None and shelf is DEFINITIONS:
        query = query.where(any_(table.c.fields) == wanted.field)
    if wanted.text:
        query = query.where(table.c.search.contains(wanted.text.lower(), autoescape=True))
    if wanted.after is not None:
        query = query.where(tuple_(*key) > tuple_(*_cursor(wanted.after)))
    return query.order_by(*key).limit(wanted.limit + 1)


def _titles_query(shelf: Shelf, ids: Collection[str], viewer: str | None) -> Select[Any]:
    """Return the query of titles; of several visible versions the current one comes last and stays."""
    table = shelf.table
    query = select(table.c[shelf.id_name], table.c.content["title"]).where(table.c[shelf.id_name].in_(ids))
    return query.where(_visible(table, viewer)).order_by(table.c.current, table.c.version)


def _cursor(after: str) -> tuple[str, int]:
    id_, _, version = after.rpartition("@")
    if not id_ or not version.isdecimal() or len(version) > 9:
        raise Problem("invalid_request", "`after` is not known.", remedy="Take it from the Link header of a page.")
    return id_, int(version)


def _rights_query(definition_id: str) -> Select[Any]:
    query = select(issuing_rights).where(issuing_rights.c.definition_id == definition_id)
    return query.order_by(issuing_rights.c.granted_at)


def _version(row: RowMapping) -> dict[str, Any]:
    return {"version": row["version"], "status": row["status"], "content_digest": row["content_digest"]}


def _right(row: RowMapping) -> dict[str, Any]:
    ends = row["valid_to"]
    return {
        "issuer_org": row["issuer_org"],
        "valid_from": rfc3339(row["valid_from"]),
        "valid_to": rfc3339(ends) if ends else None,
    }


def _summary(shelf: Shelf, row: RowMapping) -> dict[str, Any]:
    content = row["content"]
    summary = {shelf.id_name: row[shelf.id_name], "owner_org": row["owner_org"]} | _version(row)
    for name in ("urn", "title", "awarding_body", "provider", "level", "workload", "fields"):
        if name in content:
            summary[name] = content[name]
    return summary


def _whole(shelf: Shelf, row: RowMapping) -> dict[str, Any]:
    whole = {shelf.id_name: row[shelf.id_name], "owner_org": row["owner_org"]} | _version(row)
    for name in ("effective_from", "superseded_by", "last_issue_date", "sector_approval", "rule_digest"):
        if row.get(name) is not None:
            whole[name] = rfc3339(row[name]) if isinstance(row[name], datetime) else row[name]
    return whole | {"content": row["content"]}

"""Rows to facts about one presented credential, and to the names of definitions."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, Protocol

from sqlalchemy import RowMapping, Select, select, tuple_
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from kompetenspass.core.errors import not_found
from kompetenspass.events.registry import Scope
from kompetenspass.log.gathering import Gathering
from services.verification.domain.judgement import Claimed
from services.verification.domain.trust import (
    ROLES,
    Document,
    Facts,
    Grant,
    Issue,
    IssuerKey,
    Kind,
    KnownDefinition,
    Period,
)
from services.verification.tables import definitions, sector_approvals

Record = Any
"""A row, or a record within one: asyncpg has no types."""


class Statements(Protocol):
    """What runs the hot statements; the others go by the engine."""

    async def fetch(self, statement: str, *arguments: object) -> Sequence[Record]:
        """Return the rows of one statement."""


_ISSUES = """
    SELECT number, issuer_org, definition_id, definition_version, definition_digest, recorded,
           voided.credential_id IS NOT NULL AS void
    FROM unnest($1::text[]) WITH ORDINALITY AS asked (digest, number)
    JOIN issued_copies USING (digest)
    LEFT JOIN voided_credentials AS voided ON voided.credential_id = issued_copies.credential_id
"""
_STANDINGS = """
    SELECT key.org_id, key.issuer, key.valid_from, key.valid_to, key.compromised_since,
           definition_id, definitions.version, owner_org, content_digest, fields::text, region, kind,
           ARRAY(SELECT (role, valid_from, valid_to, scope::text) FROM organisation_roles
                 WHERE org_id = key.org_id ORDER BY granted_at) AS roles,
           ARRAY(SELECT (valid_from, valid_to) FROM issuing_rights
                 WHERE definition_id = definitions.definition_id AND issuer_org = key.org_id
                 ORDER BY granted_at) AS rights
    FROM unnest($1::text[], $2::text[], $3::text[], $4::int[]) WITH ORDINALITY
      AS asked (issuer, thumbprint, urn, version, number)
    LEFT JOIN LATERAL (
        SELECT org_id, issuer, valid_from, valid_to, compromised_since FROM issuer_keys
        WHERE issuer_keys.issuer = asked.issuer AND issuer_keys.thumbprint = asked.thumbprint
        ORDER BY org_id, kid LIMIT 1
    ) AS key ON true
    LEFT JOIN definitions ON definitions.urn = asked.urn AND definitions.version = asked.version
    ORDER BY number
"""
"""What is known of an issuer's key and of a definition: many credentials that are shown at once have both in common."""
_URN = "SELECT urn FROM definitions WHERE definition_id = $1 ORDER BY version DESC LIMIT 1"


class TrustFacts:
    """Reads what trust rests on; implements the service's Facts."""

    def __init__(self, engine: AsyncEngine, statements: Statements) -> None:
        self._engine = engine
        self._statements = statements
        self._about = Gathering(self._about_all)

    async def about(self, claimed: Claimed) -> Facts:
        """Return what the services have said about the issuer, the definition and the copy."""
        return await self._about.ask(claimed)

    async def _about_all(self, claimed: Sequence[Claimed]) -> Sequence[Facts]:
        """Return the facts of credentials that were shown at the same moment."""
        issues = await self._statements.fetch(_ISSUES, [each.digest for each in claimed])
        wanted = list(dict.fromkeys(map(_standing, claimed)))
        rows = await self._statements.fetch(_STANDINGS, *map(list, zip(*wanted, strict=True)))
        known = {asked: _facts(row) for asked, row in zip(wanted, rows, strict=True)}
        issued = {row["number"] - 1: _issue(row) for row in issues}
        return [replace(known[_standing(each)], issue=issued.get(number)) for number, each in enumerate(claimed)]

    async def urn_of(self, definition_id: str) -> str:
        """Return the URN of a published definition or pathway. Raises Problem `not_found`."""
        rows = await self._statements.fetch(_URN, definition_id)
        if not rows:
            raise not_found("definition")
        return str(rows[0]["urn"])

    async def documents(self, versions: Collection[tuple[str, int]]) -> Mapping[tuple[str, int], Document]:
        """Return what published versions say, by URN and version; one that is not known is left out."""
        if not versions:
            return {}
        query = _documents().where(tuple_(definitions.c.urn, definitions.c.version).in_(list(versions)))
        async with self._engine.connect() as connection:
            found = [_document(row) for row in await _all(connection, query)]
        return {(document.urn, document.version): document for document in found}

    async def newest(self, kind: Kind, ids: Collection[str]) -> tuple[Document, ...]:
        """Return the newest published version of each id, by id; one that is not known is left out."""
        if not ids:
            return ()
        its = definitions.c
        query = _documents().where(its.kind == kind, its.definition_id.in_(list(ids)))
        query = query.ext(distinct_on(its.definition_id)).order_by(its.definition_id, its.version.desc())
        async with self._engine.connect() as connection:
            rows = await _all(connection, query)
        return tuple(_document(row) for row in rows)


async def _all(connection: AsyncConnection, query: Select[Any]) -> list[RowMapping]:
    return list((await connection.execute(query)).mappings().all())


def _documents() -> Select[Any]:
    its, approved = definitions.c, sector_approvals.c
    same = (approved.definition_id == its.definition_id) & (approved.version == its.version)
    query = select(its.kind, its.definition_id, its.urn, its.version, its.content, approved.sector_org)
    return query.select_from(definitions.outerjoin(sector_approvals, same))


def _standing(claimed: Claimed) -> tuple[str, str, str, int]:
    return claimed.issuer, claimed.thumbprint, claimed.definition, claimed.definition_version


def _facts(row: Record) -> Facts:
    return Facts(
        key=_issuer_key(row) if row["org_id"] is not None else None,
        roles=_grants(row["roles"]),
        definition=_known(row) if row["definition_id"] is not None else None,
        rights=tuple(Period(since, until) for since, until in row["rights"]),
    )


def _grants(held: Sequence[Record]) -> dict[str, tuple[Grant, ...]]:
    names = dict.fromkeys((*ROLES, *(role for role, *_ in held)))
    return {
        name: tuple(Grant(Period(since, until), _scope(scope)) for role, since, until, scope in held if role == name)
        for name in names
    }


@lru_cache(maxsize=256)
def _scope(text: str) -> Scope:
    return Scope.model_validate_json(text)


def _issuer_key(row: Record) -> IssuerKey:
    return IssuerKey(row["org_id"], row["issuer"], Period(row["valid_from"], row["valid_to"]), row["compromised_since"])


def _known(row: Record) -> KnownDefinition:
    return KnownDefinition(
        row["definition_id"],
        row["version"],
        row["owner_org"],
        row["content_digest"],
        frozenset(json.loads(row["fields"])),
        row["region"],
        row["kind"],
    )


def _document(row: RowMapping) -> Document:
    return Document(row["kind"], row["definition_id"], row["urn"], row["version"], row["content"], row["sector_org"])


def _issue(row: Record) -> Issue:
    _, org, definition_id, version, digest, recorded, void = row
    return Issue(org, definition_id, version, digest, recorded, void)

"""Rows to facts about one presented credential, and to the names of definitions."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import RowMapping, Select, select, tuple_
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from kompetenspass.core.errors import not_found
from kompetenspass.events.registry import Scope
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
from services.verification.tables import (
    definitions,
    issued_copies,
    issuer_keys,
    issuing_rights,
    roles,
    sector_approvals,
    voided_credentials,
)


class TrustFacts:
    """Reads what trust rests on; implements the service's Facts."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def about(self, claimed: Claimed) -> Facts:
        """Return what the services have said about the issuer, the definition and the copy."""
        async with self._engine.connect() as connection:
            key = await _first(connection, _key_query(claimed))
            definition = await _first(connection, _definition_query(claimed))
            issue = await _first(connection, _issue_query(claimed))
            held = await _all(connection, _roles_query(key["org_id"])) if key else []
            rights = await _all(connection, _rights_query(definition, key)) if key and definition else []
        return Facts(
            key=_issuer_key(key) if key else None,
            roles=_grants(held),
            definition=_known(definition) if definition else None,
            rights=tuple(_period(row) for row in rights),
            issue=_issue(issue) if issue else None,
        )

    async def urn_of(self, definition_id: str) -> str:
        """Return the URN of a published definition or pathway. Raises Problem `not_found`."""
        query = select(definitions.c.urn).where(definitions.c.definition_id == definition_id)
        async with self._engine.connect() as connection:
            urn = await connection.scalar(query.order_by(definitions.c.version.desc()).limit(1))
        if urn is None:
            raise not_found("definition")
        return str(urn)

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


async def _first(connection: AsyncConnection, query: Select[Any]) -> RowMapping | None:
    row: RowMapping | None = (await connection.execute(query)).mappings().first()
    return row


async def _all(connection: AsyncConnection, query: Select[Any]) -> list[RowMapping]:
    return list((await connection.execute(query)).mappings().all())


def _key_query(claimed: Claimed) -> Select[Any]:
    table = issuer_keys
    query = select(table).where(table.c.issuer == claimed.issuer, table.c.thumbprint == claimed.thumbprint)
    return query.order_by(table.c.org_id, table.c.kid).limit(1)


def _definition_query(claimed: Claimed) -> Select[Any]:
    table = definitions
    return select(table).where(table.c.urn == claimed.definition, table.c.version == claimed.definition_version)


def _issue_query(claimed: Claimed) -> Select[Any]:
    table, voided = issued_copies, voided_credentials
    query = select(table, voided.c.credential_id.is_not(None).label("void"))
    return query.outerjoin(voided, voided.c.credential_id == table.c.credential_id).where(
        table.c.digest == claimed.digest
    )


def _documents() -> Select[Any]:
    its, approved = definitions.c, sector_approvals.c
    same = (approved.definition_id == its.definition_id) & (approved.version == its.version)
    query = select(its.kind, its.definition_id, its.urn, its.version, its.content, approved.sector_org)
    return query.select_from(definitions.outerjoin(sector_approvals, same))


def _roles_query(org_id: str) -> Select[Any]:
    return select(roles).where(roles.c.org_id == org_id).order_by(roles.c.granted_at)


def _rights_query(definition: RowMapping, key: RowMapping) -> Select[Any]:
    table, named = issuing_rights, definition["definition_id"]
    query = select(table).where(table.c.definition_id == named, table.c.issuer_org == key["org_id"])
    return query.order_by(table.c.granted_at)


def _period(row: RowMapping) -> Period:
    return Period(row["valid_from"], row["valid_to"])


def _grants(held: list[RowMapping]) -> dict[str, tuple[Grant, ...]]:
    names = dict.fromkeys((*ROLES, *(row["role"] for row in held)))
    return {role: tuple(_grant(row) for row in held if row["role"] == role) for role in names}


def _grant(row: RowMapping) -> Grant:
    return Grant(_period(row), Scope.model_validate(row["scope"]))


def _issuer_key(row: RowMapping) -> IssuerKey:
    return IssuerKey(row["org_id"], row["issuer"], _period(row), row["compromised_since"])


def _known(row: RowMapping) -> KnownDefinition:
    return KnownDefinition(
        row["definition_id"],
        row["version"],
        row["owner_org"],
        row["content_digest"],
        frozenset(row["fields"]),
        row["region"],
        row["kind"],
    )


def _document(row: RowMapping) -> Document:
    return Document(row["kind"], row["definition_id"], row["urn"], row["version"], row["content"], row["sector_org"])


def _issue(row: RowMapping) -> Issue:
    return Issue(
        row["issuer_org"],
        row["definition_id"],
        row["definition_version"],
        row["definition_digest"],
        row["recorded"],
        row["void"],
    )

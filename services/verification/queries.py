"""Rows to facts about one presented credential, and to the names of definitions."""

from __future__ import annotations

from typing import Any

from sqlalchemy import RowMapping, Select, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from kompetenspass.core.errors import not_found
from kompetenspass.events.registry import Scope
from services.verification.domain.judgement import Claimed
from services.verification.domain.trust import ROLES, Facts, Grant, Issue, IssuerKey, KnownDefinition, Period
from services.verification.tables import definitions, issued_copies, issuer_keys, issuing_rights, roles


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
            roles={role: tuple(_grant(row) for row in held if row["role"] == role) for role in ROLES},
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
    return select(issued_copies).where(issued_copies.c.digest == claimed.digest)


def _roles_query(org_id: str) -> Select[Any]:
    return select(roles).where(roles.c.org_id == org_id, roles.c.role.in_(ROLES)).order_by(roles.c.granted_at)


def _rights_query(definition: RowMapping, key: RowMapping) -> Select[Any]:
    table, named = issuing_rights, definition["definition_id"]
    query = select(table).where(table.c.definition_id == named, table.c.issuer_org == key["org_id"])
    return query.order_by(table.c.granted_at)


def _period(row: RowMapping) -> Period:
    return Period(row["valid_from"], row["valid_to"])


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
    )


def _issue(row: RowMapping) -> Issue:
    return Issue(
        row["issuer_org"],
        row["definition_id"],
        row["definition_version"],
        row["definition_digest"],
        row["recorded"],
    )

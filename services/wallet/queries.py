"""What the timeline's tables answer: rows of one account, joined with titles and names when they are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row as SqlRow
from sqlalchemy import and_, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.wallet.domain.timeline import Change, Holding, Issue, Merit, Row, holdings, rows
from services.wallet.tables import account_copies, changes, copies, issues, organisations, shares, titles


@dataclass(frozen=True, slots=True)
class Share:
    """A copy that was shown: when, to whom, and of which credential (None: its issue has not been seen yet)."""

    at: datetime
    verifier: str
    credential_id: UUID | None


@dataclass(frozen=True, slots=True)
class Timeline:
    """What a learner sees: the rows in order, the credentials as they stand, and what was shown to whom."""

    rows: Sequence[Row]
    holdings: Sequence[Holding]
    shares: Sequence[Share]


class Queries:
    """Reads through the service's engine."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def timeline(self, account_id: UUID) -> Timeline:
        """Return the timeline of an account; empty if it holds nothing that was issued here."""
        async with self._engine.connect() as connection:
            await connection.execution_options(postgresql_readonly=True, isolation_level="REPEATABLE READ")
            issued = await _issues(connection, account_id)
            changed = await _changes(connection, [issue.merit.credential_id for issue in issued])
            shown = await _shares(connection, account_id)
        return Timeline(rows(issued, changed), holdings(issued, changed), shown)


async def _issues(connection: AsyncConnection, account_id: UUID) -> Sequence[Issue]:
    refs = (
        select(copies.c.learner_ref)
        .join(account_copies, account_copies.c.digest == copies.c.digest)
        .where(account_copies.c.account_id == account_id)
    )
    titled = and_(titles.c.definition_id == issues.c.definition_id, titles.c.version == issues.c.definition_version)
    query = (
        select(issues, titles.c.title, organisations.c.legal_name)
        .outerjoin(titles, titled)
        .outerjoin(organisations, organisations.c.org_id == issues.c.issuer_org)
        .where(issues.c.learner_ref.in_(refs))
        .order_by(issues.c.at, issues.c.event_id)
    )
    return [_issue(row) for row in await connection.execute(query)]


async def _changes(connection: AsyncConnection, credential_ids: Sequence[UUID]) -> Sequence[Change]:
    query = select(changes).where(changes.c.credential_id.in_(set(credential_ids)))
    return [
        Change(row.at, row.event_id, row.credential_id, row.kind, row.reason_code, row.suspended)
        for row in await connection.execute(query.order_by(changes.c.at, changes.c.event_id))
    ]


async def _shares(connection: AsyncConnection, account_id: UUID) -> Sequence[Share]:
    query = (
        select(shares.c.at, shares.c.verifier, copies.c.credential_id)
        .outerjoin(copies, copies.c.digest == shares.c.digest)
        .where(shares.c.account_id == account_id)
        .order_by(shares.c.at, shares.c.event_id)
    )
    return [Share(row.at, row.verifier, row.credential_id) for row in await connection.execute(query)]


def _issue(row: SqlRow[Any]) -> Issue:
    merit = Merit(
        credential_id=row.credential_id,
        definition_id=row.definition_id,
        definition_version=row.definition_version,
        issuer_org=row.issuer_org,
        issuer=row.issuer,
        recognition_level=row.recognition_level,
        valid_to=row.valid_to,
        title=tuple(sorted((row.title or {}).items())),
        issuer_name=tuple(sorted((row.legal_name or {}).items())),
    )
    return Issue(row.at, row.event_id, merit, row.replaces)

"""What the timeline's tables answer: rows of one account, joined with titles and names when they are read."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row as SqlRow
from sqlalchemy import Table, and_, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.wallet import tables
from services.wallet.domain.facts import Change, Story, Texts
from services.wallet.domain.pathways import PathwayInfo, PathwayView, Walked, pathways
from services.wallet.domain.timeline import Holding, Row, holdings, rows
from services.wallet.queries import making
from services.wallet.queries.making import Titles
from services.wallet.tables import account_copies, copies, organisations, shares, titles


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
            reader = await _reader(connection, account_id)
            story = await reader.story()
            shown = await _shares(connection, account_id)
        return Timeline(rows(story), holdings(story), shown)

    async def pathways(self, account_id: UUID) -> Sequence[PathwayView]:
        """Return the pathways that an account's learner has progress, a proposal or an award on."""
        async with self._engine.connect() as connection:
            reader = await _reader(connection, account_id)
            story = await reader.story()
            walked = await reader.walked()
        return pathways(walked, holdings(story))


async def _reader(connection: AsyncConnection, account_id: UUID) -> _Reader:
    await connection.execution_options(postgresql_readonly=True, isolation_level="REPEATABLE READ")
    mine = (
        select(copies.c.learner_ref)
        .join(account_copies, account_copies.c.digest == copies.c.digest)
        .where(account_copies.c.account_id == account_id)
        .distinct()
    )
    return _Reader(connection, tuple(sorted(await connection.scalars(mine))))


class _Reader:
    """Reads what was said about some learner_refs, all of it from one snapshot."""

    def __init__(self, connection: AsyncConnection, refs: Sequence[str]) -> None:
        self._connection = connection
        self._refs = refs

    async def story(self) -> Story:
        """Return everything about credentials and awards."""
        issued = await self._merits(tables.issues, "definition", "issuer_org")
        awarded = await self._merits(tables.awards, "pathway", "awarding_body")
        changed = await self._stack_changes([row.stack_id for row in awarded])
        called = await self._titles(making.mentioned(awarded, changed))
        awards = tuple(making.award(row, called) for row in awarded)
        parts = making.parts_of(awards, changed, called)
        return Story(
            issues=tuple(making.issue(row) for row in issued),
            changes=await self._changes({row.credential_id for row in (*issued, *awarded)}),
            awards=awards,
            stack_changes=tuple(making.stack_change(row, called, parts) for row in changed),
            supersessions=tuple(making.supersession(row) for row in await self._mine(tables.supersessions)),
        )

    async def walked(self) -> Walked:
        """Return everything about pathways but their awards."""
        progressed = [making.progress(row) for row in await self._mine(tables.progress)]
        proposed = await self._mine(tables.proposals)
        changed = await self._stack_changes([row.stack_id for row in proposed])
        declined = {row.stack_id for row in changed if row.kind == "declined"}
        awarded = await self._mine(tables.awards)
        known = {one.pathway_id for one in progressed} | {row.pathway_id for row in (*proposed, *awarded)}
        infos = await self._infos(known)
        ids = making.required(infos.values()) | {id_ for one in progressed for _, id_ in one.missing}
        called = await self._titles(ids)
        return Walked(
            progress=progressed,
            proposals=[making.proposal(row, declined) for row in proposed],
            infos=infos,
            titles=await self._names(ids) | {id_: called.title(id_) for id_ in ids if called.title(id_)},
        )

    async def _mine(self, table: Table) -> Sequence[SqlRow[Any]]:
        query = select(table).where(table.c.learner_ref.in_(self._refs)).order_by(table.c.position)
        return (await self._connection.execute(query)).all()

    async def _merits(self, table: Table, named: str, organisation: str) -> Sequence[SqlRow[Any]]:
        """Return the learner's rows of a table, with the titles and names that belong to them."""
        of_version = and_(
            titles.c.definition_id == table.c[f"{named}_id"], titles.c.version == table.c[f"{named}_version"]
        )
        query = (
            select(table, titles.c.title, organisations.c.legal_name)
            .outerjoin(titles, of_version)
            .outerjoin(organisations, organisations.c.org_id == table.c[organisation])
            .where(table.c.learner_ref.in_(self._refs))
            .order_by(table.c.at, table.c.position)
        )
        return (await self._connection.execute(query)).all()

    async def _changes(self, credential_ids: Collection[UUID]) -> tuple[Change, ...]:
        table = tables.changes
        query = select(table).where(table.c.credential_id.in_(credential_ids)).order_by(table.c.at, table.c.position)
        return tuple(
            Change(row.at, row.position, row.event_id, row.credential_id, row.kind, row.reason_code, row.cause)
            for row in await self._connection.execute(query)
        )

    async def _stack_changes(self, stack_ids: Collection[UUID]) -> Sequence[SqlRow[Any]]:
        table = tables.stack_changes
        query = select(table).where(table.c.stack_id.in_(stack_ids)).order_by(table.c.at, table.c.position)
        return (await self._connection.execute(query)).all()

    async def _titles(self, ids: Collection[str]) -> Titles:
        query = select(titles).where(titles.c.definition_id.in_(ids)).order_by(titles.c.version)
        found = (await self._connection.execute(query)).all()
        return Titles(
            {(row.definition_id, row.version): making.texts(row.title) for row in found},
            {row.definition_id: row.kind for row in found},
        )

    async def _names(self, ids: Collection[str]) -> dict[str, Texts]:
        query = select(organisations).where(organisations.c.org_id.in_(ids))
        return {row.org_id: making.texts(row.legal_name) for row in await self._connection.execute(query)}

    async def _infos(self, ids: Collection[str]) -> Mapping[tuple[str, int], PathwayInfo]:
        table = tables.pathways
        query = (
            select(table, organisations.c.legal_name)
            .outerjoin(organisations, organisations.c.org_id == table.c.awarding_body)
            .where(table.c.pathway_id.in_(ids))
        )
        return {(row.pathway_id, row.version): making.info(row) for row in await self._connection.execute(query)}


async def _shares(connection: AsyncConnection, account_id: UUID) -> Sequence[Share]:
    query = (
        select(shares.c.at, shares.c.verifier, copies.c.credential_id)
        .outerjoin(copies, copies.c.digest == shares.c.digest)
        .where(shares.c.account_id == account_id)
        .order_by(shares.c.at, shares.c.event_id)
    )
    return [Share(row.at, row.verifier, row.credential_id) for row in await connection.execute(query)]

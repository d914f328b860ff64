"""Answers from the read tables: for GET, and the facts that commands and timers need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from kompetenspass.events.registry import StatusRef
from services.registry import tables as t
from services.registry.domain.award import Award
from services.registry.domain.credential import Known
from services.registry.domain.publication import OpenList

EXPIRIES_PER_TICK = 500


class Queries:
    """Reads the live generation of the read tables through the service's engine."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def credential(self, credential_id: UUID) -> Known | None:
        """Return what was seen of a credential; None until its issue was seen."""
        async with self._engine.connect() as connection:
            row = await _credential_row(connection, credential_id)
            if row is None:
                return None
            copies, bits = await _live_copies(connection, credential_id)
        return Known(
            credential_id,
            row["issuer_org"],
            copies,
            suspendable=min(bits, default=2) > 1,
            valid_to=row["valid_to"],
            stack_id=row["stack_id"],
        )

    async def award(self, stack_id: UUID) -> Award | None:
        """Return what was seen of a stack award; None until it was seen."""
        async with self._engine.connect() as connection:
            found = await connection.execute(select(t.awards).where(t.awards.c.stack_id == stack_id))
            row = found.mappings().one_or_none()
        return Award(**dict(row) | {"causes": frozenset(row["causes"])}) if row else None

    async def says_suspended(self, issuer_org: str) -> bool:
        """Return whether every open list of an issuer can say suspended; true while it has none."""
        bits = select(func.min(t.status_lists.c.bits)).where(t.status_lists.c.issuer_org == issuer_org)
        async with self._engine.connect() as connection:
            return ((await connection.execute(bits)).scalar_one() or 2) > 1

    async def status_of(self, credential_id: UUID) -> Mapping[str, Any] | None:
        """Return the row that GET shows of a credential; None until its issue was seen."""
        async with self._engine.connect() as connection:
            return await _credential_row(connection, credential_id)

    async def ended(self, now: datetime) -> Sequence[tuple[UUID, datetime]]:
        """Return live credentials whose merit's own end has passed, oldest first, with that end."""
        c = t.credentials.c
        live = (c.revoked.is_(False), c.expired.is_(False), c.issuer_org.is_not(None), c.valid_to <= now)
        statement = select(c.credential_id, c.valid_to).where(*live).order_by(c.valid_to).limit(EXPIRIES_PER_TICK)
        async with self._engine.connect() as connection:
            return [(row.credential_id, row.valid_to) for row in await connection.execute(statement)]

    async def open_lists(self) -> Sequence[OpenList]:
        """Return every open list with the sign of its last change and the number of used indices."""
        lists = t.status_lists.c
        joined = t.status_lists.outerjoin(t.list_changes, t.list_changes.c.status_uri == lists.uri)
        joined = joined.outerjoin(t.list_uses, t.list_uses.c.status_uri == lists.uri)
        columns = (lists.list_id, lists.uri, lists.size, lists.bits, lists.ttl_seconds)
        used = func.coalesce(t.list_uses.c.used, 0).label("used")
        statement = select(*columns, t.list_changes.c.change, used).select_from(joined).order_by(lists.uri)
        async with self._engine.connect() as connection:
            return [OpenList(**row._mapping) for row in await connection.execute(statement)]

    async def not_valid(self, status_uri: str) -> Sequence[tuple[int, int]]:
        """Return (index, value) of every entry of a list that is not VALID; INVALID wins where an index clashes."""
        c = t.copies.c
        statement = select(c.index, func.min(c.value)).where(c.status_uri == status_uri, c.value != 0).group_by(c.index)
        async with self._engine.connect() as connection:
            return [(row[0], row[1]) for row in await connection.execute(statement)]

    async def organisation(self, org_id: str) -> Mapping[str, Any] | None:
        """Return an organisation with its roles and keys, public parts only; None if it is not known."""
        found = await self._organisations(t.organisations.c.org_id == org_id, limit=1)
        return found[0] if found else None

    async def organisations(self, after: str, limit: int) -> Sequence[Mapping[str, Any]]:
        """Return a page of organisations in the order of their ids."""
        return await self._organisations(t.organisations.c.org_id > after, limit=limit)

    async def _organisations(self, where: Any, *, limit: int) -> list[dict[str, Any]]:
        statement = select(t.organisations).where(where).order_by(t.organisations.c.org_id).limit(limit)
        async with self._engine.connect() as connection:
            found = [dict(row) for row in (await connection.execute(statement)).mappings()]
            ids = [row["org_id"] for row in found]
            roles = await _by_organisation(connection, t.roles, ids, "role", "valid_from")
            keys = await _by_organisation(connection, t.keys, ids, "valid_from", "kid")
        return [row | {"roles": roles.get(row["org_id"], []), "keys": keys.get(row["org_id"], [])} for row in found]


async def _credential_row(connection: AsyncConnection, credential_id: UUID) -> Mapping[str, Any] | None:
    c = t.credentials.c
    statement = select(t.credentials).where(c.credential_id == credential_id, c.issuer_org.is_not(None))
    row = (await connection.execute(statement)).mappings().one_or_none()
    return dict(row) if row else None


async def _live_copies(connection: AsyncConnection, credential_id: UUID) -> tuple[tuple[StatusRef, ...], list[int]]:
    c = t.copies.c
    joined = t.copies.outerjoin(t.status_lists, t.status_lists.c.uri == c.status_uri)
    statement = select(c.digest, c.status_uri, c.index, func.coalesce(t.status_lists.c.bits, 2).label("bits"))
    mine = statement.select_from(joined).where(c.credential_id == credential_id, c.superseded.is_(False))
    rows = (await connection.execute(mine.order_by(c.status_uri, c.index))).all()
    refs = tuple(StatusRef(digest=digest, status_uri=uri, index=index) for digest, uri, index, _ in rows)
    return refs, [bits for *_, bits in rows]


async def _by_organisation(
    connection: AsyncConnection, table: Any, ids: Sequence[str], *order: str
) -> dict[str, list[dict[str, Any]]]:
    statement = select(table).where(table.c.org_id.in_(ids)).order_by(*(table.c[name] for name in order))
    grouped: dict[str, list[dict[str, Any]]] = {}
    for row in (await connection.execute(statement)).mappings():
        shown = {name: value for name, value in row.items() if name not in ("org_id", "granted_by_event")}
        grouped.setdefault(row["org_id"], []).append(shown)
    return grouped

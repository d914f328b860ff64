"""Answers from the read tables: for GET, and the facts that commands and timers need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, Executable, Select, Text, and_, bindparam, cast, func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from kompetenspass.events.registry import StatusRef
from services.registry import tables as t
from services.registry.domain.award import Award
from services.registry.domain.credential import Known
from services.registry.domain.publication import Entries, Moment, OpenList

EXPIRIES_PER_TICK = 500


class Queries:
    """Reads the live generation of the read tables through the service's engine."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")  # one round trip for one statement

    async def credential(self, credential_id: UUID) -> Known | None:
        """Return what was seen of a credential; None until its issue was seen."""
        rows = await self._rows(_KNOWN, wanted=credential_id)
        if not rows:
            return None
        live = [row for row in rows if row.digest is not None]
        return Known(
            credential_id,
            rows[0].issuer_org,
            tuple(StatusRef(digest=row.digest, status_uri=row.status_uri, index=row.index) for row in live),
            suspendable=all(row.bits > 1 for row in live),
            valid_to=rows[0].valid_to,
            stack_id=rows[0].stack_id,
        )

    async def award(self, stack_id: UUID) -> Award | None:
        """Return what was seen of a stack award; None until it was seen."""
        for row in await self._rows(_AWARD, wanted=stack_id):
            return Award(**dict(row._mapping) | {"causes": frozenset(row.causes)})
        return None

    async def says_suspended(self, issuer_org: str) -> bool:
        """Return whether every open list of an issuer can say suspended; true while it has none."""
        ((bits,),) = await self._rows(_FEWEST_BITS, wanted=issuer_org)
        return (bits or 2) > 1

    async def status_of(self, credential_id: UUID) -> Mapping[str, Any] | None:
        """Return the row that GET shows of a credential; None until its issue was seen."""
        for row in await self._rows(_SHOWN, wanted=credential_id):
            return dict(row._mapping)
        return None

    async def ended(self, now: datetime) -> Sequence[tuple[UUID, datetime]]:
        """Return live credentials whose merit's own end has passed, oldest first, with that end."""
        return [(credential_id, valid_to) for credential_id, valid_to in await self._rows(_ENDED, now=now)]

    async def open_lists(self) -> Sequence[OpenList]:
        """Return every open list with the sign of its last change and the number of used indices."""
        return [OpenList(*row) for row in await self._rows(_OPEN_LISTS)]

    async def moment(self) -> Moment:
        """Return the moment that later `changes` may count from."""
        (now,) = await self._rows(_MOMENT)
        return Moment(*now)

    async def changes(self, since: Moment) -> Mapping[str, Entries]:
        """Return by list the entries whose value has changed since a moment, and maybe more, as they are now."""
        found: dict[str, dict[int, Sequence[int]]] = {}
        for status_uri, value, indices in await self._rows(_CHANGES, since=since.transaction):
            found.setdefault(status_uri, {})[value] = indices
        return found

    async def not_valid(self, status_uri: str) -> Entries:
        """Return every entry of a list that is not VALID; INVALID wins where an index clashes."""
        return dict(await self._rows(_NOT_VALID, wanted=status_uri))

    async def organisation(self, org_id: str) -> Mapping[str, Any] | None:
        """Return an organisation with its roles and keys, public parts only; None if it is not known."""
        found = await self._organisations(t.organisations.c.org_id == org_id, limit=1)
        return found[0] if found else None

    async def organisations(self, after: str, limit: int) -> Sequence[Mapping[str, Any]]:
        """Return a page of organisations in the order of their ids."""
        return await self._organisations(t.organisations.c.org_id > after, limit=limit)

    async def _rows(self, statement: Executable, **values: object) -> Sequence[Any]:
        async with self._engine.connect() as connection:
            return (await connection.execute(statement, values)).all()

    async def _organisations(self, where: Any, *, limit: int) -> list[dict[str, Any]]:
        statement = select(t.organisations).where(where).order_by(t.organisations.c.org_id).limit(limit)
        async with self._engine.connect() as connection:
            found = [dict(row) for row in (await connection.execute(statement)).mappings()]
            ids = [row["org_id"] for row in found]
            roles = await _by_organisation(connection, t.roles, ids, "role", "valid_from")
            keys = await _by_organisation(connection, t.keys, ids, "valid_from", "kid")
        return [row | {"roles": roles.get(row["org_id"], []), "keys": keys.get(row["org_id"], [])} for row in found]


async def _by_organisation(
    connection: AsyncConnection, table: Any, ids: Sequence[str], *order: str
) -> dict[str, list[dict[str, Any]]]:
    statement = select(table).where(table.c.org_id.in_(ids)).order_by(*(table.c[name] for name in order))
    grouped: dict[str, list[dict[str, Any]]] = {}
    for row in (await connection.execute(statement)).mappings():
        shown = {name: value for name, value in row.items() if name not in ("org_id", "granted_by_event")}
        grouped.setdefault(row["org_id"], []).append(shown)
    return grouped


def _known() -> Select[Any]:
    """Return the statement for a credential's row and its copies that were not replaced, if it has any."""
    c, row = t.copies.c, t.credentials.c
    live = and_(c.credential_id == row.credential_id, c.superseded.is_(False))
    joined = t.credentials.outerjoin(t.copies, live).outerjoin(t.status_lists, t.status_lists.c.uri == c.status_uri)
    bits = func.coalesce(t.status_lists.c.bits, 2).label("bits")
    shown = select(row.issuer_org, row.valid_to, row.stack_id, c.digest, c.status_uri, c.index, bits)
    return shown.select_from(joined).where(_wanted_and_issued()).order_by(c.status_uri, c.index)


def _wanted_and_issued() -> ColumnElement[bool]:
    row = t.credentials.c
    return and_(row.credential_id == bindparam("wanted"), row.issuer_org.is_not(None))


def _ended() -> Select[Any]:
    c = t.credentials.c
    live = and_(c.revoked.is_(False), c.expired.is_(False), c.issuer_org.is_not(None), c.valid_to <= bindparam("now"))
    return select(c.credential_id, c.valid_to).where(live).order_by(c.valid_to).limit(EXPIRIES_PER_TICK)


def _open_lists() -> Select[Any]:
    lists = t.status_lists.c
    joined = t.status_lists.outerjoin(t.list_changes, t.list_changes.c.status_uri == lists.uri)
    joined = joined.outerjoin(t.list_uses, t.list_uses.c.status_uri == lists.uri)
    used = func.coalesce(t.list_uses.c.used, 0)
    columns = (lists.list_id, lists.uri, lists.size, lists.bits, lists.ttl_seconds, t.list_changes.c.change, used)
    return select(*columns).select_from(joined).order_by(lists.uri)


def _changes() -> Select[Any]:
    """Return the statement for changed entries; INVALID wins where an index clashes.

    The value is asked for each entry by itself, so that no estimate of the planner leads to a look at all copies.
    """
    c, same = t.copies.c, t.copies.alias().c
    touched = select(c.status_uri, c.index).where(c.changed >= bindparam("since")).distinct().subquery().c
    value = select(func.coalesce(func.min(same.value).filter(same.value != 0), 0))
    value = value.where(same.status_uri == touched.status_uri, same.index == touched.index)
    now = select(touched.status_uri, touched.index, value.scalar_subquery().label("value")).subquery().c
    return select(now.status_uri, now.value, func.array_agg(now.index)).group_by(now.status_uri, now.value)


def _not_valid() -> Select[Any]:
    c = t.copies.c
    entries = select(c.index, func.min(c.value).label("value")).where(c.status_uri == bindparam("wanted"), c.value != 0)
    now = entries.group_by(c.index).subquery().c
    return select(now.value, func.array_agg(now.index)).group_by(now.value)


def _moment() -> Select[int, int]:
    """Return the statement for now. Another generation of the tables is behind another view of that name."""
    tables = cast(func.to_regclass(t.copies.name), BigInteger)
    return select(tables, cast(cast(func.pg_snapshot_xmin(func.pg_current_snapshot()), Text), BigInteger))


_KNOWN = _known()
_SHOWN = select(t.credentials).where(_wanted_and_issued())
_AWARD = select(t.awards).where(t.awards.c.stack_id == bindparam("wanted"))
_FEWEST_BITS = select(func.min(t.status_lists.c.bits)).where(t.status_lists.c.issuer_org == bindparam("wanted"))
_ENDED = _ended()
_OPEN_LISTS = _open_lists()
_MOMENT = _moment()
_CHANGES = _changes()
_NOT_VALID = _not_valid()

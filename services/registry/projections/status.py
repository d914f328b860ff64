"""Status, from both logs: credentials, their copies, and the lists whose values changed.

The handlers of different streams commute: each of the two logs writes its own columns of a credential and takes that
row's lock by doing so; then the values of the copies are computed again from the row. Whichever comes second sees the
first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import ARRAY, BigInteger, Text, Update, Uuid, and_, any_, case, cast, func, literal, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql.dml import ReturningInsert

from kompetenspass.events.issuance import CredentialIssued
from kompetenspass.events.registry import (
    CredentialExpired,
    CredentialReinstated,
    CredentialRevoked,
    CredentialSuspended,
    StatusListOpened,
    StatusRef,
)
from kompetenspass.log.api import Recorded
from kompetenspass.log.project import Projection
from kompetenspass.log.writing import Writing
from services.registry import tables as t

_log = structlog.get_logger("kompetenspass")

_INVALID, _SUSPENDED, _VALID = 1, 2, 0
_CHANGED = (t.copies.c.credential_id, t.copies.c.status_uri)

_State = CredentialSuspended | CredentialReinstated | CredentialRevoked | CredentialExpired


@dataclass(frozen=True)
class _Said:
    """What an event means for a credential: `state` is one that changes its row, the others may change its copies."""

    credential_id: UUID
    event_id: UUID
    position: int = 0
    copies: Sequence[StatusRef] = ()
    replaces: Sequence[str] = ()
    state: _State | None = None


async def _list_opened(writing: Writing, recorded: Recorded) -> None:
    event = recorded.event
    assert isinstance(event, StatusListOpened)
    writing.put(t.status_lists, event.model_dump(exclude={"issuer"}))


async def _issued(writing: Writing, recorded: Recorded) -> None:
    event = recorded.event
    assert isinstance(event, CredentialIssued)
    row = {"issuer_org": event.issuer_org, "stack_id": event.stack_id, "valid_to": event.valid_to}
    writing.upsert(t.credentials, {"credential_id": event.credential_id, **row})
    said = _Said(event.credential_id, recorded.id, recorded.position, event.copies, event.replaces)
    writing.later(_follow, said)


async def _state_changed(writing: Writing, recorded: Recorded) -> None:
    event = recorded.event
    assert isinstance(event, _State)
    writing.later(_follow, _Said(event.credential_id, recorded.id, state=event))


async def _follow(writing: Writing, said: Sequence[_Said]) -> None:
    """Do a page's work in one order, so that parts of both logs wait for each other and never in a circle:
    credentials by id, then uses of lists, then changes of lists, by URI."""
    if states := [one.state for one in said if one.state]:
        await _write_states(writing, states)
    await _bring_copies_up_to_date(writing, [one for one in said if not isinstance(one.state, CredentialExpired)])


async def _write_states(writing: Writing, states: Sequence[_State]) -> None:
    """Write what the registry said of credentials, event by event in memory: only this log writes these columns."""
    locked = await writing.execute(_locked(sorted({event.credential_id for event in states})))
    rows = {row.credential_id: dict(row._mapping) for row in locked}
    for event in states:
        row = rows[event.credential_id]
        row.update(_state(event, row["suspensions"]))
    for row in rows.values():
        writing.upsert(t.credentials, row)


def _locked(credential_ids: Sequence[UUID]) -> ReturningInsert[Any]:
    """Lock credentials' rows in this order, made where they are missing; return why they are suspended."""
    ids = func.unnest(literal(credential_ids, ARRAY(Uuid))).column_valued("credential_id")
    statement = insert(t.credentials).from_select(["credential_id"], select(ids).order_by(ids))
    same = {"credential_id": statement.excluded.credential_id}
    locking = statement.on_conflict_do_update(index_elements=["credential_id"], set_=same)
    return locking.returning(t.credentials.c.credential_id, t.credentials.c.suspensions)


def _state(event: _State, suspensions: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what an event writes into a credential's row; of `suspensions`, what it leaves and what it adds."""
    if isinstance(event, CredentialExpired):
        return {"expired": True}
    if isinstance(event, CredentialRevoked):
        return {"revoked": True, "reason_code": event.reason_code}
    if isinstance(event, CredentialSuspended):
        lapsed = [str(credential_id) for credential_id in event.lapsed]
        suspensions = {**suspensions, event.cause: {"reason_code": event.reason_code, "lapsed": lapsed}}
    standing = {cause: why for cause, why in suspensions.items() if cause in event.causes}
    return {"causes": list(event.causes), "suspensions": standing, "reason_code": event.reason_code}


async def _bring_copies_up_to_date(writing: Writing, said: Sequence[_Said]) -> None:
    """Add copies, and compute values from the credentials' rows, which are written, and locked until the commit."""
    rows = [
        copy.model_dump() | {"credential_id": one.credential_id, "position": one.position}
        for one in said
        for copy in one.copies
    ]
    if rows:
        await _add_copies(writing, rows)
    for one in said:
        if one.replaces:
            replaced = and_(t.copies.c.credential_id == one.credential_id, t.copies.c.digest.in_(one.replaces))
            await writing.execute(update(t.copies).where(replaced).values(superseded=True))
    await _refresh(writing, said)


async def _add_copies(writing: Writing, rows: Sequence[Mapping[str, Any]]) -> None:
    added = await writing.inserted(t.copies, rows)
    for status_uri, used in sorted(Counter(status_uri for status_uri, _, _ in added).items()):
        await _count_uses(writing, status_uri, used)
    for row in sorted(rows, key=itemgetter("status_uri", "index")):
        if (row["status_uri"], row["index"], row["digest"]) not in added:
            await _look_for_clash(writing, row)


async def _look_for_clash(writing: Writing, row: Mapping[str, Any]) -> None:
    """Keep a copy whose index another has, if it is not there itself: of the two, the one issued first has the index.

    Two parts of the log may find the same clash at once: they take turns.
    """
    place = and_(t.copies.c.status_uri == row["status_uri"], t.copies.c.index == row["index"])
    await writing.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(row["status_uri"], row["index"]))))
    there = (await writing.execute(select(t.copies).where(place))).all()
    if row["digest"] in {one.digest for one in there}:
        return
    holder = next(one for one in there if one.clashes_with is None)
    if (holder.position, holder.digest) < (row["position"], row["digest"]):
        await _record_clash(writing, {**row, "clashes_with": holder.credential_id}, holder.credential_id)
        return
    await writing.execute(update(t.copies).where(place).values(clashes_with=row["credential_id"]))
    await _record_clash(writing, {**row, "clashes_with": None}, row["credential_id"], holder.credential_id)


async def _count_uses(writing: Writing, status_uri: str, used: int) -> None:
    statement = insert(t.list_uses).values(status_uri=status_uri, used=used)
    more = {"used": t.list_uses.c.used + statement.excluded.used}
    await writing.execute(statement.on_conflict_do_update(index_elements=["status_uri"], set_=more))


async def _record_clash(writing: Writing, row: Mapping[str, Any], first: UUID, second: UUID | None = None) -> None:
    """Keep both uses of an index, so that either credential can still be revoked, and alarm naming both."""
    writing.put(t.copies, row)
    _log.error(
        "status_index_used_twice",
        alarm=True,
        status_uri=row["status_uri"],
        index=row["index"],
        credentials=[str(first), str(second or row["credential_id"])],
    )


async def _refresh(writing: Writing, said: Sequence[_Said]) -> None:
    """Compute the values of credentials' copies from their rows; a list whose values change is marked as changed."""
    lists: dict[UUID, set[str]] = {one.credential_id: set() for one in said}
    for changed in await writing.execute(_new_values(list(lists))):
        lists[changed.credential_id].add(changed.status_uri)
    last = {status_uri: one.event_id for one in said for status_uri in lists[one.credential_id]}
    for status_uri, event_id in sorted(last.items()):
        change = func.concat(cast(func.pg_current_xact_id(), Text), f" {event_id}")
        statement = insert(t.list_changes).values(status_uri=status_uri, change=change)
        latest = {"change": statement.excluded.change}
        await writing.execute(statement.on_conflict_do_update(index_elements=["status_uri"], set_=latest))


def _new_values(credential_ids: Sequence[UUID]) -> Update:
    held = func.jsonb_array_length(t.credentials.c.causes) > 0
    over = t.copies.c.superseded | t.credentials.c.revoked
    value = case((over, _INVALID), (held, _SUSPENDED), else_=_VALID)
    theirs = t.credentials.c.credential_id == any_(literal(credential_ids, ARRAY(Uuid)))
    mine = and_(theirs, t.copies.c.credential_id == t.credentials.c.credential_id)
    written = {"value": value, "changed": cast(cast(func.pg_current_xact_id(), Text), BigInteger)}
    return update(t.copies).where(mine, t.copies.c.value != value).values(written).returning(*_CHANGED)


STATUS = Projection(
    name="status",
    version=t.STATUS_VERSION,
    logs=("registry", "issuance"),
    metadata=t.status_metadata,
    handlers={
        StatusListOpened: _list_opened,
        CredentialIssued: _issued,
        CredentialSuspended: _state_changed,
        CredentialReinstated: _state_changed,
        CredentialRevoked: _state_changed,
        CredentialExpired: _state_changed,
    },
    judges_validity=True,
)

"""How events fill the read tables: organisations from the registry's own log, awards from issuance's, status from both.

The handlers of the two logs commute: each writes its own columns of a credential and takes that row's lock by doing
so; then the values of the copies are computed again from the row. Whichever comes second sees the first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import ARRAY, BigInteger, Text, Update, Uuid, and_, any_, case, cast, func, literal, select, update
from sqlalchemy.dialects.postgresql import insert

from kompetenspass.events.issuance import CredentialIssued
from kompetenspass.events.registry import (
    CredentialExpired,
    CredentialReinstated,
    CredentialRevoked,
    CredentialSuspended,
    IssuerKeyCompromised,
    IssuerKeyRegistered,
    OrganisationRegistered,
    RoleGranted,
    RoleWithdrawn,
    StatusListOpened,
    StatusRef,
)
from kompetenspass.events.stacking import CredentialStacked, StackReinstated, StackRevoked, StackSuspended
from kompetenspass.log.api import Recorded
from kompetenspass.log.project import Projection
from kompetenspass.log.writing import Writing
from services.registry import tables as t

_log = structlog.get_logger("kompetenspass")

_INVALID, _SUSPENDED, _VALID = 1, 2, 0
_CHANGED = (t.copies.c.credential_id, t.copies.c.status_uri)


async def _registered(writing: Writing, recorded: Recorded) -> None:
    event = recorded.event
    assert isinstance(event, OrganisationRegistered)
    writing.put(t.organisations, event.model_dump(mode="json", exclude={"mandate_ref"}))


async def _granted(writing: Writing, recorded: Recorded) -> None:
    event = recorded.event
    assert isinstance(event, RoleGranted)
    row = event.model_dump(exclude={"granted_by"}) | {"granted_by_event": recorded.id}
    writing.put(t.roles, row | {"scope": event.scope.model_dump(mode="json")})


async def _withdrawn(writing: Writing, recorded: Recorded) -> None:
    event = recorded.event
    assert isinstance(event, RoleWithdrawn)
    mine = and_(t.roles.c.org_id == event.org_id, t.roles.c.role == event.role)
    later = (t.roles.c.valid_to.is_(None)) | (t.roles.c.valid_to > event.withdrawn_from)
    await writing.execute(update(t.roles).where(mine, later).values(valid_to=event.withdrawn_from))


async def _key_registered(writing: Writing, recorded: Recorded) -> None:
    event = recorded.event
    assert isinstance(event, IssuerKeyRegistered)
    row = event.model_dump(exclude={"purpose", "jwk_thumbprint"})
    writing.upsert(t.keys, row | {"x5c": list(event.x5c)})


async def _key_compromised(writing: Writing, recorded: Recorded) -> None:
    event = recorded.event
    assert isinstance(event, IssuerKeyCompromised)
    key = {"org_id": event.org_id, "kid": event.kid}
    writing.change(t.keys, key, {"compromised_since": event.compromised_since})


ORGANISATIONS = Projection(
    name="organisations",
    version=t.ORGANISATIONS_VERSION,
    logs=("registry",),
    metadata=t.organisations_metadata,
    handlers={
        OrganisationRegistered: _registered,
        RoleGranted: _granted,
        RoleWithdrawn: _withdrawn,
        IssuerKeyRegistered: _key_registered,
        IssuerKeyCompromised: _key_compromised,
    },
)


@dataclass(frozen=True)
class _Said:
    """What an event means for the copies of a credential."""

    credential_id: UUID
    event_id: UUID
    copies: Sequence[StatusRef] = ()
    replaces: Sequence[str] = ()


async def _list_opened(writing: Writing, recorded: Recorded) -> None:
    event = recorded.event
    assert isinstance(event, StatusListOpened)
    writing.put(t.status_lists, event.model_dump(exclude={"issuer"}))


async def _issued(writing: Writing, recorded: Recorded) -> None:
    event = recorded.event
    assert isinstance(event, CredentialIssued)
    row = {"issuer_org": event.issuer_org, "stack_id": event.stack_id, "valid_to": event.valid_to}
    writing.upsert(t.credentials, {"credential_id": event.credential_id, **row})
    writing.later(_copies, _Said(event.credential_id, recorded.id, event.copies, event.replaces))


async def _suspended_or_reinstated(writing: Writing, recorded: Recorded) -> None:
    event = recorded.event
    assert isinstance(event, CredentialSuspended | CredentialReinstated)
    suspensions = await _suspensions(writing, event)
    row = {"causes": list(event.causes), "suspensions": suspensions, "reason_code": event.reason_code}
    writing.upsert(t.credentials, {"credential_id": event.credential_id, **row})
    writing.later(_copies, _Said(event.credential_id, recorded.id))


async def _suspensions(writing: Writing, event: CredentialSuspended | CredentialReinstated) -> Mapping[str, Any]:
    """Return why each standing cause stands: as known before, and what the event says of its own cause.

    Only this log's events write it, one after the other, so that it may be read before it is written.
    """
    known = select(t.credentials.c.suspensions).where(t.credentials.c.credential_id == event.credential_id)
    before = await writing.scalar(known) or {}
    if isinstance(event, CredentialSuspended):
        lapsed = [str(credential_id) for credential_id in event.lapsed]
        before = before | {event.cause: {"reason_code": event.reason_code, "lapsed": lapsed}}
    return {cause: why for cause, why in before.items() if cause in event.causes}


async def _revoked(writing: Writing, recorded: Recorded) -> None:
    event = recorded.event
    assert isinstance(event, CredentialRevoked)
    row = {"credential_id": event.credential_id, "revoked": True, "reason_code": event.reason_code}
    writing.upsert(t.credentials, row)
    writing.later(_copies, _Said(event.credential_id, recorded.id))


async def _expired(writing: Writing, recorded: Recorded) -> None:
    event = recorded.event
    assert isinstance(event, CredentialExpired)
    writing.upsert(t.credentials, {"credential_id": event.credential_id, "expired": True})


async def _copies(writing: Writing, said: Sequence[_Said]) -> None:
    """Bring the copies up to date with their credentials' rows, which are written, and locked until the commit."""
    rows = [copy.model_dump() | {"credential_id": one.credential_id} for one in said for copy in one.copies]
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
    for row in rows:
        if (row["status_uri"], row["index"], row["digest"]) not in added:
            await _look_for_clash(writing, row)


async def _look_for_clash(writing: Writing, row: Mapping[str, Any]) -> None:
    place = and_(t.copies.c.status_uri == row["status_uri"], t.copies.c.index == row["index"])
    held = select(t.copies.c.credential_id, t.copies.c.digest).where(place, t.copies.c.clashes_with.is_(None))
    first = (await writing.execute(held)).one()
    if first.digest != row["digest"]:
        await _record_clash(writing, row, first.credential_id)


async def _count_uses(writing: Writing, status_uri: str, used: int) -> None:
    statement = insert(t.list_uses).values(status_uri=status_uri, used=used)
    more = {"used": t.list_uses.c.used + statement.excluded.used}
    await writing.execute(statement.on_conflict_do_update(index_elements=["status_uri"], set_=more))


async def _record_clash(writing: Writing, row: Mapping[str, Any], first: UUID) -> None:
    """Keep the second use of an index, so that its credential can still be revoked, and alarm naming both."""
    writing.put(t.copies, {**row, "clashes_with": first})
    _log.error(
        "status_index_used_twice",
        alarm=True,
        status_uri=row["status_uri"],
        index=row["index"],
        credentials=[str(first), str(row["credential_id"])],
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
        CredentialSuspended: _suspended_or_reinstated,
        CredentialReinstated: _suspended_or_reinstated,
        CredentialRevoked: _revoked,
        CredentialExpired: _expired,
    },
    judges_validity=True,
)


async def _stacked(writing: Writing, recorded: Recorded) -> None:
    event = recorded.event
    assert isinstance(event, CredentialStacked)
    writing.put(t.awards, event.model_dump(include={"stack_id", "credential_id", "pathway_id", "awarding_body"}))


async def _award_held(writing: Writing, recorded: Recorded) -> None:
    event = recorded.event
    assert isinstance(event, StackSuspended | StackReinstated)
    before = await writing.scalar(select(t.awards.c.causes).where(t.awards.c.stack_id == event.stack_id)) or []
    others = {cause for cause in before if cause != event.cause}
    causes = sorted(others | {event.cause} if isinstance(event, StackSuspended) else others)
    writing.change(t.awards, {"stack_id": event.stack_id}, {"causes": causes})


async def _award_revoked(writing: Writing, recorded: Recorded) -> None:
    event = recorded.event
    assert isinstance(event, StackRevoked)
    writing.change(t.awards, {"stack_id": event.stack_id}, {"revoked": True})


AWARDS = Projection(
    name="awards",
    version=t.AWARDS_VERSION,
    logs=("issuance",),
    metadata=t.awards_metadata,
    handlers={
        CredentialStacked: _stacked,
        StackSuspended: _award_held,
        StackReinstated: _award_held,
        StackRevoked: _award_revoked,
    },
)

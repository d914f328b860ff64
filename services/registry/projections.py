"""How events fill the read tables: organisations from the registry's own log, awards from issuance's, status from both.

The handlers of the two logs commute: each writes its own columns of a credential and takes that row's lock by doing
so; then the values of the copies are computed again from the row. Whichever comes second sees the first.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Text, Update, and_, case, cast, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

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
from services.registry import tables as t

_log = structlog.get_logger("kompetenspass")

_INVALID, _SUSPENDED, _VALID = 1, 2, 0


async def _registered(connection: AsyncConnection, recorded: Recorded) -> None:
    event = recorded.event
    assert isinstance(event, OrganisationRegistered)
    row = event.model_dump(mode="json", exclude={"mandate_ref"})
    await connection.execute(insert(t.organisations).values(row).on_conflict_do_nothing())


async def _granted(connection: AsyncConnection, recorded: Recorded) -> None:
    event = recorded.event
    assert isinstance(event, RoleGranted)
    row = event.model_dump(exclude={"granted_by"}) | {"granted_by_event": recorded.id}
    row["scope"] = event.scope.model_dump(mode="json")
    await connection.execute(insert(t.roles).values(row).on_conflict_do_nothing())


async def _withdrawn(connection: AsyncConnection, recorded: Recorded) -> None:
    event = recorded.event
    assert isinstance(event, RoleWithdrawn)
    mine = and_(t.roles.c.org_id == event.org_id, t.roles.c.role == event.role)
    later = (t.roles.c.valid_to.is_(None)) | (t.roles.c.valid_to > event.withdrawn_from)
    await connection.execute(update(t.roles).where(mine, later).values(valid_to=event.withdrawn_from))


async def _key_registered(connection: AsyncConnection, recorded: Recorded) -> None:
    event = recorded.event
    assert isinstance(event, IssuerKeyRegistered)
    row = event.model_dump(exclude={"purpose", "jwk_thumbprint"}) | {"x5c": list(event.x5c)}
    renewed = {name: row[name] for name in ("issuer", "jwk", "x5c", "valid_from", "valid_to")}
    statement = insert(t.keys).values(row)
    await connection.execute(statement.on_conflict_do_update(index_elements=["org_id", "kid"], set_=renewed))


async def _key_compromised(connection: AsyncConnection, recorded: Recorded) -> None:
    event = recorded.event
    assert isinstance(event, IssuerKeyCompromised)
    mine = and_(t.keys.c.org_id == event.org_id, t.keys.c.kid == event.kid)
    await connection.execute(update(t.keys).where(mine).values(compromised_since=event.compromised_since))


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


async def _list_opened(connection: AsyncConnection, recorded: Recorded) -> None:
    event = recorded.event
    assert isinstance(event, StatusListOpened)
    row = event.model_dump(exclude={"issuer"})
    await connection.execute(insert(t.status_lists).values(row).on_conflict_do_nothing())


async def _issued(connection: AsyncConnection, recorded: Recorded) -> None:
    event = recorded.event
    assert isinstance(event, CredentialIssued)
    written = {"issuer_org": event.issuer_org, "stack_id": event.stack_id, "valid_to": event.valid_to}
    await _write(connection, event.credential_id, written)
    for copy in event.copies:
        await _add_copy(connection, event.credential_id, copy)
    if event.replaces:
        replaced = and_(t.copies.c.credential_id == event.credential_id, t.copies.c.digest.in_(event.replaces))
        await connection.execute(update(t.copies).where(replaced).values(superseded=True))
    await _refresh(connection, event.credential_id, recorded.id)


async def _suspended_or_reinstated(connection: AsyncConnection, recorded: Recorded) -> None:
    event = recorded.event
    assert isinstance(event, CredentialSuspended | CredentialReinstated)
    suspensions = await _suspensions(connection, event)
    written = {"causes": list(event.causes), "suspensions": suspensions, "reason_code": event.reason_code}
    await _write(connection, event.credential_id, written)
    await _refresh(connection, event.credential_id, recorded.id)


async def _suspensions(
    connection: AsyncConnection, event: CredentialSuspended | CredentialReinstated
) -> Mapping[str, Any]:
    """Return why each standing cause stands: as known before, and what the event says of its own cause.

    Only this log's events write it, one after the other, so that it may be read before it is written.
    """
    known = select(t.credentials.c.suspensions).where(t.credentials.c.credential_id == event.credential_id)
    before = (await connection.execute(known)).scalar_one_or_none() or {}
    if isinstance(event, CredentialSuspended):
        lapsed = [str(credential_id) for credential_id in event.lapsed]
        before = before | {event.cause: {"reason_code": event.reason_code, "lapsed": lapsed}}
    return {cause: why for cause, why in before.items() if cause in event.causes}


async def _revoked(connection: AsyncConnection, recorded: Recorded) -> None:
    event = recorded.event
    assert isinstance(event, CredentialRevoked)
    await _write(connection, event.credential_id, {"revoked": True, "reason_code": event.reason_code})
    await _refresh(connection, event.credential_id, recorded.id)


async def _expired(connection: AsyncConnection, recorded: Recorded) -> None:
    event = recorded.event
    assert isinstance(event, CredentialExpired)
    await _write(connection, event.credential_id, {"expired": True})


async def _write(connection: AsyncConnection, credential_id: UUID, values: Mapping[str, Any]) -> None:
    """Write some columns of the credential's row, born now if need be, and hold its lock until the commit."""
    statement = insert(t.credentials).values(credential_id=credential_id, **values)
    await connection.execute(statement.on_conflict_do_update(index_elements=["credential_id"], set_=dict(values)))


async def _add_copy(connection: AsyncConnection, credential_id: UUID, copy: StatusRef) -> None:
    row = copy.model_dump() | {"credential_id": credential_id}
    added = await connection.execute(insert(t.copies).values(row).on_conflict_do_nothing().returning(t.copies.c.index))
    if added.first() is not None:
        await _count_use(connection, copy.status_uri)
        return
    place = and_(t.copies.c.status_uri == copy.status_uri, t.copies.c.index == copy.index)
    held = select(t.copies.c.credential_id, t.copies.c.digest).where(place, t.copies.c.clashes_with.is_(None))
    first = (await connection.execute(held)).one()
    if first.digest != copy.digest:
        await _record_clash(connection, row, first.credential_id)


async def _count_use(connection: AsyncConnection, status_uri: str) -> None:
    statement = insert(t.list_uses).values(status_uri=status_uri, used=1)
    more = {"used": t.list_uses.c.used + 1}
    await connection.execute(statement.on_conflict_do_update(index_elements=["status_uri"], set_=more))


async def _record_clash(connection: AsyncConnection, row: Mapping[str, Any], first: UUID) -> None:
    """Keep the second use of an index, so that its credential can still be revoked, and alarm naming both."""
    await connection.execute(insert(t.copies).values(**row, clashes_with=first).on_conflict_do_nothing())
    _log.error(
        "status_index_used_twice",
        alarm=True,
        status_uri=row["status_uri"],
        index=row["index"],
        credentials=[str(first), str(row["credential_id"])],
    )


async def _refresh(connection: AsyncConnection, credential_id: UUID, event_id: UUID) -> None:
    """Compute the values of a credential's copies from its row; a list whose values change is marked as changed."""
    changed = await connection.execute(_new_values(credential_id))
    for status_uri in sorted({row.status_uri for row in changed}):
        change = func.concat(cast(func.pg_current_xact_id(), Text), f" {event_id}")
        statement = insert(t.list_changes).values(status_uri=status_uri, change=change)
        latest = {"change": statement.excluded.change}
        await connection.execute(statement.on_conflict_do_update(index_elements=["status_uri"], set_=latest))


def _new_values(credential_id: UUID) -> Update:
    held = func.jsonb_array_length(t.credentials.c.causes) > 0
    over = t.copies.c.superseded | t.credentials.c.revoked
    value = case((over, _INVALID), (held, _SUSPENDED), else_=_VALID)
    mine = and_(t.credentials.c.credential_id == credential_id, t.copies.c.credential_id == credential_id)
    return update(t.copies).where(mine, t.copies.c.value != value).values(value=value).returning(t.copies.c.status_uri)


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


async def _stacked(connection: AsyncConnection, recorded: Recorded) -> None:
    event = recorded.event
    assert isinstance(event, CredentialStacked)
    row = event.model_dump(include={"stack_id", "credential_id", "pathway_id", "awarding_body"})
    await connection.execute(insert(t.awards).values(row).on_conflict_do_nothing())


async def _award_held(connection: AsyncConnection, recorded: Recorded) -> None:
    event = recorded.event
    assert isinstance(event, StackSuspended | StackReinstated)
    mine = t.awards.c.stack_id == event.stack_id
    before = (await connection.execute(select(t.awards.c.causes).where(mine))).scalar_one_or_none() or []
    others = {cause for cause in before if cause != event.cause}
    causes = sorted(others | {event.cause} if isinstance(event, StackSuspended) else others)
    await connection.execute(update(t.awards).where(mine).values(causes=causes))


async def _award_revoked(connection: AsyncConnection, recorded: Recorded) -> None:
    event = recorded.event
    assert isinstance(event, StackRevoked)
    await connection.execute(update(t.awards).where(t.awards.c.stack_id == event.stack_id).values(revoked=True))


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

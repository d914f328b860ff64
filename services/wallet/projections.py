"""How events fill the timeline's tables: a handler per event, each idempotent, none looks at another log's rows."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from kompetenspass.events.catalog import DefinitionPublished, PathwayPublished
from kompetenspass.events.issuance import CredentialIssued
from kompetenspass.events.registry import (
    CredentialExpired,
    CredentialReinstated,
    CredentialRevoked,
    CredentialSuspended,
    OrganisationRegistered,
)
from kompetenspass.events.wallet import CredentialPresented, CredentialReceived
from kompetenspass.log.api import Recorded
from kompetenspass.log.project import Projection
from services.wallet import tables


async def issued(connection: AsyncConnection, recorded: Recorded) -> None:
    """A credential was issued, or issued anew in place of copies released earlier."""
    event = recorded.event
    assert isinstance(event, CredentialIssued)
    row = {
        "event_id": recorded.id,
        "at": recorded.recorded,
        "credential_id": event.credential_id,
        "learner_ref": event.learner_ref,
        "definition_id": event.definition_id,
        "definition_version": event.definition_version,
        "issuer_org": event.issuer_org,
        "issuer": event.issuer,
        "recognition_level": event.recognition_level,
        "valid_to": event.valid_to,
        "replaces": bool(event.replaces),
    }
    await _put(connection, tables.issues, row)
    for copy in event.copies:
        known = {"digest": copy.digest, "credential_id": event.credential_id, "learner_ref": event.learner_ref}
        await _put(connection, tables.copies, known)


async def suspended(connection: AsyncConnection, recorded: Recorded) -> None:
    """A cause to hold a credential suspended was added."""
    event = recorded.event
    assert isinstance(event, CredentialSuspended)
    await _changed(connection, recorded, "suspended", reason_code=event.reason_code, suspended=True)


async def reinstated(connection: AsyncConnection, recorded: Recorded) -> None:
    """A cause was cleared; the credential stays suspended while others are left."""
    event = recorded.event
    assert isinstance(event, CredentialReinstated)
    left = bool(event.causes)
    await _changed(connection, recorded, "reinstated", reason_code=event.reason_code, suspended=left)


async def revoked(connection: AsyncConnection, recorded: Recorded) -> None:
    """A credential is over: revoked, or replaced by another one."""
    event = recorded.event
    assert isinstance(event, CredentialRevoked)
    kind = "superseded" if event.reason_code == "superseded" else "revoked"
    await _changed(connection, recorded, kind, reason_code=event.reason_code)


async def expired(connection: AsyncConnection, recorded: Recorded) -> None:
    """The merit's own date has passed."""
    event = recorded.event
    assert isinstance(event, CredentialExpired)
    await _changed(connection, recorded, "expired", at=event.at)


async def organisation_registered(connection: AsyncConnection, recorded: Recorded) -> None:
    """An organisation has a name."""
    event = recorded.event
    assert isinstance(event, OrganisationRegistered)
    await _put(connection, tables.organisations, {"org_id": event.org_id, "legal_name": dict(event.legal_name)})


async def definition_published(connection: AsyncConnection, recorded: Recorded) -> None:
    """A version of a definition has a title."""
    event = recorded.event
    assert isinstance(event, DefinitionPublished)
    row = {"definition_id": event.definition_id, "version": event.version, "title": _title(event.content)}
    await _put(connection, tables.titles, row)


async def pathway_published(connection: AsyncConnection, recorded: Recorded) -> None:
    """A version of a pathway has a title."""
    event = recorded.event
    assert isinstance(event, PathwayPublished)
    row = {"definition_id": event.pathway_id, "version": event.version, "title": _title(event.content)}
    await _put(connection, tables.titles, row)


async def received(connection: AsyncConnection, recorded: Recorded) -> None:
    """An account holds a copy."""
    event = recorded.event
    assert isinstance(event, CredentialReceived)
    await _put(connection, tables.account_copies, {"account_id": event.account_id, "digest": event.digest})


async def presented(connection: AsyncConnection, recorded: Recorded) -> None:
    """An account showed a copy."""
    event = recorded.event
    assert isinstance(event, CredentialPresented)
    row = {
        "event_id": recorded.id,
        "at": recorded.recorded,
        "account_id": event.account_id,
        "digest": event.digest,
        "verifier": event.verifier,
    }
    await _put(connection, tables.shares, row)


TIMELINE = Projection(
    name="timeline",
    version=1,
    logs=("issuance", "registry", "catalog", "wallet"),
    metadata=tables.timeline,
    handlers={
        CredentialIssued: issued,
        CredentialSuspended: suspended,
        CredentialReinstated: reinstated,
        CredentialRevoked: revoked,
        CredentialExpired: expired,
        OrganisationRegistered: organisation_registered,
        DefinitionPublished: definition_published,
        PathwayPublished: pathway_published,
        CredentialReceived: received,
        CredentialPresented: presented,
    },
)


async def _changed(
    connection: AsyncConnection,
    recorded: Recorded,
    kind: str,
    *,
    reason_code: str | None = None,
    suspended: bool = False,
    at: datetime | None = None,
) -> None:
    event: Any = recorded.event
    row = {
        "event_id": recorded.id,
        "at": at or recorded.recorded,
        "credential_id": event.credential_id,
        "kind": kind,
        "reason_code": reason_code,
        "suspended": suspended,
    }
    await _put(connection, tables.changes, row)


async def _put(connection: AsyncConnection, table: Table, row: dict[str, Any]) -> None:
    await connection.execute(insert(table).values(row).on_conflict_do_nothing())


def _title(content: dict[str, Any]) -> dict[str, str]:
    title = content.get("title")
    return {str(k): str(v) for k, v in title.items()} if isinstance(title, dict) else {}

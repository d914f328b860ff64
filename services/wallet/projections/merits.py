"""What happens to credentials, and what an account holds and shows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from kompetenspass.events.base import Event
from kompetenspass.events.issuance import CredentialIssued
from kompetenspass.events.registry import (
    CredentialExpired,
    CredentialReinstated,
    CredentialRevoked,
    CredentialSuspended,
)
from kompetenspass.events.wallet import CredentialPresented, CredentialReceived
from kompetenspass.log.api import Recorded
from kompetenspass.log.project import Handler
from kompetenspass.log.writing import Writing
from services.wallet import tables
from services.wallet.projections.rows import of, when


async def issued(writing: Writing, recorded: Recorded) -> None:
    """A credential was issued, or issued anew in place of copies released earlier."""
    event = of(CredentialIssued, recorded)
    row = {
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
    writing.put(tables.issues, when(recorded) | row)
    for copy in event.copies:
        known = {"digest": copy.digest, "credential_id": event.credential_id, "learner_ref": event.learner_ref}
        writing.put(tables.copies, known)


async def suspended(writing: Writing, recorded: Recorded) -> None:
    """A cause to hold a credential suspended was added."""
    event = of(CredentialSuspended, recorded)
    _changed(writing, recorded, "suspended", reason_code=event.reason_code, cause=event.cause)


async def reinstated(writing: Writing, recorded: Recorded) -> None:
    """A cause was cleared; the credential stays suspended while others are left."""
    event = of(CredentialReinstated, recorded)
    _changed(writing, recorded, "reinstated", reason_code=event.reason_code, cause=event.cause)


async def revoked(writing: Writing, recorded: Recorded) -> None:
    """A credential is over: revoked, or replaced by another one."""
    event = of(CredentialRevoked, recorded)
    kind = "superseded" if event.reason_code == "superseded" else "revoked"
    _changed(writing, recorded, kind, reason_code=event.reason_code)


async def expired(writing: Writing, recorded: Recorded) -> None:
    """The merit's own date has passed."""
    event = of(CredentialExpired, recorded)
    _changed(writing, recorded, "expired", at=event.at)


async def received(writing: Writing, recorded: Recorded) -> None:
    """An account holds a copy."""
    event = of(CredentialReceived, recorded)
    writing.put(tables.account_copies, {"account_id": event.account_id, "digest": event.digest})


async def presented(writing: Writing, recorded: Recorded) -> None:
    """An account showed a copy."""
    event = of(CredentialPresented, recorded)
    row = {
        "event_id": recorded.id,
        "at": recorded.recorded,
        "account_id": event.account_id,
        "digest": event.digest,
        "verifier": event.verifier,
    }
    writing.put(tables.shares, row)


HANDLERS: Mapping[type[Event], Handler] = {
    CredentialIssued: issued,
    CredentialSuspended: suspended,
    CredentialReinstated: reinstated,
    CredentialRevoked: revoked,
    CredentialExpired: expired,
    CredentialReceived: received,
    CredentialPresented: presented,
}


def _changed(
    writing: Writing,
    recorded: Recorded,
    kind: str,
    *,
    reason_code: str | None = None,
    cause: str | None = None,
    at: datetime | None = None,
) -> None:
    event: Any = recorded.event
    row = when(recorded) | {"credential_id": event.credential_id, "kind": kind, "reason_code": reason_code}
    writing.put(tables.changes, row | {"cause": cause, "at": at or recorded.recorded})

"""A projector as one writes it first: an object for each row, added to a session that commits every 1,000 events."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlalchemy.orm import registry

from kompetenspass.events.issuance import CredentialIssued
from kompetenspass.events.registry import CredentialReinstated, CredentialRevoked, CredentialSuspended
from kompetenspass.log.api import Recorded, WholeLog

PAGE = 1000
SCHEMA = "wallet_peer"

_mapped = registry()


class Issue:
    """A row of `issues`."""

    def __init__(self, recorded: Recorded, event: CredentialIssued) -> None:
        """Take what the timeline shows of an issue."""
        self.event_id, self.at, self.position = recorded.id, recorded.recorded, recorded.position
        self.credential_id: UUID = event.credential_id
        self.learner_ref = event.learner_ref
        self.definition_id, self.definition_version = event.definition_id, event.definition_version
        self.issuer_org, self.issuer = event.issuer_org, event.issuer
        self.recognition_level = event.recognition_level
        self.valid_to: datetime | None = event.valid_to
        self.replaces = bool(event.replaces)


class Copy:
    """A row of `copies`."""

    def __init__(self, digest: str, credential_id: UUID, learner_ref: str) -> None:
        """Take which copy was issued to whom."""
        self.digest, self.credential_id, self.learner_ref = digest, credential_id, learner_ref


class Change:
    """A row of `changes`."""

    def __init__(self, recorded: Recorded, kind: str, credential_id: UUID, reason_code: str, cause: str | None) -> None:
        """Take what became of a credential."""
        self.event_id, self.at, self.position = recorded.id, recorded.recorded, recorded.position
        self.kind, self.credential_id, self.reason_code, self.cause = kind, credential_id, reason_code, cause


def mapped(issues: Table, copies: Table, changes: Table) -> None:
    """Map the classes, once in a process."""
    if not list(_mapped.mappers):
        for kind, table in ((Issue, issues), (Copy, copies), (Change, changes)):
            _mapped.map_imperatively(kind, table)


async def follow(engine: AsyncEngine, feed: WholeLog, limit: int) -> int:
    """Project up to `limit` events of a log from its beginning; return how many there were."""
    here = engine.execution_options(schema_translate_map={None: SCHEMA})
    done = 0
    async with AsyncSession(here) as session:
        while done < limit and (rows := await feed.read(done, min(PAGE, limit - done))):
            for recorded in rows:
                session.add_all(_rows(recorded))
            await session.commit()
            session.expunge_all()
            done += len(rows)
    return done


def _rows(recorded: Recorded) -> Sequence[object]:
    match recorded.event:
        case CredentialIssued() as event:
            copies = [Copy(copy.digest, event.credential_id, event.learner_ref) for copy in event.copies]
            return [Issue(recorded, event), *copies]
        case CredentialSuspended() as event:
            return [Change(recorded, "suspended", event.credential_id, event.reason_code, event.cause)]
        case CredentialReinstated() as event:
            return [Change(recorded, "reinstated", event.credential_id, event.reason_code, event.cause)]
        case CredentialRevoked() as event:
            return [Change(recorded, "revoked", event.credential_id, event.reason_code, None)]
        case _:
            return []

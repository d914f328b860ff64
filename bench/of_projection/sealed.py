"""Logs full of sealed events, as issuance and the registry state them: 95 of 100 issue a credential, 5 change one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import asyncpg

from bench.issued import NOON, copy_at, credential_issued
from kompetenspass.core.ids import uuid7
from kompetenspass.events.base import Event
from kompetenspass.events.envelope import SYSTEM, Context, Draft, seal
from kompetenspass.events.issuance import CredentialIssued
from kompetenspass.events.registry import CredentialReinstated, CredentialRevoked, CredentialSuspended
from kompetenspass.log.api import Append

CHANGES_ONE_IN = 20
"""One event in so many is the registry's."""
_CHUNK = 5000
_VERSION = ("stream", "version")


def issue(number: int) -> CredentialIssued:
    """Return the issue of a learner's credential in one copy."""
    copy = copy_at(f"https://registry.example/status/{number >> 20}", number % (1 << 20))
    return credential_issued(learner_ref=f"learner:{number // 4:012}", copies=(copy,))


def change(number: int, of: CredentialIssued) -> Event:
    """Return what becomes of a credential: suspended, reinstated or revoked in turn."""
    its: dict[str, Any] = {"credential_id": of.credential_id, "copies": of.copies}
    if number % 3 == 0:
        return CredentialSuspended(**its, cause="issuer", causes=("issuer",), reason_code="under_review")
    if number % 3 == 1:
        return CredentialReinstated(**its, cause="issuer", causes=(), reason_code="cleared")
    return CredentialRevoked(**its, reason_code="fraud", effective_from=NOON, void_ab_initio=False)


def sealed(event: Event, number: int) -> Draft:
    """Return the event as it is stored."""
    return seal(uuid7(), event, Context(SYSTEM, NOON + timedelta(milliseconds=number), f"bench-{number}"))


def appended(event: Event, number: int) -> Append:
    """Return the request that appends an event to a stream of its own."""
    return Append(f"bench-{uuid7()}", 0, [sealed(event, number)])


async def fill(admin: asyncpg.Connection, size: int) -> None:
    """Put `size` events into the logs of issuance and registry, which are empty, past the append function."""
    at = {"issuance": 0, "registry": 0}
    for first in range(0, size, _CHUNK):
        rows: dict[str, list[tuple[Any, ...]]] = {owner: [] for owner in at}
        for owner, draft in _drafts(first, min(size, first + _CHUNK)):
            at[owner] += 1
            rows[owner].append((at[owner], f"stream-{draft.id}", 1, draft.id, draft.type, NOON, draft.data))
        for owner, of_owner in rows.items():
            await _copied(admin, owner, of_owner)
    await admin.execute("ANALYZE")


def _drafts(first: int, end: int) -> Iterator[tuple[str, Draft]]:
    issued: list[CredentialIssued] = []
    for number in range(first, end):
        if number % CHANGES_ONE_IN == CHANGES_ONE_IN - 1:
            yield "registry", sealed(change(number, issued[-1]), number)
        else:
            issued.append(issue(number))
            yield "issuance", sealed(issued[-1], number)


async def _copied(admin: asyncpg.Connection, owner: str, rows: list[tuple[Any, ...]]) -> None:
    if rows:
        room = f"SELECT {owner}_log.make_room($1, $2) FROM {owner}_log.log_head WHERE room < $1"  # noqa: S608  ours
        await admin.execute(room, rows[-1][0], rows[0][0] - 1)
    ids = [(row[3], row[0], hashlib.sha256(str(row[6]).encode()).digest()) for row in rows]
    streams = [(row[1], row[2]) for row in rows]
    for table, records, columns in (("log", rows, None), ("log_id", ids, None), ("log_stream", streams, _VERSION)):
        await admin.copy_records_to_table(table, schema_name=f"{owner}_log", records=records, columns=columns)

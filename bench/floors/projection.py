"""The floor of a projection: the same tables with the same indexes, filled by SQL alone, without a line of Python."""

from __future__ import annotations

import asyncpg
from sqlalchemy import MetaData, Table
from sqlalchemy.dialects.postgresql.asyncpg import dialect
from sqlalchemy.schema import CreateIndex, CreateTable

SCHEMA = "wallet_floor"

_ISSUES = """
INSERT INTO issues (event_id, at, position, credential_id, learner_ref, definition_id, definition_version, issuer_org,
                    issuer, recognition_level, valid_to, replaces)
SELECT id, recorded, position, (p->>'credential_id')::uuid, p->>'learner_ref', p->>'definition_id',
       (p->>'definition_version')::int, p->>'issuer_org', p->>'issuer', p->>'recognition_level',
       (p->>'valid_to')::timestamptz, jsonb_array_length(p->'replaces') > 0
FROM (SELECT id, recorded, position, data::jsonb->'payload' AS p FROM issuance_log.log
      WHERE type = 'issuance.CredentialIssued.v1' OFFSET 0) e
"""
_COPIES = """
INSERT INTO copies (digest, credential_id, learner_ref)
SELECT c->>'digest', (p->>'credential_id')::uuid, p->>'learner_ref'
FROM (SELECT data::jsonb->'payload' AS p FROM issuance_log.log
      WHERE type = 'issuance.CredentialIssued.v1' OFFSET 0) e, jsonb_array_elements(p->'copies') c
"""
_CHANGES = """
INSERT INTO changes (event_id, at, position, credential_id, kind, reason_code, cause)
SELECT id, recorded, position, (p->>'credential_id')::uuid, kind, p->>'reason_code', p->>'cause'
FROM (SELECT id, recorded, position, data::jsonb->'payload' AS p,
             CASE split_part(type, '.', 2) WHEN 'CredentialSuspended' THEN 'suspended'
                  WHEN 'CredentialReinstated' THEN 'reinstated' WHEN 'CredentialRevoked' THEN 'revoked' END AS kind
      FROM registry_log.log OFFSET 0) e
WHERE kind IS NOT NULL
"""


async def rebuild(admin: asyncpg.Connection, metadata: MetaData) -> None:
    """Make the tables anew, fill them from the logs in one transaction, then index them."""
    await admin.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
    async with admin.transaction():
        await admin.execute(f"CREATE SCHEMA {SCHEMA}")
        await admin.execute(f"SET LOCAL search_path = {SCHEMA}")
        for table in metadata.sorted_tables:
            await admin.execute(_sql(CreateTable(table)))
        for statement in (_ISSUES, _COPIES, _CHANGES):
            await admin.execute(statement)
        await _index(admin, metadata.sorted_tables)


async def _index(admin: asyncpg.Connection, tables: list[Table]) -> None:
    for table in tables:
        for index in table.indexes:
            await admin.execute(_sql(CreateIndex(index)))


def _sql(element: CreateTable | CreateIndex) -> str:
    return str(element.compile(dialect=dialect()))  # type: ignore[no-untyped-call]  # SQLAlchemy's dialects are not typed

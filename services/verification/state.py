"""The durable state of requests: what was asked, how often it was fetched, and the verdicts with their reasons."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy import Boolean, Column, DateTime, Integer, MetaData, Table, Text, Uuid, delete
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncEngine

from kompetenspass.web.statements import Statements
from services.verification.domain.presentation import Asked, question
from services.verification.service.ports import SealedClaims

METADATA = MetaData()

requests = Table(
    "requests",
    METADATA,
    Column("request_id", Uuid, primary_key=True),
    Column("verifier_org", Text, nullable=False),
    Column("nonce", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("dcql_query", JSONB, nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False, index=True),
    Column("fetches", Integer, nullable=False),
    Column("deep", Boolean, nullable=False),
)

verdicts = Table(
    "verdicts",
    METADATA,
    Column("verdict_id", Uuid, primary_key=True),
    Column("request_id", Uuid, nullable=False),
    Column("verdict", JSONB, nullable=False),
    Column("judged_at", DateTime(timezone=True), nullable=False, index=True),
)
"""One row per judged answer, named by the id of its event; it holds checks and reasons, never a claim."""


_ASKED = "verifier_org, nonce, state, dcql_query::text, expires_at, deep"
_PUT = """
    INSERT INTO requests (request_id, verifier_org, nonce, state, dcql_query, expires_at, deep, fetches)
    SELECT request_id, org, nonce, state, query::jsonb, expires_at, deep, 0
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::boolean[])
      AS made (request_id, org, nonce, state, query, expires_at, deep)
"""
_GET = f"""
    SELECT number, {_ASKED}
    FROM unnest($1::uuid[]) WITH ORDINALITY AS wanted (request_id, number) JOIN requests USING (request_id)
"""  # noqa: S608  column names of ours
_FETCH = f"""
    UPDATE requests SET fetches = fetches + 1 WHERE request_id = $1 AND fetches < $2 AND expires_at > $3
    RETURNING 1, {_ASKED}
"""  # noqa: S608  column names of ours
_PUT_VERDICT = """
    WITH made AS (
      SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[], $5::bytea[], $6::timestamptz[])
        AS made (verdict_id, request_id, verdict, judged_at, sealed, expires_at)
    ), shown AS (
      INSERT INTO disclosures (verdict_id, sealed, expires_at)
      SELECT verdict_id, sealed, expires_at FROM made WHERE sealed IS NOT NULL
    )
    INSERT INTO verdicts (verdict_id, request_id, verdict, judged_at)
    SELECT verdict_id, request_id, verdict::jsonb, judged_at FROM made
"""
_VERDICT = "SELECT verdict::text FROM verdicts WHERE verdict_id = $1"


class RequestState:
    """Implements the service's State."""

    def __init__(self, engine: AsyncEngine, statements: Statements) -> None:
        self._engine = engine
        self._statements = statements
        self._put = statements.shared(_PUT)
        self._get = statements.shared(_GET)
        self._put_verdict = statements.shared(_PUT_VERDICT)

    async def put(self, asked: Asked) -> None:
        """Keep a new request."""
        query = asked.question.text
        await self._put.rows(
            asked.request_id, asked.verifier_org, asked.nonce, asked.state, query, asked.expires_at, asked.deep
        )

    async def get(self, request_id: UUID) -> Asked | None:
        """Return a request, or None."""
        return _asked(request_id, await self._get.rows(request_id))

    async def fetch(self, request_id: UUID, limit: int, now: datetime) -> Asked | None:
        """Count one fetch of the request object and return the request; None where it may not be fetched now."""
        return _asked(request_id, await self._statements.fetch(_FETCH, request_id, limit, now))

    async def put_verdict(
        self, verdict_id: UUID, request_id: UUID, verdict: dict[str, Any], at: datetime, claims: SealedClaims | None
    ) -> None:
        """Keep the reasons of one judgement, and what was shown if it holds, before its event is written."""
        shown = (claims.sealed, claims.until) if claims else (None, None)
        await self._put_verdict.rows(verdict_id, request_id, to_json(verdict).decode(), at, *shown)

    async def verdict(self, verdict_id: UUID) -> dict[str, Any] | None:
        """Return the reasons of one judgement, or None once they are swept."""
        rows = await self._statements.fetch(_VERDICT, verdict_id)
        return json.loads(rows[0][0]) if rows else None

    async def sweep(self, now: datetime, verdict_days: int) -> None:
        """Delete requests a day after they expired, and verdicts that are old enough."""
        async with self._engine.begin() as connection:
            await connection.execute(delete(requests).where(requests.c.expires_at < now - timedelta(days=1)))
            await connection.execute(delete(verdicts).where(verdicts.c.judged_at < now - timedelta(days=verdict_days)))


def _asked(request_id: UUID, rows: Sequence[Any]) -> Asked | None:
    if not rows:
        return None
    _, org, nonce, state, query, expires_at, deep = rows[0]
    return Asked(request_id, org, nonce, state, question(query), expires_at, deep)

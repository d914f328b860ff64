"""The durable state of requests: what was asked, how often it was fetched, and the verdicts with their reasons."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, Column, DateTime, Integer, MetaData, Table, Text, Uuid, delete, insert, select, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncEngine

from services.verification.domain.presentation import Asked

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


class RequestState:
    """Implements the service's State."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def put(self, asked: Asked) -> None:
        """Keep a new request."""
        row = {
            "request_id": asked.request_id,
            "verifier_org": asked.verifier_org,
            "nonce": asked.nonce,
            "state": asked.state,
            "dcql_query": dict(asked.dcql_query),
            "expires_at": asked.expires_at,
            "fetches": 0,
            "deep": asked.deep,
        }
        async with self._engine.begin() as connection:
            await connection.execute(insert(requests).values(**row))

    async def get(self, request_id: UUID) -> Asked | None:
        """Return a request, or None."""
        query = select(requests).where(requests.c.request_id == request_id)
        async with self._engine.connect() as connection:
            row = (await connection.execute(query)).mappings().first()
        if row is None:
            return None
        return Asked(
            row["request_id"],
            row["verifier_org"],
            row["nonce"],
            row["state"],
            row["dcql_query"],
            row["expires_at"],
            row["deep"],
        )

    async def fetched(self, request_id: UUID, limit: int) -> bool:
        """Count one fetch of the request object; return whether it was within the limit."""
        counted = (
            update(requests)
            .where(requests.c.request_id == request_id, requests.c.fetches < limit)
            .values(fetches=requests.c.fetches + 1)
        )
        async with self._engine.begin() as connection:
            return (await connection.execute(counted)).rowcount == 1

    async def put_verdict(self, verdict_id: UUID, request_id: UUID, verdict: dict[str, Any], at: datetime) -> None:
        """Keep the reasons of one judgement, before its event is written."""
        row = {"verdict_id": verdict_id, "request_id": request_id, "verdict": verdict, "judged_at": at}
        async with self._engine.begin() as connection:
            await connection.execute(insert(verdicts).values(**row))

    async def verdict(self, verdict_id: UUID) -> dict[str, Any] | None:
        """Return the reasons of one judgement, or None once they are swept."""
        query = select(verdicts.c.verdict).where(verdicts.c.verdict_id == verdict_id)
        async with self._engine.connect() as connection:
            found: dict[str, Any] | None = await connection.scalar(query)
        return found

    async def sweep(self, now: datetime, verdict_days: int) -> None:
        """Delete requests a day after they expired, and verdicts that are old enough."""
        async with self._engine.begin() as connection:
            await connection.execute(delete(requests).where(requests.c.expires_at < now - timedelta(days=1)))
            await connection.execute(delete(verdicts).where(verdicts.c.judged_at < now - timedelta(days=verdict_days)))

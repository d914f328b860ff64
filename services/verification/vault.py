"""Claims that were shown, for the verifier that asked: encrypted, read once, gone after minutes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Column, DateTime, LargeBinary, MetaData, Table, Uuid, delete, insert
from sqlalchemy.ext.asyncio import AsyncEngine

from kompetenspass.core.errors import Problem
from kompetenspass.keys.sealing import seal, unseal

METADATA = MetaData()

disclosures = Table(
    "disclosures",
    METADATA,
    Column("verdict_id", Uuid, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False, index=True),
)


class Disclosures:
    """Implements the service's Vault."""

    def __init__(self, engine: AsyncEngine, key: Callable[[], bytes]) -> None:
        self._engine = engine
        self._key = key

    async def put(self, verdict_id: UUID, claims: Mapping[str, Any], now: datetime, ttl_seconds: int) -> None:
        """Keep claims until they are taken, at most `ttl_seconds`."""
        sealed = seal(self._key(), json.dumps(claims).encode("utf-8"), str(verdict_id))
        row = {"verdict_id": verdict_id, "sealed": sealed, "expires_at": now + timedelta(seconds=ttl_seconds)}
        async with self._engine.begin() as connection:
            await connection.execute(insert(disclosures).values(**row))

    async def take(self, verdict_id: UUID, now: datetime) -> dict[str, Any] | None:
        """Return the claims and delete them; None when they were taken before, or are too old."""
        gone = delete(disclosures).where(disclosures.c.verdict_id == verdict_id)
        async with self._engine.begin() as connection:
            answer = await connection.execute(gone.returning(disclosures.c.sealed, disclosures.c.expires_at))
            row = answer.first()
        if row is None or row.expires_at <= now:
            return None
        return self._opened(verdict_id, bytes(row.sealed))

    async def sweep(self, now: datetime) -> None:
        """Delete what is too old."""
        async with self._engine.begin() as connection:
            await connection.execute(delete(disclosures).where(disclosures.c.expires_at <= now))

    def _opened(self, verdict_id: UUID, sealed: bytes) -> dict[str, Any] | None:
        try:
            text = unseal(self._key(), sealed, str(verdict_id))
        except Problem:
            return None  # the key file was replaced: what it sealed is lost, as it should be
        claims: dict[str, Any] = json.loads(text)
        return claims

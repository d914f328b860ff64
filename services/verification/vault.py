"""Claims that were shown, for the verifier that asked: encrypted, read once, gone after minutes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy import Column, DateTime, LargeBinary, MetaData, Table, Uuid, delete
from sqlalchemy.ext.asyncio import AsyncEngine

from kompetenspass.core.errors import Problem
from kompetenspass.keys.sealing import seal, unseal
from kompetenspass.web.statements import Statements
from services.verification.service.ports import SealedClaims

METADATA = MetaData()

disclosures = Table(
    "disclosures",
    METADATA,
    Column("verdict_id", Uuid, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False, index=True),
)


_TAKE = "DELETE FROM disclosures WHERE verdict_id = $1 RETURNING sealed, expires_at"


class Disclosures:
    """Implements the service's Vault."""

    def __init__(self, engine: AsyncEngine, statements: Statements, key: Callable[[], bytes]) -> None:
        self._engine = engine
        self._statements = statements
        self._key = key

    def sealed(self, verdict_id: UUID, claims: Mapping[str, Any], until: datetime) -> SealedClaims:
        """Return claims for whoever keeps them until they are taken; they open under their verdict alone."""
        return SealedClaims(seal(self._key(), to_json(claims), str(verdict_id)), until)

    async def take(self, verdict_id: UUID, now: datetime) -> dict[str, Any] | None:
        """Return the claims and delete them; None when they were taken before, or are too old."""
        rows = await self._statements.fetch(_TAKE, verdict_id)
        if not rows or rows[0]["expires_at"] <= now:
            return None
        return self._opened(verdict_id, rows[0]["sealed"])

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

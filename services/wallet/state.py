"""The wallet's durable state beside the vault: one-time links and the sessions they open, both by hash only."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Column, DateTime, LargeBinary, MetaData, Table, Uuid, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

metadata = MetaData()

links = Table(
    "links",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("account_id", Uuid, nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False, index=True),
)

sessions = Table(
    "sessions",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("account_id", Uuid, nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False, index=True),
)


class State:
    """Reads and writes the durable tables through the service's engine."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def keep_link(self, token_hash: bytes, account_id: UUID, expires_at: datetime) -> None:
        """Keep a link until it is used or swept."""
        await self._keep(links, token_hash, account_id, expires_at)

    async def keep_session(self, token_hash: bytes, account_id: UUID, expires_at: datetime) -> None:
        """Keep a session until it is swept."""
        await self._keep(sessions, token_hash, account_id, expires_at)

    async def use_link(self, token_hash: bytes, now: datetime) -> UUID | None:
        """Remove a link and return its account, or None if it was used, has expired or never was."""
        statement = delete(links).where(links.c.token_hash == token_hash)
        async with self._engine.begin() as connection:
            used = await connection.execute(statement.returning(links.c.account_id, links.c.expires_at))
            row = used.one_or_none()
        return row.account_id if row is not None and row.expires_at > now else None

    async def session(self, token_hash: bytes, now: datetime) -> UUID | None:
        """Return the account of a session that is open, or None."""
        mine = (sessions.c.token_hash == token_hash) & (sessions.c.expires_at > now)
        async with self._engine.connect() as connection:
            return await connection.scalar(select(sessions.c.account_id).where(mine))

    async def sweep(self, now: datetime) -> int:
        """Remove links and sessions that have expired; return how many."""
        async with self._engine.begin() as connection:
            gone = [
                (await connection.execute(delete(table).where(table.c.expires_at <= now))).rowcount
                for table in (links, sessions)
            ]
        return sum(gone)

    async def _keep(self, table: Table, token_hash: bytes, account_id: UUID, expires_at: datetime) -> None:
        row = {"token_hash": token_hash, "account_id": account_id, "expires_at": expires_at}
        async with self._engine.begin() as connection:
            await connection.execute(insert(table).values(row))

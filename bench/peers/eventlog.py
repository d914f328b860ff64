"""Each event by an INSERT and a commit of its own, 32 at a time: by pgbench, by asyncpg, and by SQLAlchemy's ORM."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from uuid import UUID

import asyncpg
from sqlalchemy import DateTime, Identity, func
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from kompetenspass.events.envelope import Draft

CONNECTIONS = 32
PGBENCH = shutil.which("pgbench")
_INSERT = "INSERT INTO events (stream, version, type, data, meta) VALUES ($1, 1, $2, $3, '{}')"
_SCRIPT = "INSERT INTO events (stream, version, type, data, meta) VALUES (gen_random_uuid(), 1, :type, :data, '{}');\n"
_RATE = re.compile(r"^tps = ([0-9.]+)", re.MULTILINE)


class Base(DeclarativeBase):
    """The mapped tables."""


class StoredEvent(Base):
    """One row of the events table."""

    __tablename__ = "events"
    position: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    stream: Mapped[UUID]
    version: Mapped[int]
    type: Mapped[str]
    data: Mapped[str]
    meta: Mapped[str]
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


async def by_pgbench(socket_folder: Path, role: str, database: str, draft: Draft, events: int) -> float:
    """Return how many inserts pgbench commits in a second, by 32 connections that send prepared statements."""
    assert PGBENCH is not None
    process = await asyncio.create_subprocess_exec(
        *(PGBENCH, "-n", "-M", "prepared", "-c", str(CONNECTIONS), "-j", "2", "-t", str(max(1, events // CONNECTIONS))),
        *("-D", f"type={draft.type}", "-D", f"data={draft.data}", "-f", "-"),
        *("-h", str(socket_folder), "-p", "5432", "-U", role, database),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    told, _ = await process.communicate(_SCRIPT.encode())
    rate = _RATE.search(told.decode())
    if rate is None:
        raise RuntimeError(f"pgbench ended with {process.returncode}")
    return float(rate[1])


async def by_asyncpg(pool: asyncpg.Pool, drafts: Sequence[Draft]) -> None:
    """Store the events one by one, each connection taking the next."""
    waiting = iter(drafts)

    async def one() -> None:
        async with pool.acquire() as connection:
            for draft in waiting:
                await connection.execute(_INSERT, draft.id, draft.type, draft.data)

    await asyncio.gather(*(one() for _ in range(CONNECTIONS)))


async def by_orm(sessions: async_sessionmaker[AsyncSession], drafts: Sequence[Draft]) -> None:
    """Store the events one by one, each in a session of its own."""
    waiting = iter(drafts)
    await asyncio.gather(*(_saved(sessions, waiting) for _ in range(CONNECTIONS)))


async def _saved(sessions: async_sessionmaker[AsyncSession], waiting: Iterator[Draft]) -> None:
    for draft in waiting:
        async with sessions() as session, session.begin():
            session.add(StoredEvent(stream=draft.id, version=1, type=draft.type, data=draft.data, meta="{}"))

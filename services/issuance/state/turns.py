"""Turns: what concerns several streams of one learner is decided by one command at a time. Implements Turns."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine


class Turns:
    """A turn is an advisory lock, held by a transaction of its own: it ends with the process that has it."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @asynccontextmanager
    async def turn(self, what: str) -> AsyncIterator[bool]:
        """Yield whether the turn is ours until the block ends; nobody waits for another's."""
        taken = func.pg_try_advisory_xact_lock(func.hashtextextended(f"issuance turn {what}", 0))
        async with self._engine.begin() as connection:
            yield bool(await connection.scalar(select(taken)))

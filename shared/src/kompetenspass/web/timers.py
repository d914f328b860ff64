"""Timers of a service: each runs in one process at a time, whichever holds the service's advisory lock."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from kompetenspass.core.errors import Problem
from kompetenspass.web.telemetry import logger


@dataclass(frozen=True, slots=True)
class Timer:
    """`fn` is to run every `seconds`; a run that takes longer delays the next, they never overlap."""

    seconds: float
    name: str
    fn: Callable[[], Awaitable[None]]


class Leadership:
    """The advisory lock `name`, held on a connection of its own for as long as this process lives."""

    def __init__(self, engine: AsyncEngine, name: str) -> None:
        self._engine = engine
        self._name = name
        self._connection: AsyncConnection | None = None
        self._turn = asyncio.Lock()

    async def held(self) -> bool:
        """Return whether this process holds the lock now, trying to take it if not."""
        async with self._turn:
            try:
                return await self._still_held() or await self._taken()
            except (SQLAlchemyError, OSError):
                await self._dropped()
                return False

    async def release(self) -> None:
        """Give the lock up."""
        async with self._turn:
            await self._dropped()

    async def _still_held(self) -> bool:
        if self._connection is None:
            return False
        await self._connection.execute(text("select 1"))
        return True

    async def _taken(self) -> bool:
        connection = await self._engine.connect()
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        self._connection = connection
        taken = await connection.scalar(
            text("select pg_try_advisory_lock(hashtextextended(:name, 0))"), {"name": self._name}
        )
        if not taken:
            await self._dropped()
        return bool(taken)

    async def _dropped(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                await connection.invalidate()
                await connection.close()
            except (SQLAlchemyError, OSError):
                logger().info("leader_connection_lost", lock=self._name)


async def run_timer(timer: Timer, leadership: Leadership, service: str) -> None:
    """Run the timer until cancelled. A run that fails is logged as an alarm; the next one tries again."""
    structlog.contextvars.bind_contextvars(service=service)
    while True:
        if await leadership.held():
            try:
                await timer.fn()
            except Problem as problem:
                logger().warning("timer_refused", timer=timer.name, code=problem.code, detail=problem.detail or None)
            except Exception:
                logger().exception("timer_failed", timer=timer.name, alarm=True)
        await asyncio.sleep(timer.seconds)

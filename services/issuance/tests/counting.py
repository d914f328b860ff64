"""How many statements are sent to the database."""

from __future__ import annotations

import asyncio
from typing import Any

from sqlalchemy import event as sql
from sqlalchemy.ext.asyncio import AsyncEngine


class Statements:
    """The statements that are sent on an engine's connections from now on, whoever sends them."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._sent: list[str] = []
        sql.listen(engine.sync_engine, "checkout", self._taken)

    async def counted(self) -> int:
        """Return how many were sent since this was asked before."""
        await asyncio.sleep(0)  # asyncpg tells them in the loop's next turn
        count = len(self._sent)
        self._sent.clear()
        return count

    def _taken(self, connection: Any, *_: object) -> None:
        connection.driver_connection.add_query_logger(self._told)

    def _told(self, sent: Any) -> None:
        self._sent.append(sent.query)

"""How every query reads: one statement each, in autocommit; what the facts said is remembered until they change."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Any, TypeVar

from sqlalchemy import Row, Select, select
from sqlalchemy.ext.asyncio import AsyncEngine

from services.issuance.tables import changes

_CHANGES = select(changes)
_MAX_REMEMBERED = 2048
T = TypeVar("T")


class Reading:
    """Reads in autocommit: every answer is one statement, or two on one connection."""

    def __init__(self, engine: AsyncEngine, require_fresh: Callable[..., Awaitable[None]]) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._require_fresh = require_fresh
        self._changes: dict[str, int] = {}
        self._remembered: dict[Hashable, Any] = {}

    async def require_fresh(self) -> None:
        """Raise Problem `facts_stale` when the facts were checked too long ago; refresh what is remembered."""
        await self._require_fresh("registry", "catalog")
        await self.refresh()

    async def refresh(self) -> None:
        """Forget what was remembered if the facts have changed since."""
        rows = await self._rows(_CHANGES)
        now = {row.log: row.position for row in rows}
        if now != self._changes:
            self._changes, self._remembered = now, {}

    async def _known(self, what: Hashable, read: Callable[[], Awaitable[T]], *, misses: bool = True) -> T:
        """Return what is remembered until `refresh` finds that the facts have changed."""
        remembered = self._remembered  # a change meanwhile puts another in its place, and what we read is not kept
        if what in remembered:
            known: T = remembered[what]
            return known
        found = await read()
        if found or misses:
            self._remember(remembered, what, found)
        return found

    def _remember(self, remembered: dict[Hashable, Any], what: Hashable, found: object) -> None:
        if len(remembered) < _MAX_REMEMBERED:
            remembered[what] = found

    async def _rows(self, statement: Select[Any], **bound: object) -> Sequence[Row[Any]]:
        return (await self._answers(statement, **bound))[0]

    async def _answers(self, *statements: Select[Any], **bound: object) -> Sequence[Sequence[Row[Any]]]:
        async with self._engine.connect() as connection:
            return [(await connection.execute(statement, bound)).all() for statement in statements]

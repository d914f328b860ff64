"""How every query reads: one statement each, in autocommit; what the facts said is remembered until they change."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from sqlalchemy import Row, Select, func, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncEngine

from kompetenspass.log.direct import Direct
from services.issuance.tables import changes

_moved = func.jsonb_object_agg(changes.c.log, changes.c.moved, type_=JSONB)
CHANGES = select(_moved).scalar_subquery().label("changes")
"""How far each log has changed the facts: a column for statements that are asked before what is remembered is used."""
CHANGES_TEXT = "(select jsonb_object_agg(log, moved)::text from changes)"
"""The same for a statement that is SQL text."""

_CHANGES = """
select asked.number, log, moved from unnest($1::int[]) with ordinality as asked(one, number) cross join changes
"""
_MAX_REMEMBERED = 2048
T = TypeVar("T")


class Asked(Protocol):
    """A hot statement, which all who ask at the same moment share."""

    async def rows(self, *arguments: object) -> Sequence[Any]:
        """Return the rows that the arguments lead to, each with its ordinality first."""


class Reading:
    """Reads in autocommit: every answer is one statement, or two on one connection. `shared` makes the hot ones."""

    def __init__(
        self, engine: AsyncEngine, require_fresh: Callable[..., Awaitable[None]], shared: Callable[[str], Asked]
    ) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._require_fresh = require_fresh
        self._shared = shared
        self._changed = shared(_CHANGES)
        self._changes: Mapping[str, int] | None = None
        self._remembered: dict[Hashable, Any] = {}

    @property
    def sign(self) -> object:
        """What is another once the facts that are remembered are others."""
        return self._changes

    async def require_heard(self) -> None:
        """Raise Problem `facts_stale` when the facts were checked too long ago."""
        await self._require_fresh("registry", "catalog")

    async def require_fresh(self) -> None:
        """Raise Problem `facts_stale` when the facts were checked too long ago; refresh what is remembered."""
        await self.require_heard()
        await self.refresh()

    async def refresh(self) -> None:
        """Forget what was remembered if the facts have changed since."""
        self._changed_to({log: moved for _, log, moved in await self._changed.rows(1)} or None)

    def _changed_to(self, now: Mapping[str, int] | None) -> None:
        """Forget what was remembered unless the facts are as far as they were; `now`: what CHANGES said."""
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

    async def _direct(self, statement: Direct, **bound: object) -> Sequence[Any]:
        return await statement.rows(self._engine, **bound)

    async def _rows(self, statement: Select[Any], **bound: object) -> Sequence[Row[Any]]:
        return (await self._answers(statement, **bound))[0]

    async def _answers(self, *statements: Select[Any], **bound: object) -> Sequence[Sequence[Row[Any]]]:
        async with self._engine.connect() as connection:
            return [(await connection.execute(statement, bound)).all() for statement in statements]

"""Direct: a statement that is compiled once and handed to asyncpg as it is, for what is read many times a second.

SQLAlchemy makes a statement anew each time that it is executed, which costs several times what sending it costs.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import asyncpg
from sqlalchemy import Select
from sqlalchemy.dialects.postgresql.asyncpg import dialect
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.sql.compiler import SQLCompiler

from kompetenspass.log.bare import bare

_DIALECT = dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy's dialects are not typed
_LOST_OR_REFUSED = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError)


class Direct:
    """One SELECT with named parameters; its rows have its columns as attributes. It may not have expanding ones."""

    def __init__(self, statement: Select[Any]) -> None:
        compiled = statement.compile(dialect=_DIALECT)
        assert isinstance(compiled, SQLCompiler)
        self._statement = statement
        self._text = compiled.string
        self._names: Sequence[str] = compiled.positiontup or ()
        self._given: Mapping[str, Any] = compiled.params
        row = namedtuple("row", statement.selected_columns.keys())  # type: ignore[misc]  # it names its columns
        self._row: Callable[[Iterable[Any]], Any] = row._make

    async def rows(self, engine: AsyncEngine, **bound: object) -> Sequence[Any]:
        """Return the rows; each statement is a transaction of its own. Raises what SQLAlchemy raises.

        What failed is tried once more by SQLAlchemy: it reads the same, and only it may judge its pool's connections.
        """
        given = {**self._given, **bound}
        try:
            async with bare(engine) as connection:
                records = await connection.fetch(self._text, *[given[name] for name in self._names])
        except _LOST_OR_REFUSED:
            async with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as careful:
                rows: Sequence[Any] = (await careful.execute(self._statement, bound)).all()
                return rows
        return [self._row(record) for record in records]

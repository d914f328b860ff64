"""Direct: a statement that is compiled once and handed to asyncpg as it is, for what is read many times a second.

SQLAlchemy makes a statement anew each time that it is executed, which costs several times what sending it costs.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Select
from sqlalchemy.dialects.postgresql.asyncpg import dialect
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.sql.compiler import SQLCompiler

from kompetenspass.log.bare import bare
from kompetenspass.log.outages import database_unavailable, twice

_DIALECT = dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy's dialects are not typed


class Direct:
    """One SELECT with named parameters: their values go to the driver as they are. Its rows have its columns as
    attributes."""

    def __init__(self, statement: Select[Any]) -> None:
        """Raises ValueError for a statement whose text depends on its values: `in_`, for instance, where `any_` does
        not."""
        compiled = statement.compile(dialect=_DIALECT)
        assert isinstance(compiled, SQLCompiler)
        if compiled.post_compile_params or compiled.literal_execute_params:
            raise ValueError("the text of the statement depends on its values")
        self._text = compiled.string
        self._names: Sequence[str] = compiled.positiontup or ()
        self._given: Mapping[str, Any] = compiled.params
        row = namedtuple("row", statement.selected_columns.keys())  # type: ignore[misc]  # it names its columns
        self._row: Callable[[Iterable[Any]], Any] = row._make

    async def rows(self, engine: AsyncEngine, **bound: object) -> Sequence[Any]:
        """Return the rows; each statement is a transaction of its own.

        Raises what asyncpg raises, Problem `database_unavailable`. A lost connection is replaced once.
        """
        given = {**self._given, **bound}
        arguments = [given[name] for name in self._names]
        records = await twice(lambda: self._records(engine, arguments), database_unavailable)
        return [self._row(record) for record in records]

    async def _records(self, engine: AsyncEngine, arguments: Sequence[object]) -> Sequence[Any]:
        async with bare(engine) as connection:
            records: Sequence[Any] = await connection.fetch(self._text, *arguments)
            return records

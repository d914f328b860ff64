"""Writing: what the handlers of a page write, collected, and written with few statements."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import asyncpg
from sqlalchemy import Executable, Result, ScalarResult, Table
from sqlalchemy.ext.asyncio import AsyncConnection

from kompetenspass.log.shapes import Kind, Shape, shape_of

Row = Mapping[str, Any]
Work = Callable[["Writing", Sequence[Any]], Awaitable[None]]
"""What is to be done once for all that was collected for it."""


class Writing:
    """Handed to a projection's handlers, in the transaction of their page.

    `put`, `upsert`, `upsert_newest` and `change` collect, and what they collected of a table comes into it as if it had
    been written at once, event by event. Whatever else a handler does, it does with `execute`, `scalar` or `scalars`,
    and these first write what was collected. What the database refuses it refuses to the page: its events are then
    applied one by one.
    """

    def __init__(
        self,
        connection: AsyncConnection,
        translate: Mapping[str | None, str | None] | None = None,
        *,
        copying: bool = False,
    ) -> None:
        """`translate`: the `schema_translate_map` by which unqualified tables are found. `copying`: what is put is
        taken to be new, which is cheaper, and where it is not the database refuses the page."""
        self._copying = copying
        self._plain = connection
        self._translate = translate
        self._translated: AsyncConnection | None = None
        self._schema = (translate or {}).get(None)
        self._stages: dict[Table, _Stages] = {}
        self._works: dict[Work, list[Any]] = {}

    def put(self, table: Table, row: Row) -> None:
        """Insert a row, unless one is there."""
        self._collect(shape_of(Kind.PUT, table, tuple(row)), tuple(row.values()))

    def upsert(self, table: Table, row: Row) -> None:
        """Insert a row, or bring the one with its primary key up to date; columns that it does not name stay."""
        self._collect(shape_of(Kind.UPSERT, table, tuple(row)), tuple(row.values()))

    def upsert_newest(self, table: Table, row: Row) -> None:
        """Insert a row, or bring the one with its primary key up to date if that is of an earlier `position`."""
        self._collect(shape_of(Kind.NEWEST, table, tuple(row)), tuple(row.values()))

    def change(self, table: Table, key: Row, values: Row) -> None:
        """Set columns of the row with this primary key, if it is there; what else is in `key` must hold of it too."""
        self._collect(shape_of(Kind.CHANGE, table, tuple(key), tuple(values)), (*key.values(), *values.values()))

    def later(self, work: Work, item: Any) -> None:
        """Have `work` called once, after what was collected is written, with all items that were given for it."""
        self._works.setdefault(work, []).append(item)

    async def execute(self, statement: Executable) -> Result[Any]:
        """Return what a statement returns that sees all that was collected before."""
        await self.flush()
        return await (await self.connection()).execute(statement)

    async def scalar(self, statement: Executable) -> Any:
        """Return the first column of the first row, None if there is none."""
        await self.flush()
        return await (await self.connection()).scalar(statement)

    async def scalars(self, statement: Executable) -> ScalarResult[Any]:
        """Return the first column of each row."""
        await self.flush()
        return await (await self.connection()).scalars(statement)

    async def inserted(self, table: Table, rows: Sequence[Row]) -> set[Any]:
        """Insert rows of the same columns, unless they are there; return the primary keys of those that were not."""
        await self.flush()
        shape = shape_of(Kind.PUT, table, tuple(rows[0]))
        driver = await driver_of(self._plain)
        return await shape.inserted(driver, self._schema, [tuple(row.values()) for row in rows])

    async def flush(self) -> None:
        """Write what was collected."""
        while self._stages or self._works:
            stages, self._stages = self._stages, {}
            works, self._works = self._works, {}
            if stages:
                await self._write(stages)
            for work, items in works.items():
                await work(self, items)

    async def connection(self) -> AsyncConnection:
        """Return the connection, on which unqualified tables are those of the projection."""
        if self._translated is None:
            self._translated = self._plain
            if self._translate is not None:
                self._translated = await self._plain.execution_options(schema_translate_map=self._translate)
        return self._translated

    async def _write(self, stages: Mapping[Table, _Stages]) -> None:
        driver = await driver_of(self._plain)
        for of_table in stages.values():
            for shape, rows in of_table.stages:
                write = shape.copy if self._copying and shape.kind is Kind.PUT else shape.write
                await write(driver, self._schema, list(rows.values()))

    def _collect(self, shape: Shape, row: tuple[Any, ...]) -> None:
        stages = self._stages.get(shape.table)
        if stages is None:
            stages = self._stages[shape.table] = _Stages()
        stages.add(shape, row)


class _Stages:
    """What is to be written into one table: one statement after the other, each for many rows.

    Rows with different primary keys may change places. Of one with the same key as another, the later is either folded
    with it, or goes into a later statement. Where a table has another unique key, any row may keep any other from it:
    there they stay in their order.
    """

    def __init__(self) -> None:
        self.stages: list[tuple[Shape, dict[Any, tuple[Any, ...]]]] = []
        self._last: dict[Any, int] = {}

    def add(self, shape: Shape, row: tuple[Any, ...]) -> None:
        key, whole = shape.key(row), shape.whole_key(row)
        at = self._last.get(key, -1)
        if at >= 0 and self.stages[at][0] is shape:
            rows = self.stages[at][1]
            if whole in rows and shape.folds:
                rows[whole] = shape.folded(rows[whole], row)
                return
        first = at + 1 if shape.moves else max(at + 1, len(self.stages) - 1)
        self._last[key] = at = self._place(shape, first)
        self.stages[at][1][whole] = row

    def _place(self, shape: Shape, first: int) -> int:
        for at in range(first, len(self.stages)):
            if self.stages[at][0] is shape:
                return at
        self.stages.append((shape, {}))
        return len(self.stages) - 1


async def driver_of(connection: AsyncConnection) -> asyncpg.Connection:
    """Return the bare connection below."""
    driver: asyncpg.Connection | None = (await connection.get_raw_connection()).driver_connection
    assert driver is not None
    return driver

"""Shapes of rows: the same columns of the same table, written in the same way, by one statement for many rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import IntEnum, auto
from functools import cache
from operator import itemgetter
from typing import Any

import asyncpg
from sqlalchemy import ARRAY, JSON, Column, Table, UniqueConstraint
from sqlalchemy.dialects.postgresql.asyncpg import dialect

_DIALECT = dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy's dialects are not typed
_quoted = _DIALECT.identifier_preparer.quote


_Bound = Sequence[tuple[int, Callable[[Any], Any]]]


class Kind(IntEnum):
    """How rows are written."""

    PUT = auto()
    UPSERT = auto()
    NEWEST = auto()
    CHANGE = auto()


class Shape:
    """How rows of some columns go into a table. Rows are tuples in the order of the columns."""

    def __init__(self, kind: Kind, table: Table, key: tuple[str, ...], values: tuple[str, ...]) -> None:
        """`key`: for a change, the columns by which the row is found; otherwise all columns."""
        self.kind = kind
        self.table = table
        self._columns = [table.columns[name] for name in (*key, *values)]
        names = [column.name for column in self._columns]
        self.key = _getter([names.index(column.name) for column in table.primary_key])
        self.whole_key = _getter(range(len(key))) if kind is Kind.CHANGE else self.key
        self.moves = not _has_another_key(table)
        meets_itself = kind is Kind.CHANGE and set(key) & set(values)  # then the first may keep the second from it
        self.folds = self.moves and not meets_itself
        self._position = names.index("position") if kind is Kind.NEWEST else -1
        self._bound = [(at, _processor(column)) for at, column in enumerate(self._columns) if _is_bound(column)]
        self._documents = [(at, processor) for at, processor in self._bound if isinstance(self._columns[at].type, JSON)]
        self._text = _update(names, self._columns, len(key)) if kind is Kind.CHANGE else _insert(kind, self._columns)

    def folded(self, earlier: tuple[Any, ...], later: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return what is left of two rows with one key that are written one after the other."""
        if self.kind is Kind.PUT:
            return earlier
        if self.kind is Kind.NEWEST and later[self._position] <= earlier[self._position]:
            return earlier
        return later

    async def write(self, driver: asyncpg.Connection, schema: str | None, rows: Sequence[tuple[Any, ...]]) -> None:
        """Write rows with different keys into the table of that name in a schema. Raises what asyncpg raises.

        A change goes row by row: joined with many rows at once, it might be planned without the table's index.
        """
        statement = self._text.replace("{table}", qualified(schema, self.table))
        if self.kind is Kind.CHANGE:
            await driver.executemany(statement, [self._processed(row, self._bound) for row in rows])
            return
        await driver.execute(statement, *self._arrays(rows))

    async def copy(self, driver: asyncpg.Connection, schema: str | None, rows: Sequence[tuple[Any, ...]]) -> None:
        """Write rows that are not there yet, the cheapest way. Raises UniqueViolationError where one is."""
        if self._documents:
            rows = [self._processed(row, self._documents) for row in rows]
        names = [column.name for column in self._columns]
        await driver.copy_records_to_table(self.table.name, schema_name=schema, columns=names, records=rows)

    async def inserted(
        self, driver: asyncpg.Connection, schema: str | None, rows: Sequence[tuple[Any, ...]]
    ) -> set[tuple[Any, ...]]:
        """Write rows, and return the primary keys of those that were not there."""
        key = ", ".join(_quoted(column.name) for column in self.table.primary_key)
        statement = f"{self._text} RETURNING {key}".replace("{table}", qualified(schema, self.table))
        return {tuple(row) for row in await driver.fetch(statement, *self._arrays(rows))}

    def _arrays(self, rows: Sequence[tuple[Any, ...]]) -> list[Sequence[Any]]:
        columns: list[Sequence[Any]] = list(zip(*rows, strict=True))
        for at, processor in self._bound:
            columns[at] = [processor(value) for value in columns[at]]
        return columns

    def _processed(self, row: tuple[Any, ...], bound: _Bound) -> tuple[Any, ...]:
        if not bound:
            return row
        processed = list(row)
        for at, processor in bound:
            processed[at] = processor(processed[at])
        return tuple(processed)


@cache
def shape_of(kind: Kind, table: Table, key: tuple[str, ...], values: tuple[str, ...] = ()) -> Shape:
    """Return the shape; there are as many as the handlers have ways to write."""
    return Shape(kind, table, key, values)


def qualified(schema: str | None, table: Table) -> str:
    """Return the table's name as SQL has it."""
    name: str = _quoted(table.name)
    return name if schema is None else f"{_quoted(schema)}.{name}"


def _insert(kind: Kind, columns: Sequence[Column[Any]]) -> str:
    """Return the statement. Rows that are locked are locked in the order of their keys, whoever else writes them."""
    names = [_quoted(column.name) for column in columns]
    arrays = ", ".join(f"${n}::{_sent_as(column)}[]" for n, column in enumerate(columns, 1))
    values = ", ".join(_read_as(f"r.c{n}", column) for n, column in enumerate(columns, 1))
    parts = ", ".join(f"c{n}" for n in range(1, len(columns) + 1))
    rows = f"SELECT {values} FROM unnest({arrays}) AS r ({parts})"  # noqa: S608  made of quoted names
    statement = f"INSERT INTO {{table}} AS t ({', '.join(names)}) {rows}"
    changed = [name for name, column in zip(names, columns, strict=True) if not column.primary_key]
    if kind is Kind.PUT or not changed:
        return f"{statement} ON CONFLICT DO NOTHING"
    in_order = ", ".join(f"r.c{n}" for n, column in enumerate(columns, 1) if column.primary_key)
    key = ", ".join(_quoted(column.name) for column in columns[0].table.primary_key)
    setting = ", ".join(f"{name} = excluded.{name}" for name in changed)
    newest = " WHERE t.position < excluded.position" if kind is Kind.NEWEST else ""
    return f"{statement} ORDER BY {in_order} ON CONFLICT ({key}) DO UPDATE SET {setting}{newest}"


def _update(names: Sequence[str], columns: Sequence[Column[Any]], keys: int) -> str:
    values = [_read_as(f"${n}::{_sent_as(column)}", column) for n, column in enumerate(columns, 1)]
    pairs = [f"{_quoted(name)} = {value}" for name, value in zip(names, values, strict=True)]
    return f"UPDATE {{table}} SET {', '.join(pairs[keys:])} WHERE {' AND '.join(pairs[:keys])}"  # noqa: S608  as above


def _has_another_key(table: Table) -> bool:
    """Return whether anything but its primary key keeps a row from the table."""
    constrained = any(isinstance(constraint, UniqueConstraint) for constraint in table.constraints)
    return constrained or any(index.unique for index in table.indexes)


def _getter(places: Sequence[int]) -> Callable[[tuple[Any, ...]], Any]:
    return itemgetter(*places)


def _is_bound(column: Column[Any]) -> bool:
    return isinstance(column.type, JSON | ARRAY)


def _processor(column: Column[Any]) -> Callable[[Any], Any]:
    """Return what makes a value of the text that is sent: of documents, and of lists, which go as documents."""
    sent = JSON(none_as_null=True) if isinstance(column.type, ARRAY) else column.type
    processor = sent.dialect_impl(_DIALECT).bind_processor(_DIALECT)
    assert processor is not None
    return processor


def _sent_as(column: Column[Any]) -> str:
    return "text" if _is_bound(column) else str(column.type.compile(_DIALECT))


def _read_as(value: str, column: Column[Any]) -> str:
    if isinstance(column.type, ARRAY):
        of = column.type.item_type.compile(_DIALECT)
        there = f"ARRAY(SELECT e::{of} FROM jsonb_array_elements_text({value}::jsonb) AS e)"  # noqa: S608  ours
        return f"CASE WHEN {value} IS NOT NULL THEN {there} END"
    return f"{value}::jsonb" if isinstance(column.type, JSON) else value

"""The rows that an audit looks at: from the tables of the log, in one snapshot, or from an exported file.

An exported file has one JSON object a line for each row, in the order of the positions, with the members `position`,
`stream`, `version`, `id`, `type`, `recorded` (RFC 3339 in UTC with microseconds) and `data`, the text as it is stored.
The file may be compressed with gzip, as those of detached partitions are.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Protocol
from uuid import UUID

import asyncpg

from kompetenspass.core.clock import rfc3339
from kompetenspass.log.api import Recorded
from kompetenspass.log.partitions import named

PAGE = 1000
_ROWS = "SELECT position, stream, version, id, type, recorded, data FROM log WHERE position > $1 ORDER BY position"
_BEFORE_BASE = "SELECT min(position) FROM log WHERE position <= (SELECT base FROM log_head)"
_UNKNOWN_IDS = """
SELECT min(position) FROM (
    SELECT k.position FROM log_id k LEFT JOIN log l ON l.position = k.position AND l.id = k.id
    WHERE l.position IS NULL AND k.position > (SELECT base FROM log_head)
    UNION ALL
    SELECT position FROM log_id WHERE position <= (SELECT base FROM log_head)
    GROUP BY position HAVING count(*) > 1 OR position < 1
) unknown
"""


class Rows(Protocol):
    """Where rows come from."""

    def pages(self, after: int) -> AsyncIterator[Sequence[Recorded]]:
        """Yield the rows after a position, some at a time, in order."""


class LogTables:
    """The tables of one owner's log, as they are in one transaction."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def epoch(self) -> UUID:
        """Return the log's epoch."""
        found: UUID = await self._connection.fetchval("SELECT epoch FROM log_head")
        return found

    async def base(self) -> int:
        """Return the last position of the partitions that were detached, 0 where none was."""
        found: int = await self._connection.fetchval("SELECT base FROM log_head")
        return found

    async def position_of(self, event_id: UUID) -> int | None:
        """Return where an event stands, None for an id that the log does not know."""
        found: int | None = await self._connection.fetchval("SELECT position FROM log_id WHERE id = $1", event_id)
        return found

    async def pages(self, after: int) -> AsyncIterator[Sequence[Recorded]]:
        """Yield the rows after a position, some at a time, in order."""
        cursor = await self._connection.cursor(_ROWS, after)
        while rows := await cursor.fetch(PAGE):
            yield [*map(Recorded._make, rows)]

    async def known(self, ids: Sequence[UUID]) -> Mapping[UUID, tuple[int, bytes]]:
        """Return position and SHA-256 of the data of those events whose ids the table `log_id` has."""
        rows = await self._connection.fetch("SELECT id, position, sha256 FROM log_id WHERE id = ANY($1)", ids)
        return {row["id"]: (row["position"], row["sha256"]) for row in rows}

    async def first_before_base(self) -> int | None:
        """Return the first position of a row where the tables should have none, None if there is none such."""
        found: int | None = await self._connection.fetchval(_BEFORE_BASE)
        return found

    async def first_without_row(self, known: int) -> int | None:
        """Return the first position that `log_id` has beyond the `known` events of the log, None if there is none."""
        if await self._connection.fetchval("SELECT count(*) FROM log_id") == known:
            return None
        found: int | None = await self._connection.fetchval(_UNKNOWN_IDS)
        return found

    async def streams(self) -> AsyncIterator[tuple[str, int]]:
        """Yield each stream and its version as the table `log_stream` has them."""
        async for row in self._connection.cursor("SELECT stream, version FROM log_stream", prefetch=PAGE):
            yield row["stream"], row["version"]


@asynccontextmanager
async def tables_of(dsn: str, owner: str) -> AsyncIterator[LogTables]:
    """Return the tables of an owner's log for a role that may read them. Raises what asyncpg raises; ValueError."""
    settings = {"search_path": f"{named(owner)}_log", "application_name": f"{owner} audit"}
    connection = await asyncpg.connect(dsn, server_settings=settings, timeout=10)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            yield LogTables(connection)
    finally:
        await connection.close()


class ExportedFile:
    """The rows of an exported file, which may be a part of a log."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def pages(self, after: int) -> AsyncIterator[Sequence[Recorded]]:
        """Yield the rows of the file, some at a time, as they stand there. Raises ValueError for a broken line."""
        page: list[Recorded] = []
        for row in self._rows():
            page.append(row)
            if len(page) == PAGE:
                yield page
                page = []
        if page:
            yield page

    def _rows(self) -> Iterator[Recorded]:
        opened = gzip.open if self._path.suffix == ".gz" else open
        with opened(self._path, "rt", encoding="utf-8") as lines:
            yield from map(row_of, lines)


async def export(rows: Rows, path: Path) -> int:
    """Write all rows to a new file and return their number. Raises FileExistsError."""
    count = 0
    with path.open("x", encoding="utf-8") as file:
        async for page in rows.pages(0):
            file.writelines(map(line_of, page))
            count += len(page)
    return count


def line_of(row: Recorded) -> str:
    """Return a row's line in an exported file."""
    members = {**row._asdict(), "id": str(row.id), "recorded": rfc3339(row.recorded)}
    return json.dumps(members, ensure_ascii=False, separators=(",", ":")) + "\n"


def row_of(line: str) -> Recorded:
    """Return the row of a line. Raises ValueError, which does not show it, for anything else."""
    try:
        found = json.loads(line)
        row = Recorded(
            int(found["position"]), str(found["stream"]), int(found["version"]), UUID(found["id"]),
            str(found["type"]), datetime.fromisoformat(found["recorded"]), str(found["data"]),
        )  # fmt: skip
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError("a line of the file is not a row of a log") from error
    if row.recorded.tzinfo is None:
        raise ValueError("a line of the file is not a row of a log")
    return row

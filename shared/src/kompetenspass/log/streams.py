"""Streams of a log in PostgreSQL: read together for all who ask at the same moment, and held to be whole."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from kompetenspass.log.api import NoLongerKept, Recorded, check_text
from kompetenspass.log.appender import unavailable
from kompetenspass.log.detached.folder import Detached
from kompetenspass.log.gathering import Gathering
from kompetenspass.log.outages import GONE, SHORT_SECONDS, twice
from kompetenspass.log.snapshots import Snapshot, Standing

_READ_STREAMS = "SELECT * FROM read_streams($1, $2, $3)"
_BOUNDS = "SELECT first, last FROM log_stream WHERE stream = $1"

Asked = tuple[str, int, str | None]
"""A stream, after which version, and the kind of snapshot that may stand for its beginning."""


class Streams:
    """Reads streams over a pool that `acquire` gives connections of, and what was detached from the files at hand."""

    def __init__(self, acquire: Callable[[], Any], detached: Detached | None) -> None:
        self._acquire = acquire
        self._detached = detached
        self._gathering = Gathering(self._together)

    async def read(self, stream: str, after: int, kind: str | None = None) -> Standing:
        """Return what there is of a stream after a version. Raises Problem `log_unavailable`, `event_refused`,
        `log_no_longer_kept`."""
        check_text(stream)  # another's would be refused with it
        found = await self._gathering.ask((stream, after, kind))
        start = found.snapshot.version if found.snapshot else after
        if len(found.rows) >= found.version - start:
            return found
        rows = await self._with_detached(stream, start, found.rows)
        if [row.version for row in rows] != list(range(start + 1, found.version + 1)):
            raise NoLongerKept
        return found._replace(rows=rows, from_files=True)

    async def _with_detached(self, stream: str, start: int, rows: Sequence[Recorded]) -> Sequence[Recorded]:
        if self._detached is None:
            raise NoLongerKept
        first, last = (await self._fetched(_BOUNDS, stream))[0]
        before = rows[0].position - 1 if rows else last
        old = await asyncio.to_thread(self._detached.of_stream, stream, first, before)
        return [*(row for row in old if row.version > start), *rows]

    async def _together(self, asked: Sequence[Asked]) -> Sequence[Standing]:
        """Return what was asked of each stream, in one statement for all who ask at the same moment."""
        streams, afters, kinds = zip(*asked, strict=True)
        found = [Standing() for _ in asked]
        rows: list[list[Recorded]] = [[] for _ in asked]
        for number, version, *row in await self._fetched(_READ_STREAMS, streams, afters, kinds):
            position, _, at, *_, state = row
            standing = found[number - 1]
            if position is not None:
                rows[number - 1].append(Recorded._make(row))
            snapshot = Snapshot(at, state) if position is None and state is not None else standing.snapshot
            found[number - 1] = Standing(version, snapshot)
        return [each._replace(rows=its) for each, its in zip(found, rows, strict=True)]

    async def _fetched(self, query: str, *arguments: object) -> Sequence[Any]:
        return await twice(lambda: self._fetched_once(query, arguments), unavailable)

    async def _fetched_once(self, query: str, arguments: Sequence[object]) -> Sequence[Any]:
        async with self._acquire() as connection:
            try:
                rows: Sequence[Any] = await connection.fetch(query, *arguments, timeout=SHORT_SECONDS)
            except GONE:
                connection.terminate()
                raise
            return rows

"""An events table without order, versions to expect or ids to know: what the same server can store and give out.

`python -m bench.floors.eventlog DSN` follows that table until it is ended, as somebody follows our log.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence

import asyncpg
import uvloop

from kompetenspass.events.envelope import Draft

TABLE = """
CREATE TABLE events (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    stream uuid NOT NULL,
    version integer NOT NULL,
    type text NOT NULL,
    data text NOT NULL,
    meta text NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (stream, version)
)
"""
_INSERT = """
INSERT INTO events (stream, version, type, data, meta)
SELECT * FROM unnest($1::uuid[], $2::integer[], $3::text[], $4::text[], $5::text[])
"""
_READ = (
    "SELECT position, stream, version, id, type, recorded, data FROM log WHERE position > $1 ORDER BY position LIMIT $2"
)
_FOLLOW = "SELECT position, stream, version, type, at, data FROM events WHERE position > $1 ORDER BY position LIMIT $2"
_FOLLOWED, _MOMENT_SECONDS = 500, 0.005


class GroupCommit:
    """One writer: what callers handed in while the last commit was under way goes as one statement."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection
        self._queue: list[tuple[Draft, asyncio.Future[None]]] = []
        self._arrived = asyncio.Event()

    async def append(self, draft: Draft) -> None:
        """Return once the event is durable."""
        stored = asyncio.get_running_loop().create_future()
        self._queue.append((draft, stored))
        self._arrived.set()
        await stored

    async def run(self) -> None:
        """Write until cancelled."""
        insert = await self._connection.prepare(_INSERT)
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            await asyncio.sleep(0)
            batch, self._queue = self._queue, []
            drafts = [draft for draft, _ in batch]
            await insert.fetch(*_columns(drafts))
            for _, stored in batch:
                stored.set_result(None)


async def copied(connection: asyncpg.Connection, drafts: Sequence[Draft], page: int) -> None:
    """Store the events by COPY, a page in each transaction."""
    names = ["stream", "version", "type", "data", "meta"]
    for first in range(0, len(drafts), page):
        records = [(each.id, 1, each.type, each.data, "{}") for each in drafts[first : first + page]]
        await connection.copy_records_to_table("events", records=records, columns=names)


async def fetched(connection: asyncpg.Connection, after: int, until: int, page: int) -> None:
    """Fetch the rows of a log between two positions, and look at none of them."""
    while after < until:
        rows = await connection.fetch(_READ, after, page)
        after = rows[-1]["position"]


async def follow(dsn: str) -> None:
    """Read what is new, page by page, and ask again after a moment where there was nothing."""
    connection, after = await asyncpg.connect(dsn), 0
    print("following", flush=True)
    while True:
        rows = await connection.fetch(_FOLLOW, after, _FOLLOWED)
        after = rows[-1]["position"] if rows else after
        if len(rows) < _FOLLOWED:
            await asyncio.sleep(_MOMENT_SECONDS)


def _columns(drafts: Sequence[Draft]) -> tuple[list[object], ...]:
    return (
        [draft.id for draft in drafts],
        [1 for _ in drafts],
        [draft.type for draft in drafts],
        [draft.data for draft in drafts],
        ["{}" for _ in drafts],
    )


if __name__ == "__main__":
    uvloop.run(follow(sys.argv[1]))

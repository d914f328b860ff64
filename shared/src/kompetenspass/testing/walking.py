"""A projection that notices every event that is missing, comes twice or out of its stream's order, and logs in parts.

`python -m kompetenspass.testing.walking DSN FEED PARTS` follows the wallet's log with it until it is ended.
"""

from __future__ import annotations

import asyncio
import sys

from sqlalchemy import Column, Integer, MetaData, Table, Text, case, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from kompetenspass.core.clock import Clock, system_clock
from kompetenspass.core.errors import Kind, Problem
from kompetenspass.events.wallet import CredentialReceived
from kompetenspass.log.api import Cursor, Page, Part, Recorded, Transport
from kompetenspass.log.memory import MemoryLog
from kompetenspass.log.postgres import PostgresFeed
from kompetenspass.log.project import Projection
from kompetenspass.log.readers import Readers
from kompetenspass.log.writing import Writing
from kompetenspass.web.migrate import engine_of

_WALKS = MetaData()
WALKED = Table(
    "walked",
    _WALKS,
    Column("stream", Text, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("broken", Integer, nullable=False),
)
"""Of each stream the version of the event that was applied last, and how often it was not the next one."""


class MemoryInParts(MemoryLog):
    """A log in memory that new readers follow in some number of parts."""

    def __init__(self, owner: str, clock: Clock, of: int) -> None:
        super().__init__(owner, clock)
        self._of = of

    async def parts(self) -> int:
        """Return in how many."""
        return self._of


class OverKafka(MemoryLog):
    """The same log in memory, as it comes by another transport, in as many parts as its topic has partitions."""

    transport: Transport = "kafka"

    def __init__(self, log: MemoryLog, partitions: int) -> None:
        super().__init__(log.owner, log._clock)
        self._partitions = partitions
        self._epoch, self._log, self._bell = log._epoch, log._log, log._bell

    async def parts(self) -> int:
        """Return the number of partitions."""
        return self._partitions


class KafkaAway(OverKafka):
    """The same, when nothing of it can be read."""

    async def page(self, part: Part, cursor: Cursor, limit: int) -> Page:
        """Raise Problem `log_unavailable`."""
        raise _away()

    async def head(self) -> int:
        """Raise Problem `log_unavailable`."""
        raise _away()

    async def parts(self) -> int:
        """Raise Problem `log_unavailable`."""
        raise _away()


def _away() -> Problem:
    return Problem("log_unavailable", "Kafka does not answer.", kind=Kind.UNAVAILABLE)


class PostgresInParts(PostgresFeed):
    """A log in PostgreSQL that new readers follow in some number of parts."""

    def __init__(self, owner: str, dsn: str, of: int) -> None:
        super().__init__(owner, dsn)
        self._of = of

    async def parts(self) -> int:
        """Return in how many."""
        return self._of


async def walk(writing: Writing, recorded: Recorded) -> None:
    """Note the event's version, and whether it follows the one before."""
    row = {"stream": recorded.stream, "version": recorded.version, "broken": int(recorded.version != 1)}
    is_next = WALKED.c.version + 1 == recorded.version
    then = {"version": recorded.version, "broken": WALKED.c.broken + case((is_next, 0), else_=1)}
    await writing.execute(insert(WALKED).values(row).on_conflict_do_update(index_elements=["stream"], set_=then))


def walking(*logs: str) -> Projection:
    """Return the projection, of these logs; the wallet's if none is named."""
    return Projection("walking", 1, logs or ("wallet",), _WALKS, {CredentialReceived: walk})


async def walked(engine: AsyncEngine) -> dict[str, tuple[int, int]]:
    """Return of each stream the last version that was applied, and how often one was missing, late or came twice."""
    async with engine.connect() as connection:
        rows = await connection.execute(select(WALKED))
        return {row.stream: (row.version, row.broken) for row in rows}


async def follow(dsn: str, feed_dsn: str, of: int) -> None:
    """Follow the wallet's log until cancelled."""
    engine, feed = engine_of(dsn, "wallet"), PostgresInParts("wallet", feed_dsn, of)
    readers = Readers("wallet", engine, {"wallet": feed}, system_clock)
    readers.project(walking())
    await readers.start()
    try:
        await asyncio.Event().wait()
    finally:
        await readers.stop()
        await feed.stop()
        await engine.dispose()


if __name__ == "__main__":
    asyncio.run(follow(sys.argv[1], sys.argv[2], int(sys.argv[3])))

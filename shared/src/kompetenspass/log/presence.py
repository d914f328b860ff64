"""Which processes are alive, as the database that they share sees it: no table, nothing written.

Each process holds one connection with an advisory lock of two keys: the class of what it follows, and a number of its
own. One that is killed loses it with the connection, at once. One that is frozen or cut off keeps it, but asks nothing
any more: whose last question is older than a few seconds is not counted. The question about the others is the sign of
life.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256

import asyncpg
import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from kompetenspass.core.ids import random_bytes
from kompetenspass.log.appender import LOST
from kompetenspass.log.bare import taken_out
from kompetenspass.log.waking import Bell

BEAT_SECONDS = 1.0
SILENT_SECONDS = 5.0
"""A process that has asked nothing for so long is taken for dead; if it is not, fences keep it from doing harm."""

_ANSWER_SECONDS = 5.0
_UNANSWERED = 3
"""So many questions in a row without an answer, and the connection is taken for lost: nobody knows that it stands."""
_GONE = (SQLAlchemyError, asyncpg.PostgresError, *LOST)
ALIVE = f"""
SELECT l.classid::bigint AS class, l.objid::bigint AS id FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
WHERE l.locktype = 'advisory' AND l.objsubid = 2 AND l.granted
AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
AND coalesce(a.query_start > clock_timestamp() - interval '{SILENT_SECONDS} seconds', true)
"""  # noqa: S608  a number of ours
"""The class and the number of each process that is alive; those of other roles, whose questions cannot be seen, too."""

logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Beat:
    """Who is alive: this process's own number, those of its class (itself among them, in order), and all of them."""

    me: int
    peers: tuple[int, ...]
    alive: frozenset[int]


class Presence:
    """One process's sign of life. `last`: what it heard last, None while it is not there; `heard` rings at each beat.

    With each connection it has another number, so that nobody takes a lock that is gone for one that is there. A
    database that is slow to answer costs it neither: `last` stays what it was.
    """

    def __init__(self, engine: AsyncEngine, follows: Callable[[], str]) -> None:
        self.last: Beat | None = None
        self.heard = Bell()
        self._engine = engine
        self._follows = follows
        self._turn = asyncio.Lock()
        self._connection: asyncpg.Connection | None = None
        self._class, self._me, self._unanswered = 0, 0, 0

    async def run(self) -> None:
        """Beat until cancelled; while the database is away this process is not there, and nobody is known to be."""
        while True:
            try:
                await self.beat()
            except _GONE as error:
                logger.warning("presence_waits", error=type(error).__name__)
            self.heard.ring()
            await asyncio.sleep(BEAT_SECONDS)

    async def here(self) -> Beat:
        """Return what was heard last; the first time, ask. Raises as `beat` does."""
        return self.last or await self.beat()

    async def beat(self) -> Beat:
        """Give a sign of life and return who else does. Raises what the driver raises when the database is away."""
        async with self._turn:
            try:
                if self._connection is None or self._connection.is_closed():
                    await self._enter()
                assert self._connection is not None
                rows = await self._asked(self._connection)
            except BaseException as error:
                if isinstance(error, TimeoutError) and 0 < self._unanswered < _UNANSWERED:
                    raise
                self._drop()
                raise
            alive = {(row["class"], row["id"]) for row in rows}
            peers = sorted(id_ for class_, id_ in alive if class_ == self._class)
            self.last = Beat(self._me, tuple(peers), frozenset(id_ for _, id_ in alive))
            return self.last

    async def leave(self) -> None:
        """Be gone, for the others at once; a later beat begins anew."""
        async with self._turn:
            if self._connection is not None:
                with suppress(asyncpg.PostgresError, *LOST):
                    await self._connection.execute("SELECT pg_advisory_unlock_all()", timeout=_ANSWER_SECONDS)
            self._drop()

    async def _enter(self) -> None:
        """Take a connection of its own, and the lock under a number that nobody has."""
        self._drop()
        self._connection = connection = await taken_out(self._engine)
        self._class, taken = class_of(self._follows()), False
        while not taken:
            self._me = 1 + int.from_bytes(random_bytes(4)) % (2**31 - 1)
            keys = (_signed(self._class), self._me)
            taken = await connection.fetchval("SELECT pg_try_advisory_lock($1, $2)", *keys, timeout=_ANSWER_SECONDS)

    async def _asked(self, connection: asyncpg.Connection) -> list[asyncpg.Record]:
        """Return who is alive. Raises TimeoutError, and counts it, where the answer takes too long."""
        self._unanswered += 1
        async with asyncio.timeout(2 * _ANSWER_SECONDS):  # what was given up last may still be on its way
            rows: list[asyncpg.Record] = await connection.fetch(ALIVE, timeout=_ANSWER_SECONDS)
        self._unanswered = 0
        return rows

    def _drop(self) -> None:
        connection, self._connection, self.last, self._unanswered = self._connection, None, None, 0
        if connection is not None:
            connection.terminate()


def class_of(follows: str) -> int:
    """Return the class of all processes that follow the same, as PostgreSQL shows it: 32 bits without a sign."""
    return int.from_bytes(sha256(follows.encode()).digest()[:4])


def _signed(number: int) -> int:
    return number - 2**32 if number >= 2**31 else number

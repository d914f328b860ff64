"""Statements: the hot statements of a service, each a transaction of its own, over a few bare connections.

On a hot path SQLAlchemy costs many times what its statement does, so these few are SQL text; all others go through the
engine. Callers who are there at the same moment share one statement, its round trip and its commit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import asyncpg

from kompetenspass.core.errors import Problem
from kompetenspass.log.appender import LOST
from kompetenspass.log.gathering import Gathering
from kompetenspass.log.outages import GIVEN_UP, GONE, PATIENCE, SHORT_SECONDS, database_unavailable, outcome_unknown

_CONNECTIONS = 4
_SETTINGS = {
    "timezone": "UTC",
    "enable_seqscan": "off",  # rows are looked up by their keys: what was planned while a table was small holds later
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    **PATIENCE,
}
_REFUSED = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.ProgramLimitExceededError,
    asyncpg.DeadlockDetectedError,  # another process has the same rows in another order
)


class Statements:
    """Connects when it is first used, and again when a connection was lost.

    What is not answered soon is given up, so that nobody waits long behind another's row.
    """

    def __init__(self, dsn: str, schema: str) -> None:
        self._dsn = dsn
        self._settings = {"search_path": schema, "application_name": f"{schema} statements", **_SETTINGS}
        self._free = asyncio.Semaphore(_CONNECTIONS)
        self._idle: list[asyncpg.Connection] = []
        self._open: set[asyncpg.Connection] = set()
        self._closed = False

    async def fetch(self, statement: str, *arguments: object) -> Sequence[Any]:
        """Return the rows of one statement.

        Raises what asyncpg raises where the database refuses it; Problem `database_unavailable`, `outcome_unknown`.
        """
        async with self._free:
            connection = await self._connected()
            try:
                rows: Sequence[Any] = await connection.fetch(statement, *arguments, timeout=SHORT_SECONDS)
                return rows
            except GIVEN_UP as error:
                raise database_unavailable(type(error).__name__) from error
            except GONE as error:
                connection.terminate()
                lost = database_unavailable if _only_reads(statement) else outcome_unknown
                raise lost(type(error).__name__) from error
            finally:
                self._idle.append(connection)

    def shared(self, statement: str) -> Shared:
        """Return a statement that is run once for all who ask at the same moment. See Shared."""
        return Shared(self, statement)

    async def close(self) -> None:
        """Disconnect for good, also what is under way for somebody who does not wait for it any more."""
        self._closed = True
        for connection in self._open:
            connection.terminate()
        self._idle.clear()
        self._open.clear()

    async def _connected(self) -> asyncpg.Connection:
        if self._closed:
            raise database_unavailable("closed")
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection
            self._open.discard(connection)
        try:
            connection = await asyncpg.connect(self._dsn, server_settings=self._settings, timeout=SHORT_SECONDS)
        except (*LOST, asyncpg.PostgresError) as error:
            raise database_unavailable(type(error).__name__) from error
        if self._closed:
            connection.terminate()
            raise database_unavailable("closed")
        self._open.add(connection)
        return connection


class Shared:
    """A statement over rows of arguments: `unnest($1::…[], $2::…[]) WITH ORDINALITY`, and the ordinality comes first
    in what it returns: it says whose row it is.

    A row that the database refuses refuses the whole statement; then its halves are run, until that caller's is alone.
    """

    def __init__(self, statements: Statements, statement: str) -> None:
        self._statements = statements
        self._statement = statement
        self._asked: Gathering[Sequence[Sequence[object]], Sequence[Any] | Exception] = Gathering(self._answered)

    async def rows(self, *arguments: object) -> Sequence[Any]:
        """Return the rows that one row of arguments leads to."""
        return await self.rows_of((arguments,))

    async def rows_of(self, arguments: Sequence[Sequence[object]]) -> Sequence[Any]:
        """Return the rows that several rows of arguments lead to: all of them in one statement, or none.

        Raises what Statements.fetch raises.
        """
        answer = await self._asked.ask(arguments)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def _answered(self, asked: Sequence[Sequence[Sequence[object]]]) -> Sequence[Sequence[Any] | Exception]:
        """Return each caller's rows, or its failure: what the others have got is theirs."""
        try:
            return await self._together(asked)
        except _REFUSED as error:
            if len(asked) == 1:
                return [error]
        except (Problem, asyncpg.PostgresError) as error:
            return [error for _ in asked]
        half = len(asked) // 2
        return [*await self._answered(asked[:half]), *await self._answered(asked[half:])]

    async def _together(self, asked: Sequence[Sequence[Sequence[object]]]) -> Sequence[Sequence[Any]]:
        whose = [number for number, rows in enumerate(asked) for _ in rows]
        columns = zip(*(row for rows in asked for row in rows), strict=True)
        answers: list[list[Any]] = [[] for _ in asked]
        for found in await self._statements.fetch(self._statement, *map(list, columns)):
            answers[whose[found[0] - 1]].append(found)
        return answers


def _only_reads(statement: str) -> bool:
    return statement.lstrip()[:6].lower() == "select"

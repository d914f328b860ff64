"""Statements: the hot statements of a service, each a transaction of its own, over a few bare connections.

On a hot path SQLAlchemy costs many times what its statement does, so these few are SQL text; all others go through the
engine. Callers who are there at the same moment share one statement, its round trip and its commit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import asyncpg

from kompetenspass.log.gathering import Gathering

_CONNECTIONS = 4
_SETTINGS = {
    "timezone": "UTC",
    "enable_seqscan": "off",  # rows are looked up by their keys: what was planned while a table was small holds later
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
}
_REFUSED = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.ProgramLimitExceededError,
    asyncpg.DeadlockDetectedError,  # another process has the same rows in another order
)


class Statements:
    """Connects when it is first used, and again when a connection was lost."""

    def __init__(self, dsn: str, schema: str) -> None:
        self._dsn = dsn
        self._settings = {"search_path": schema, "application_name": f"{schema} statements", **_SETTINGS}
        self._free = asyncio.Semaphore(_CONNECTIONS)
        self._idle: list[asyncpg.Connection] = []
        self._open: set[asyncpg.Connection] = set()

    async def fetch(self, statement: str, *arguments: object) -> Sequence[Any]:
        """Return the rows of one statement. Raises what asyncpg raises."""
        async with self._free:
            connection = await self._connected()
            try:
                rows: Sequence[Any] = await connection.fetch(statement, *arguments)
                return rows
            finally:
                self._idle.append(connection)

    def shared(self, statement: str) -> Shared:
        """Return a statement that is run once for all who ask at the same moment. See Shared."""
        return Shared(self, statement)

    async def close(self) -> None:
        """Disconnect, also what is under way for somebody who does not wait for it any more."""
        for connection in self._open:
            connection.terminate()
        self._idle.clear()
        self._open.clear()

    async def _connected(self) -> asyncpg.Connection:
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection
            self._open.discard(connection)
        connection = await asyncpg.connect(self._dsn, server_settings=self._settings)
        self._open.add(connection)
        return connection


class Shared:
    """A statement over rows of arguments: `unnest($1::…[], $2::…[]) WITH ORDINALITY`, and the ordinality comes first
    in what it returns: it says whose row it is.

    A row that the database refuses refuses the whole statement; then each caller's is run alone.
    """

    def __init__(self, statements: Statements, statement: str) -> None:
        self._statements = statements
        self._statement = statement
        self._asked: Gathering[Sequence[Sequence[object]], Sequence[Any] | asyncpg.PostgresError] = Gathering(
            self._answered
        )

    async def rows(self, *arguments: object) -> Sequence[Any]:
        """Return the rows that one row of arguments leads to."""
        return await self.rows_of((arguments,))

    async def rows_of(self, arguments: Sequence[Sequence[object]]) -> Sequence[Any]:
        """Return the rows that several rows of arguments lead to: all of them in one statement, or none.

        Raises what asyncpg raises.
        """
        answer = await self._asked.ask(arguments)
        if isinstance(answer, asyncpg.PostgresError):
            raise answer
        return answer

    async def _answered(
        self, asked: Sequence[Sequence[Sequence[object]]]
    ) -> Sequence[Sequence[Any] | asyncpg.PostgresError]:
        try:
            return await self._together(asked)
        except _REFUSED as error:
            return [error] if len(asked) == 1 else [(await self._answered([one]))[0] for one in asked]

    async def _together(self, asked: Sequence[Sequence[Sequence[object]]]) -> Sequence[Sequence[Any]]:
        whose = [number for number, rows in enumerate(asked) for _ in rows]
        columns = zip(*(row for rows in asked for row in rows), strict=True)
        answers: list[list[Any]] = [[] for _ in asked]
        for found in await self._statements.fetch(self._statement, *map(list, columns)):
            answers[whose[found[0] - 1]].append(found)
        return answers

"""Group commit: one task per process sends whatever its callers handed in while the last commit was under way."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from operator import itemgetter
from typing import Any

import asyncpg
import structlog

from kompetenspass.core.errors import Kind, Problem
from kompetenspass.log.api import AlreadyStored, Answer, Append, Conflict, IdReused, Stored, checked, event_refused

APPEND = "SELECT * FROM append($1, $2, $3, $4, $5, $6, $7)"
BATCH_EVENTS = 128
"""Enough to spread a round trip and a flush over many events, and few enough that, with many callers, some are left for
the next batch: while the server works at that one, this process hands out answers and takes in what comes next."""
LOST = (OSError, asyncpg.InterfaceError, asyncpg.InternalClientError, asyncpg.PostgresConnectionError)
"""What a lost or refused connection raises: nothing is known about the statement that was under way.

The driver takes one that ends between two statements for an error of its own: InternalClientError."""

_BAD_DATA = {"22", "23", "54"}  # not a value, against a constraint, larger than an index can hold
_ROLLED_BACK = {"40", "53", "55"}  # the server says so: nothing was stored, the same again may succeed
_GOING_DOWN = {"08", "57", "58"}  # the server is going: like a lost connection

_request_number = itemgetter("request")

logger = structlog.get_logger(__name__)


@dataclass
class Waiting:
    """A caller's request, since when it waits, and where its answer goes."""

    request: Append
    since: float
    answer: asyncio.Future[Answer]

    def answered(self, answer: Answer) -> None:
        """Give the caller its answer, if it still waits."""
        if not self.answer.done():
            self.answer.set_result(answer)

    def failed(self, problem: Exception) -> None:
        """Give the caller its refusal, if it still waits."""
        if not self.answer.done():
            self.answer.set_exception(problem)


class Appender:
    """Takes requests from any number of callers and commits them in batches, one batch at a time, in order."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[Any]],
        *,
        committed: Callable[[], None],
        deadline_seconds: float = 10,
        queue_limit: int = 10_000,
    ) -> None:
        self._connect = connect
        self._committed = committed
        self._deadline_seconds = deadline_seconds
        self._queue_limit = queue_limit
        self._queue: deque[Waiting] = deque()
        self._arrived = asyncio.Event()
        self._connection: Any = None
        self._task: asyncio.Task[None] | None = None
        self._stopping = False
        self._cause = ""
        self.refusing = False
        """Whether the last batch was refused after its deadline; the next one that is stored ends that."""

    @property
    def healthy(self) -> bool:
        """Whether appends are taken: started, not dead, not stopping."""
        return self._task is not None and not self._task.done() and not self._stopping

    def start(self) -> None:
        """Begin to take requests."""
        self._stopping = False
        self._task = asyncio.create_task(self._run(), name="appender")

    async def stop(self) -> None:
        """Take no more requests, commit those that were handed in, disconnect."""
        self._stopping = True
        self._arrived.set()
        if self._task is not None:
            await asyncio.wait([self._task])
        await self._disconnect()

    async def append(self, request: Append) -> Answer:
        """Return the answer once it is durable. Raises Problem `event_refused`, `log_unavailable`, `outcome_unknown`.

        A caller that is cancelled before its request was taken leaves nothing; afterwards the request is committed.
        """
        if not self.healthy or len(self._queue) >= self._queue_limit:
            raise unavailable("not running" if not self.healthy else "the queue is full")
        loop = asyncio.get_running_loop()
        waiting = Waiting(checked(request), loop.time(), loop.create_future())
        self._queue.append(waiting)
        self._arrived.set()
        return await waiting.answer

    async def _run(self) -> None:
        batch: list[Waiting] = []
        try:
            while self._queue or not self._stopping:
                if not self._queue:
                    await self._arrived.wait()
                    await asyncio.sleep(0)  # whoever is ready to hand something in goes along
                batch = self._taken()
                if batch:
                    await self._commit(batch)
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            logger.critical("appender_died", error=type(error).__name__)
            raise
        finally:
            self._stopping = True
            asyncio.get_running_loop().call_soon(self._give_up, batch)  # after the answers that are on their way

    def _give_up(self, batch: Sequence[Waiting]) -> None:
        for waiting in batch:
            waiting.failed(unknown())
        for waiting in self._queue:
            waiting.failed(unavailable("the appender died"))

    def _taken(self) -> list[Waiting]:
        """Return the next batch: without those who gave up, and refusing those who waited past the deadline."""
        oldest = asyncio.get_running_loop().time() - self._deadline_seconds
        batch: list[Waiting] = []
        events = 0
        while self._queue and events < BATCH_EVENTS:
            waiting = self._queue.popleft()
            if waiting.answer.done():
                continue
            if waiting.since < oldest:
                waiting.failed(unavailable("waited past the deadline"))
                continue
            batch.append(waiting)
            events += len(waiting.request.drafts)
        if not self._queue and not self._stopping:
            self._arrived.clear()
        return batch

    async def _commit(self, batch: Sequence[Waiting]) -> None:
        try:
            answers = await self._sent([waiting.request for waiting in batch])
        except Problem as problem:
            self._refuse(batch, problem)
            return
        except asyncpg.PostgresError as error:
            if str(error.sqlstate)[:2] not in _BAD_DATA:
                raise
            await self._commit_alone(batch, error)
            return
        self._goes_on()
        self._committed()
        # not at once: what waits already goes to the server first, which works at it while callers take their answers
        asyncio.get_running_loop().call_soon(_answer_all, batch, answers)

    def _refuse(self, batch: Sequence[Waiting], problem: Problem) -> None:
        for waiting in batch:
            waiting.failed(problem)
        if not self.refusing:
            self.refusing = True
            logger.critical("appends_refused", alarm=True, code=problem.code, cause=self._cause)

    def _goes_on(self) -> None:
        if self.refusing:
            self.refusing = False
            logger.warning("appends_taken_again")

    async def _commit_alone(self, batch: Sequence[Waiting], error: asyncpg.PostgresError) -> None:
        """Send the requests of a refused batch one by one, so that the bad one fails alone."""
        if len(batch) == 1:
            batch[0].failed(event_refused(f"SQLSTATE {error.sqlstate}"))
            return
        for waiting in batch:
            await self._commit([waiting])

    async def _sent(self, requests: Sequence[Append]) -> list[Answer]:
        """Send the same bytes until the server answers or the deadline passes; ids make the repeat safe."""
        arguments = arrays(requests)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._deadline_seconds
        maybe_stored, pause = False, 0.01
        while (left := deadline - loop.time()) > 0:
            try:
                connection = await self._connected(left)
            except (*LOST, asyncpg.PostgresError) as error:
                self._cause = type(error).__name__
                logger.warning("log_unreachable", error=self._cause)
            else:
                try:
                    rows = await connection.fetch(APPEND, *arguments, timeout=left)
                    return [_answer(row) for row in sorted(rows, key=_request_number)]
                except (*LOST, asyncpg.PostgresError) as error:
                    maybe_stored |= await self._may_be_stored(error)
            await asyncio.sleep(pause)
            pause = min(pause * 2, 0.5)
        raise unknown() if maybe_stored else unavailable("no answer within the deadline")

    async def _may_be_stored(self, error: Exception) -> bool:
        """Return whether the failed statement may have committed. Raises what sending again cannot mend."""
        state = str(getattr(error, "sqlstate", None) or "08")[:2]
        self._cause = type(error).__name__
        if state in _ROLLED_BACK:
            return False
        if state not in _GOING_DOWN:
            raise error
        logger.warning("append_interrupted", error=self._cause)
        await self._disconnect()
        return True

    async def _connected(self, within_seconds: float) -> Any:
        if self._connection is None or self._connection.is_closed():
            self._connection = await asyncio.wait_for(self._connect(), within_seconds)
        return self._connection

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()


def unavailable(detail: str) -> Problem:
    """Return the refusal of an append that stored nothing."""
    return Problem(
        "log_unavailable",
        "The log takes no events at the moment; nothing was stored.",
        kind=Kind.UNAVAILABLE,
        remedy="Try again in a moment.",
        detail=detail,
        headers={"Retry-After": "1"},
    )


def unknown() -> Problem:
    """Return the refusal of an append that may or may not have been stored when the connection was lost."""
    return Problem(
        "outcome_unknown",
        "The connection to the log was lost before it answered; the request may have been stored.",
        kind=Kind.UNAVAILABLE,
        remedy="Read the resource again before repeating the request.",
        headers={"Retry-After": "5"},
    )


def arrays(requests: Sequence[Append]) -> tuple[list[Any], ...]:
    """Return the seven arguments of the function: one element per event, requests numbered from 1."""
    events = [(number, request, draft) for number, request in enumerate(requests, 1) for draft in request.drafts]
    return (
        [number for number, _, _ in events],
        [request.stream for _, request, _ in events],
        [request.expected_version for _, request, _ in events],
        [draft.id for _, _, draft in events],
        [draft.type for _, _, draft in events],
        [draft.data for _, _, draft in events],
        [sha256(draft.data.encode()).digest() for _, _, draft in events],
    )


def _answer_all(batch: Sequence[Waiting], answers: Sequence[Answer]) -> None:
    for waiting, answer in zip(batch, answers, strict=True):
        waiting.answered(answer)


def _answer(row: Any) -> Answer:
    _request, outcome, position, version, reused = row
    match outcome:
        case "stored":
            return Stored(position, version)
        case "already_stored":
            return AlreadyStored(position)
        case "conflict":
            return Conflict(version)
        case _:
            return IdReused(reused)

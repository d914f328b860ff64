"""What becomes of a handler's failure: tried again, parked, or the reader stops."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from enum import Enum, auto
from typing import TypeVar

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from kompetenspass.core.errors import Kind, Problem
from kompetenspass.log.appender import LOST
from kompetenspass.log.cursors import Taken
from kompetenspass.log.project import Retry

T = TypeVar("T")
RETRY_PAUSES_SECONDS = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)

_OUTAGE = {"08", "25", "40", "53", "55", "57", "58"}  # connection, transaction, resources, locks, shutdown, system


class Halt(Exception):
    """The reader stops and a person looks at it; `reason` is a constant word."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Superseded(Halt):
    """Another generation took over: no alarm, the supervisor follows it."""


class Unhandled(Exception):
    """The event is to be parked; `error` names the class of what was raised, never its text."""

    def __init__(self, error: str) -> None:
        super().__init__(error)
        self.error = error


class Fate(Enum):
    """What a failure means for the event and its reader."""

    OUTAGE = auto()  # nobody's fault: from the last cursor again, for as long as it takes
    RETRY = auto()  # again a few times, then stop
    CONTENDED = auto()  # again a few times, then park
    HALT = auto()  # the tables or the code are wrong, not the event: stop
    PARK = auto()


def fate_of(error: Exception) -> Fate:
    """Return what is to become of a handler's failure."""
    if isinstance(error, Retry):
        return Fate.RETRY
    if isinstance(error, Problem):
        kinds = {Kind.UNAVAILABLE: Fate.OUTAGE, Kind.THROTTLED: Fate.OUTAGE, Kind.CONFLICT: Fate.CONTENDED}
        return kinds.get(error.kind, Fate.PARK)
    if isinstance(error, DBAPIError):
        return Fate.OUTAGE if error.connection_invalidated else _fate_in_database(error.orig)
    if isinstance(error, asyncpg.PostgresError):
        return _fate_in_database(error)
    lost = isinstance(error, (*LOST, NoConnectionFree))
    return Fate.OUTAGE if lost else Fate.PARK


async def settle(action: Callable[[], Awaitable[T]]) -> T:
    """Return what `action` returns, trying again while that may help.

    Raises Unhandled (park it), Halt (stop), Taken, or the outage itself.
    """
    for pause in (*RETRY_PAUSES_SECONDS, None):
        try:
            return await action()
        except (Taken, Halt):
            raise
        except Exception as error:
            _judge(error, last=pause is None)
        await asyncio.sleep(pause or 0)
    raise AssertionError("the last attempt either returns or raises")


def _judge(error: Exception, *, last: bool) -> None:
    match fate_of(error):
        case Fate.OUTAGE:
            raise error
        case Fate.HALT:
            raise Halt("handler_and_tables_disagree") from error
        case Fate.RETRY if last:
            raise Halt("retries_exhausted") from error
        case Fate.PARK:
            raise Unhandled(type(error).__name__) from error
        case Fate.CONTENDED if last:
            raise Unhandled(type(error).__name__) from error


def name_of(error: BaseException) -> str:
    """Return what a log line calls a failure: a Problem's code, else its class; never its text."""
    return error.code if isinstance(error, Problem) else type(error).__name__


def may_last(error: BaseException) -> bool:
    """Return whether what is waited out is no outage: it may never pass by itself, and somebody has to know."""
    return isinstance(error, Exception) and fate_of(error) is not Fate.OUTAGE


def is_in_anothers_way(error: Exception) -> bool:
    """Return whether the database ended a transaction for another's sake: deadlock_detected, serialization_failure.

    The same again may meet the same other again; a smaller transaction holds fewer rows.
    """
    return _state(error.orig if isinstance(error, DBAPIError) else error) in ("40P01", "40001")


def is_of_tables(error: BaseException) -> bool:
    """Return whether the database says that tables are not there, or are others."""
    return isinstance(error, DBAPIError | asyncpg.PostgresError) and fate_of(error) is Fate.HALT


def _state(error: BaseException | None) -> str:
    return str(getattr(error, "sqlstate", None) or "08")


def _fate_in_database(error: BaseException | None) -> Fate:
    state = _state(error)[:2]
    if state in _OUTAGE:
        return Fate.OUTAGE
    return Fate.HALT if state == "42" else Fate.PARK

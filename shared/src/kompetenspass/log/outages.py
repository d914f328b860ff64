"""Outages: what a lost or given up statement raises, and what the caller is told of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import asyncpg

from kompetenspass.core.errors import Kind, Problem
from kompetenspass.log.appender import LOST

T = TypeVar("T")

GONE = (*LOST, asyncpg.OperatorInterventionError)
"""What a lost connection raises, and what the server says that ends one."""
GIVEN_UP = (asyncpg.QueryCanceledError, asyncpg.LockNotAvailableError)
"""The server says that the statement took too long; it has rolled it back."""
PATIENCE = {"lock_timeout": "2s", "statement_timeout": "5s"}
"""Of a session whose statements are short: what takes longer waits for somebody, and others wait for it."""
SHORT_SECONDS = 7.0
"""What such a statement has to be answered in: a server that gives it up has said so by then."""


async def twice(fetch: Callable[[], Awaitable[T]], refusal: Callable[[str], Problem]) -> T:
    """Return what is read; after a lost connection once more over a new one. Raises the refusal, given the reason.

    What was waited for in vain is not waited for again.
    """
    try:
        return await fetch()
    except (TimeoutError, *GIVEN_UP) as error:
        raise refusal(type(error).__name__) from error
    except GONE:
        pass
    try:
        return await fetch()
    except (*GONE, *GIVEN_UP) as error:
        raise refusal(type(error).__name__) from error


def database_unavailable(detail: str) -> Problem:
    """Return the refusal of a statement that changed nothing."""
    return Problem(
        "database_unavailable",
        "The database does not answer at the moment; nothing was stored.",
        kind=Kind.UNAVAILABLE,
        remedy="Try again in a moment.",
        detail=detail,
        headers={"Retry-After": "1"},
    )


def outcome_unknown(detail: str) -> Problem:
    """Return the refusal of a statement that may or may not have been carried out when its connection was lost."""
    return Problem(
        "outcome_unknown",
        "The database was lost before it answered; the request may have been carried out.",
        kind=Kind.UNAVAILABLE,
        remedy="Read the resource again before repeating the request.",
        detail=detail,
        headers={"Retry-After": "5"},
    )

"""Waiting in tests for what another task brings about: on a condition, never on a guess of how long it takes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE_SECONDS = 60.0
"""After so long it is not slow but broken: a busy machine may take its time, and a test that fails is only later so."""

_PAUSE_SECONDS = 0.01


async def until(look: Callable[[], Awaitable[T]]) -> T:
    """Return the first true answer of `look`. Raises TimeoutError when there is none in all that time."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not (answer := await look()):  # noqa: ASYNC110  what is looked at is another party's
            await asyncio.sleep(_PAUSE_SECONDS)
        return answer

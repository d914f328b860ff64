"""Waking readers: a bell inside the process, and one coalesced NOTIFY to the other processes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable


class Bell:
    """Wakes whoever listens. Take `hearing` before looking, then wait on it: no ring in between is missed."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    @property
    def hearing(self) -> asyncio.Event:
        """The event that the next ring sets."""
        return self._rung

    def ring(self) -> None:
        """Wake all who took `hearing` before."""
        rung, self._rung = self._rung, asyncio.Event()
        rung.set()


async def heard(hearing: asyncio.Event, timeout_seconds: float) -> bool:
    """Return whether the bell rang within the time."""
    try:
        async with asyncio.timeout(timeout_seconds):
            await hearing.wait()
    except TimeoutError:
        return False
    return True


class Waker:
    """Sends at most one NOTIFY per `spacing_seconds`, on a connection that is not the appender's.

    A NOTIFY inside the append's commit would take a lock that the whole cluster shares; one that is lost costs
    readers no more than their next poll.
    """

    def __init__(self, notify: Callable[[], Awaitable[None]], spacing_seconds: float = 0.005) -> None:
        self._notify = notify
        self._spacing_seconds = spacing_seconds
        self._due = asyncio.Event()

    def wake(self) -> None:
        """Let the readers know, soon."""
        self._due.set()

    async def run(self) -> None:
        """Notify whenever it is due, until cancelled."""
        while True:
            await self._due.wait()
            self._due.clear()
            await self._notify()
            await asyncio.sleep(self._spacing_seconds)

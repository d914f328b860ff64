"""Rows handled beside one another: those of different streams at the same time, those of one stream in their order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from kompetenspass.log.api import Recorded

Handle = Callable[[Recorded], Awaitable[str | None]]
"""Returns why an event is to be parked, None once it was handled; raises what stops the reader, be it for a moment."""


class Beside:
    """Handles the first rows of a sequence: each once it has one of the places, and its stream's row before is over.

    They begin in their order, so that what was begun is all that stands before what was not. After `seconds`, or once
    one of them raised, no more begin.
    """

    def __init__(self, handle: Handle, *, at_once: int, seconds: float) -> None:
        self._handle = handle
        self._places = asyncio.Semaphore(at_once)
        self._seconds = seconds
        self._newest: dict[str, asyncio.Task[str | None]] = {}
        self._failures: list[Exception | asyncio.CancelledError] = []

    async def handled(self, rows: Sequence[Recorded]) -> Sequence[tuple[Recorded, str | None]]:
        """Return the rows that were handled, at least one, with what `handle` said of each.

        Raises what the first that failed has raised, when all that were begun are over; cancelled, they end with it.
        One that ended because what it waited for was cancelled has failed as well.
        """
        clock = asyncio.get_running_loop().time
        begun, begin = list[asyncio.Task[str | None]](), clock()
        async with asyncio.TaskGroup() as group:
            for row in rows:
                await self._places.acquire()
                if begun and (self._failures or clock() - begin > self._seconds):
                    self._places.release()
                    break
                before = self._newest.get(row.stream)
                self._newest[row.stream] = group.create_task(self._one(row, before))
                begun.append(self._newest[row.stream])
        if self._failures:
            raise self._failures[0]
        return [(row, task.result()) for row, task in zip(rows, begun, strict=False)]

    async def _one(self, row: Recorded, before: asyncio.Task[str | None] | None) -> str | None:
        try:
            if before is not None:
                await asyncio.wait([before])
            return None if self._failures else await self._handle(row)
        except (Exception, asyncio.CancelledError) as error:
            self._failures.append(error)
            return None
        finally:
            self._places.release()

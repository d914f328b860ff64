"""Watching readers: one that ends unasked begins again, one that does not get on is told of; both are alarms."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import structlog

from kompetenspass.log.api import Feed

STALLED_SECONDS = 60.0
"""Longer than a page of events, or a chunk of them with what their handlers wait for, takes on a busy machine."""

LOOK_SECONDS = 5.0
AGAIN_SECONDS = 1.0
"""So that what ends again at once does not fill the log with alarms."""

logger = structlog.get_logger(__name__)


async def kept(name: str, run: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run until it returns or this task is cancelled; after any other end, which is an alarm, run it again.

    It runs in a task of its own: what ended it, if only a cancellation that was meant for another, ends nothing here.
    """
    while True:
        running = asyncio.create_task(run(), name=name)
        try:
            await asyncio.wait([running])
        finally:
            running.cancel()
            (error,) = await asyncio.gather(running, return_exceptions=True)
        if error is None:
            return
        logger.critical("reader_ended", alarm=True, reader=name, error=type(error).__name__)
        await asyncio.sleep(AGAIN_SECONDS)


async def watch(looks: Callable[[], Sequence[Awaitable[None]]]) -> None:
    """Look at all readers now and then, until cancelled; while the logs cannot be asked, there is nothing to say."""
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        await asyncio.gather(*looks(), return_exceptions=True)


class Steps:
    """What one reader does, as seen from outside: `stalled` once it made no step for long although its log has more."""

    def __init__(self, name: str, feed: Feed) -> None:
        self.stalled = False
        self._name = name
        self._feed = feed
        self._task: asyncio.Task[Any] | None = None
        self._since, self._position = 0.0, -1

    def begun(self) -> None:
        """Note that the present task is the reader's."""
        self._task = asyncio.current_task()
        self.made()

    def made(self) -> None:
        """Note a step: a page was read and applied, or there was none."""
        self._since = asyncio.get_running_loop().time()
        if self.stalled:
            self.stalled = False
            logger.warning("reader_goes_on", reader=self._name, log=self._feed.owner)

    async def look(self, position: int) -> None:
        """Find out whether the reader, which has come to `position`, has stalled; an alarm once for each time."""
        if position != self._position:  # a part of a page, too
            self._position = position
            self.made()
        since, seconds = self._since, asyncio.get_running_loop().time() - self._since
        if self.stalled or seconds < STALLED_SECONDS:
            return
        head = await self._feed.head()
        if head > position and since == self._since:
            self.stalled = True
            where = {"reader": self._name, "log": self._feed.owner, "position": position, "head": head}
            logger.critical(
                "reader_stalled", alarm=True, seconds=round(seconds), waits_in=place_of(self._task), **where
            )


def place_of(task: asyncio.Task[Any] | None) -> Sequence[str]:
    """Return where in the code a task waits, the outermost function first: that a stall shows its cause."""
    awaited: Any = task and task.get_coro()
    places = []
    while frame := getattr(awaited, "cr_frame", None):
        places.append(f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno} {frame.f_code.co_name}")
        awaited = awaited.cr_await
    return places

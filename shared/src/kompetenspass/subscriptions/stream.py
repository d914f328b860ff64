"""Server-sent events: the log as a stream that stays open. Source: HTML Living Standard, section 9.2."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from kompetenspass.core.errors import Problem
from kompetenspass.subscriptions.journal import Asked, Journal, Page
from kompetenspass.subscriptions.places import Places
from kompetenspass.subscriptions.starts import At
from kompetenspass.web.telemetry import logger

_PAGE = 100
_SLICE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a quiet stream says that it lives, when a slow client is dropped, and when a lost one comes again."""

    beat_seconds: float = 15
    slow_seconds: float = 20
    retry_seconds: float = 3


class EventStream(Response):
    """The answer that goes on until the client leaves or is too slow, its token ends, or the service stops.

    No more than a page waits for the client: what it does not take is not read from the log either.
    """

    media_type = "text/event-stream"

    def __init__(
        self,
        journal: Journal,
        asked: Asked,
        after: At,
        *,
        place: tuple[Places, str],
        allowed: Callable[[], Awaitable[object]],
        pace: Pace,
    ) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._journal, self._asked, self._after = journal, asked, after
        self._places, self._caller = place
        self._allowed = allowed
        self._pace = pace
        self._beat_at = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the stream. Raises Problem `too_many_connections` before anything is sent."""
        with self._places.hold(self._caller):
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            gone = asyncio.create_task(_gone(receive))
            try:
                async for chunk in self._chunks():
                    if gone.done():
                        return
                    if chunk:
                        await self._sent(send, chunk)
                await send({"type": "http.response.body", "body": b"", "more_body": False})
            except TimeoutError:  # not ended: the server then cuts the connection
                logger().info("event_stream_too_slow", audience=self._asked.audience)
            except Problem as problem:  # it has begun and cannot be refused any more; the client comes again
                logger().info("event_stream_ended", code=problem.code, detail=problem.detail or None)
                await send({"type": "http.response.body", "body": b"", "more_body": False})
            finally:
                gone.cancel()

    async def _sent(self, send: Send, chunk: bytes) -> None:
        async with asyncio.timeout(self._pace.slow_seconds):
            await send({"type": "http.response.body", "body": chunk, "more_body": True})

    async def _chunks(self) -> AsyncIterator[bytes]:
        """Yield what is to be sent; nothing, now and then, so that it is looked whether the client is still there.

        Raises Problem for a token that ended, and as reading a page does.
        """
        loop = asyncio.get_running_loop()
        self._beat_at = loop.time() + self._pace.beat_seconds
        yield f"retry: {self._pace.retry_seconds * 1000:.0f}\n\n".encode()
        while not self._journal.stopping.is_set():
            page = await self._journal.page(self._after, self._asked, _PAGE)
            self._after = page.cursor
            yield _blocks(page)
            more = False
            while not more and not self._journal.stopping.is_set():
                more = await self._journal.grown(page, max(0.0, min(_SLICE_SECONDS, self._beat_at - loop.time())))
                yield await self._beat(loop.time())

    async def _beat(self, now: float) -> bytes:
        """Return the sign of life that is due, with the place that was reached; nothing while none is due."""
        if now < self._beat_at:
            return b""
        await self._allowed()
        self._beat_at = now + self._pace.beat_seconds
        return f": the stream lives\nid: {self._after}\n\n".encode()


def _blocks(page: Page) -> bytes:
    """Return the events of a page: the id of each is the cursor behind it, its data the CloudEvent on one line."""
    epoch = page.cursor.epoch
    return b"".join(b"id: %s\ndata: %s\n\n" % (str(At(one.position, epoch)).encode(), one.body) for one in page.events)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass

"""The driver: a small HTTP/1.1 client for the loopback, so that what is measured is the server and not its client.

One connection is one worker: it has one request under way, and keeps its socket. No redirects, cookies, TLS or pools.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Self, TypeVar, cast
from urllib.parse import urlsplit

W = TypeVar("W")
J = TypeVar("J")

JSON = {"content-type": "application/json"}
FORM = {"content-type": "application/x-www-form-urlencoded"}
TIMEOUT_SECONDS = 30.0
_KEPT_SECONDS = 2.0  # idle for longer, a connection is opened anew: servers close theirs after five or so
_END = b"\r\n\r\n"
_LENGTH, _CHUNKED = b"\r\ncontent-length:", b"\r\ntransfer-encoding: chunked"


class Failed(Exception):
    """A request that got no answer, or one that says no."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered."""

    status: int
    body: bytes

    @property
    def ok(self) -> bool:
        """Whether it is a 2xx."""
        return 200 <= self.status < 300

    def must(self) -> Self:
        """Return this answer. Raises Failed unless it is a 2xx."""
        if not self.ok:
            raise Failed(f"{self.status}: {self.body[:300].decode(errors='replace')}")
        return self

    def json(self) -> Any:
        """Return the body of a 2xx. Raises Failed for any other answer."""
        return json.loads(self.must().body)


def bearer(token: str) -> dict[str, str]:
    """Return the header that an access token goes in."""
    return {"authorization": f"Bearer {token}"}


def prepared(method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> bytes:
    """Return a request as it is written to a connection; it may be made beforehand and sent again."""
    lines = [f"{method} {path} HTTP/1.1", "host: 127.0.0.1"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if body or method != "GET":
        lines.append(f"content-length: {len(body)}")
    return "\r\n".join((*lines, "", "")).encode("latin-1") + body


class Connection:
    """A kept connection to one server; opened by the first request, and again when the server has closed it."""

    def __init__(self, url: str, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 80
        self.timeout_seconds = timeout_seconds
        self._socket: _Socket | None = None
        self._used_at = 0.0

    async def request(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Return the answer to one request, whatever its status. Raises Failed when there is none in time."""
        return await self.send(prepared(method, path, body, headers))

    async def send(self, message: bytes) -> Answer:
        """Return the answer to a prepared request, whatever its status. Raises Failed when there is none in time."""
        loop = asyncio.get_running_loop()
        if self._socket is None or self._socket.closed or loop.time() - self._used_at > _KEPT_SECONDS:
            await self._open(loop)
        assert self._socket is not None
        answer = self._socket.ask(message, loop)
        late = loop.call_later(self.timeout_seconds, self._socket.fail, "no answer in time")
        try:
            return await answer
        finally:
            late.cancel()
            self._used_at = loop.time()
            if answer.cancelled():  # its answer may still come, and must not be taken for the next one's
                self.close()

    def close(self) -> None:
        """Close the socket; a later request opens another."""
        if self._socket is not None:
            self._socket.fail("closed")
            self._socket = None

    async def _open(self, loop: asyncio.AbstractEventLoop) -> None:
        self.close()
        try:
            opening = loop.create_connection(_Socket, self._host, self._port)
            _, self._socket = await asyncio.wait_for(opening, self.timeout_seconds)
        except OSError as error:
            raise Failed(f"no connection: {error}") from error


class _Socket(asyncio.Protocol):
    """One socket, and the request that is under way on it."""

    def __init__(self) -> None:
        self.closed = False
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[Answer] | None = None
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's has its methods, and not its class

    def connection_lost(self, exc: Exception | None) -> None:
        self.fail(f"connection lost: {exc or 'closed by the server'}")

    def data_received(self, data: bytes) -> None:
        self._received = self._received + data if self._received else data
        answer = _whole(self._received)
        if answer is not None and self._answer is not None and not self._answer.done():
            self._answer.set_result(answer)

    def ask(self, message: bytes, loop: asyncio.AbstractEventLoop) -> asyncio.Future[Answer]:
        """Write a request; return what will be its answer."""
        assert self._transport is not None
        assert self._answer is None or self._answer.done(), "one request at a time"
        self._answer, self._received = loop.create_future(), b""
        self._transport.write(message)
        return self._answer

    def fail(self, reason: str) -> None:
        """Close the socket; what waits for an answer is told why there is none."""
        self.closed = True
        if self._transport is not None:
            self._transport.abort()
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(Failed(reason))


def _whole(received: bytes) -> Answer | None:
    """Return the answer once all of it is there."""
    end = received.find(_END)
    if end < 0:
        return None
    head = received[:end]
    lower, body = head.lower(), received[end + 4 :]
    at = lower.find(_LENGTH)
    if at >= 0:
        stop = lower.find(b"\r\n", at + 2)
        length = int(lower[at + len(_LENGTH) : stop if stop >= 0 else end])
        return Answer(int(head[9:12]), body[:length]) if len(body) >= length else None
    if _CHUNKED in lower:
        joined = _unchunked(body)
        return None if joined is None else Answer(int(head[9:12]), joined)
    return Answer(int(head[9:12]), b"")


def _unchunked(body: bytes) -> bytes | None:
    """Return the chunks joined, or None while the last one is missing. Source: RFC 9112, section 7.1."""
    chunks: list[bytes] = []
    at = 0
    while (stop := body.find(b"\r\n", at)) >= 0:
        length = int(body[at:stop].partition(b";")[0], 16)
        at = stop + 2 + length + 2
        if len(body) < at:
            return None
        if not length:
            return b"".join(chunks)
        chunks.append(body[stop + 2 : at - 2])
    return None


@dataclass
class Driven:
    """How a number of jobs went: wall-clock seconds for all, and for each; what went wrong."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @property
    def per_second(self) -> float:
        """Jobs that were done, per second."""
        return len(self.latencies) / self.seconds if self.seconds else 0.0


async def drive(workers: Sequence[W], jobs: Iterable[J], do: Callable[[W, J], Awaitable[object]]) -> Driven:
    """Do all jobs, each by the worker that is free first; a worker is a connection, or what a job needs of them.

    A job that raises Failed is counted among the errors, and the next one goes on. Anything else is raised.
    """
    driven, waiting = Driven(), iter(jobs)

    async def work(worker: W) -> None:
        for job in waiting:
            began = perf_counter()
            try:
                await do(worker, job)
            except Failed as error:
                driven.errors.append(str(error))
            else:
                driven.latencies.append(perf_counter() - began)

    began = perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for worker in workers:
            tasks.create_task(work(worker))
    driven.seconds = perf_counter() - began
    return driven


def percentile(values: Sequence[float], part: float) -> float:
    """Return the value that `part` of the values (0.95, say) do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]

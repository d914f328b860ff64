"""The outermost layer of a service: trace, request id, body limit, Wait-For, security headers, and the last catch."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextvars import ContextVar
from typing import Protocol

import asyncpg
import structlog
from opentelemetry import trace
from opentelemetry.trace import SpanKind, Tracer
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kompetenspass.core.errors import Kind, Problem
from kompetenspass.core.ids import uuid7
from kompetenspass.log.fates import Fate, fate_of
from kompetenspass.log.outages import database_unavailable, outcome_unknown
from kompetenspass.web.errors import Refusals
from kompetenspass.web.telemetry import enter_trace, logger, parent_of, unrecorded

OWNER: ContextVar[str] = ContextVar("kompetenspass_owner")
"""The service whose request is being answered; several services may live in one process."""

WAIT_SECONDS = 5.0
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}\Z")
_WAIT = re.compile(r"\s*([a-z]+)=(\d{1,18})\s*\Z")
_OF_THE_DATABASE = (DBAPIError, NoConnectionFree, asyncpg.PostgresError, asyncpg.InterfaceError)
_WITHOUT_BODY = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-opener-policy", b"same-origin"),
)
_ONLY_HTTPS = (b"strict-transport-security", b"max-age=31536000")
_NO_STORE = (b"cache-control", b"no-store")
_REQUEST_ID_HEADER = b"x-request-id"


class Waits(Protocol):
    """What the edge needs of the runtime."""

    async def caught_up(self, owner: str, position: int, timeout_seconds: float) -> None:
        """Return once this service has applied a position of a log. Raises Problem `not_caught_up`."""


class Edge:
    """ASGI middleware around everything else of one service."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        service: str,
        tracer: Tracer | None,
        runtime: Waits,
        refusals: Refusals,
        body_limit_bytes: int,
        https: bool,
    ) -> None:
        self._app = app
        self._service = service
        self._tracer = tracer
        self._runtime = runtime
        self._refusals = refusals
        self._body_limit_bytes = body_limit_bytes
        self._headers = (*_SECURITY_HEADERS, _ONLY_HTTPS) if https else _SECURITY_HEADERS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; whatever fails inside becomes an answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        parent = parent_of(headers.get("traceparent"))
        if self._tracer is None:
            await self._answered(scope, receive, send, headers, unrecorded(parent))
            return
        with self._tracer.start_as_current_span(f"{scope['method']}", context=parent, kind=SpanKind.SERVER) as span:
            status = await self._answered(scope, receive, send, headers, span.get_span_context())
            span.set_attribute("http.response.status_code", status)
            span.set_attribute("http.request.method", scope["method"])

    async def _answered(
        self, scope: Scope, receive: Receive, send: Send, headers: Headers, span: trace.SpanContext
    ) -> int:
        enter_trace(span)
        OWNER.set(self._service)
        request_id = _request_id(headers)
        structlog.contextvars.bind_contextvars(  # every request binds these three, and nothing else binds any
            service=self._service, request_id=request_id, trace_id=f"{span.trace_id:032x}"
        )
        added = self._headers if scope["method"] in _WITHOUT_BODY else (*self._headers, _NO_STORE)
        answer = _Answer(send, added, request_id)
        await self._guarded(scope, receive, answer, headers)
        return answer.status

    async def _guarded(self, scope: Scope, receive: Receive, answer: _Answer, headers: Headers) -> None:
        try:
            if "\x00" in scope["path"] or b"%00" in scope["query_string"]:
                raise Problem("invalid_request", "The address holds a NUL character.", remedy="Leave it out.")
            if scope["method"] not in _WITHOUT_BODY:
                receive = _replayed(await _limited_body(receive, headers, self._body_limit_bytes), receive)
            await self._wait_for(headers.get("wait-for"))
            await self._app(scope, receive, answer)
        except Problem as problem:
            await self._refusals.of(scope["path"], problem)(scope, receive, answer)
        except _CallerGone:
            logger().info("caller_gone", method=scope["method"])
        except Exception as error:
            outage = _outage(error, scope["method"])
            if outage is not None and not answer.status:
                logger().warning("database_lost", method=scope["method"], error=outage.detail)
                await self._refusals.of(scope["path"], outage)(scope, receive, answer)
                return
            logger().exception("request_failed", method=scope["method"])
            trace.get_current_span().set_status(trace.StatusCode.ERROR)
            if answer.status:
                raise
            await self._refusals.of_a_bug(scope["path"])(scope, receive, answer)

    async def _wait_for(self, header: str | None) -> None:
        for entry in header.split(",") if header else ():
            found = _WAIT.match(entry)
            if not found:
                raise Problem("invalid_request", "Wait-For is not understood.", remedy="Write it as owner=position.")
            await self._runtime.caught_up(found[1], int(found[2]), WAIT_SECONDS)


def _outage(error: Exception, method: str) -> Problem | None:
    """Return what the caller is told where the database is only away, None of any other error."""
    if not isinstance(error, _OF_THE_DATABASE) or fate_of(error) is not Fate.OUTAGE:
        return None
    told = database_unavailable if method in _WITHOUT_BODY else outcome_unknown
    return told(type(error).__name__)


class _CallerGone(Exception):
    """The caller went away before its body was whole; there is nobody to answer."""


class _Answer:
    """The `send` of one answer: adds the headers and remembers the status (0: nothing was sent yet)."""

    def __init__(self, send: Send, headers: Sequence[tuple[bytes, bytes]], request_id: str) -> None:
        self._send = send
        self._headers = headers
        self._request_id = request_id
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            given = [(name, value) for name, value in message.get("headers", ()) if name != _REQUEST_ID_HEADER]
            there = {name for name, _ in given}
            given += [header for header in self._headers if header[0] not in there]
            message["headers"] = [*given, (_REQUEST_ID_HEADER, self._request_id.encode("ascii"))]
        await self._send(message)


def _request_id(headers: Headers) -> str:
    given = headers.get("x-request-id", "")
    return given if _REQUEST_ID.match(given) else str(uuid7())


async def _limited_body(receive: Receive, headers: Headers, limit_bytes: int) -> bytes:
    length = headers.get("content-length", "0")
    if not length.isdigit() or int(length) > limit_bytes:
        raise _too_large(limit_bytes)
    body = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _CallerGone
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > limit_bytes:
            raise _too_large(limit_bytes)
    return bytes(body)


def _too_large(limit_bytes: int) -> Problem:
    return Problem(
        "too_large", "The body is too large.", kind=Kind.TOO_LARGE, remedy=f"Send at most {limit_bytes} bytes."
    )


def _replayed(body: bytes, receive: Receive) -> Receive:
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay

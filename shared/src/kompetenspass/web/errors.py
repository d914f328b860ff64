"""The one place where a Problem becomes HTTP: RFC 9457 for our own APIs, the OAuth error object for the protocols."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from kompetenspass.core.errors import Kind, Problem
from kompetenspass.web.telemetry import current_trace_id, logger

STATUS: Mapping[Kind, int] = {
    Kind.INVALID: 400,
    Kind.UNAUTHENTICATED: 401,
    Kind.FORBIDDEN: 403,
    Kind.NOT_FOUND: 404,
    Kind.CONFLICT: 409,
    Kind.GONE: 410,
    Kind.NOT_ACCEPTABLE: 406,
    Kind.TOO_LARGE: 413,
    Kind.UNSUPPORTED: 501,
    Kind.THROTTLED: 429,
    Kind.UNAVAILABLE: 503,
}
"""The coarse category of a refusal to its HTTP status; no other table exists."""

_REMEDY: Mapping[Kind, str] = {
    Kind.NOT_FOUND: "Check the identifier.",
    Kind.CONFLICT: "Read the resource again, then decide.",
    Kind.GONE: "It is over; begin anew.",
    Kind.UNAVAILABLE: "Try again later.",
}
"""What the caller can do where the refusal itself does not say it."""

_RESERVED = frozenset({"type", "title", "status", "code", "remedy", "trace_id"})
_NO_STORE = {"Cache-Control": "no-store"}


def problem_response(problem: Problem, status: int | None = None) -> Response:
    """Return `problem` as application/problem+json: type, title, status, code, remedy, its members, trace_id.

    Source: RFC 9457, section 3.
    """
    _log(problem)
    status = status or STATUS[problem.kind]
    body: dict[str, Any] = {name: value for name, value in problem.members.items() if name not in _RESERVED}
    body |= {
        "type": f"urn:kompetenspass:problem:{problem.code}",
        "title": problem.title,
        "status": status,
        "code": problem.code,
        "remedy": problem.remedy or _REMEDY.get(problem.kind, "Correct what the title names, and send it again."),
        "trace_id": current_trace_id(),
    }
    headers = _NO_STORE | problem.headers
    return JSONResponse(body, status, headers=headers, media_type="application/problem+json")


def oauth_error_response(problem: Problem, status: int | None = None) -> Response:
    """Return `problem` as {"error", "error_description"}, the description in the characters that the protocol allows.

    Without `status` it is 400, or what the table says for a missing token and for a server's own trouble.
    Source: RFC 6749, section 5.2.
    """
    _log(problem)
    status = status or (STATUS[problem.kind] if problem.kind in (Kind.UNAUTHENTICATED, Kind.UNAVAILABLE) else 400)
    body = {"error": problem.code, "error_description": _plain_ascii(f"{problem.title} {problem.remedy}".strip())}
    return JSONResponse(body, status, headers=_NO_STORE | problem.headers)


class Refusals:
    """Renders what no route renders itself: as problem+json, below `protocol_paths` as the protocols' error object.

    Source: RFC 6749, section 5.2; OpenID4VCI, section 8.3.1: whatever refuses, `error` is a top-level member.
    """

    def __init__(self, protocol_paths: Sequence[str] = ()) -> None:
        self._protocol_paths = tuple(protocol_paths)

    def of(self, path: str, problem: Problem, status: int | None = None) -> Response:
        """Return the answer to a request for `path` that was refused."""
        if path.startswith(self._protocol_paths):
            return oauth_error_response(problem, status or STATUS[problem.kind])
        return problem_response(problem, status)

    def of_a_bug(self, path: str) -> Response:
        """Return the answer to a bug: 500, a fixed sentence and the trace id."""
        remedy = f"Try again; if it happens again, report the trace id {current_trace_id()}."
        return self.of(path, Problem("internal_error", "Something went wrong on our side.", remedy=remedy), 500)


def validation_problem(places: Sequence[Mapping[str, Any]]) -> Problem:
    """Return the refusal of a body or parameter: where it is wrong and why, never what was sent."""
    wrong = [{"place": ".".join(str(part) for part in place["loc"]), "reason": place["msg"]} for place in places]
    return Problem(
        "invalid_request",
        "The request is not as it should be.",
        remedy="Correct the places that `errors` names.",
        members={"errors": wrong},
    )


def install_handlers(app: FastAPI, refusals: Refusals) -> None:
    """Teach `app` to answer every expected exception as `refusals` renders it."""

    async def on_problem(request: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)
        return refusals.of(request.url.path, error)

    async def on_validation_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return refusals.of(request.url.path, validation_problem(error.errors()))

    async def on_http_exception(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return refusals.of(request.url.path, _http_problem(error), error.status_code)

    app.add_exception_handler(Problem, on_problem)
    app.add_exception_handler(RequestValidationError, on_validation_error)
    app.add_exception_handler(HTTPException, on_http_exception)


def _http_problem(error: HTTPException) -> Problem:
    if error.status_code == HTTPStatus.BAD_REQUEST:
        return Problem("invalid_request", "The body cannot be read.", remedy="Send JSON in UTF-8, not nested too deep.")
    phrase = HTTPStatus(error.status_code).phrase
    return Problem(
        phrase.lower().replace(" ", "_"),
        f"{phrase}.",
        remedy="The paths and methods stand in /openapi.json.",
        headers=dict(error.headers or {}),
    )


def _plain_ascii(text: str) -> str:
    kept = text.replace('"', "'").replace("\\", "/")
    return "".join(letter if " " <= letter <= "~" else "?" for letter in kept)


def _log(problem: Problem) -> None:
    logger().info("request_refused", code=problem.code, detail=problem.detail or None)

"""What wallets use: fetch the request object, post the answer. Thin, as they are called for every presentation.

Sources: OpenID4VP 1.0, sections 5.10 and 8.2; errors are the protocol's own object.
"""

from __future__ import annotations

from uuid import UUID

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from kompetenspass.core.errors import Kind, Problem, not_found
from kompetenspass.core.ids import uuid7
from kompetenspass.openid import oid4vp
from kompetenspass.web.errors import STATUS, oauth_error_response
from kompetenspass.web.telemetry import current_trace_id
from services.verification.service.requests import Requests

_NO_STORE = {"Cache-Control": "no-store"}
_OWN_STATUS = frozenset({Kind.NOT_FOUND, Kind.GONE, Kind.CONFLICT, Kind.UNAVAILABLE})


def routes(requests: Requests) -> list[Route]:
    """Return the routes of the two protocol endpoints."""

    async def request_object(request: Request) -> Response:
        try:
            wallet_nonce = None
            if request.method == "POST":
                _check_form(request)
                wallet_nonce = oid4vp.parse_request_uri_form(await request.body())
            token = await requests.request_object(_id(request), wallet_nonce)
        except Problem as problem:
            return _refused(problem)
        return Response(token, media_type=oid4vp.REQUEST_OBJECT_MEDIA_TYPE, headers=_NO_STORE)

    async def response(request: Request) -> Response:
        try:
            _check_form(request)
            correlation_id = current_trace_id() or str(uuid7())
            answer = await requests.answer(_id(request), await request.body(), correlation_id)
        except Problem as problem:
            return _refused(problem)
        return JSONResponse(answer, headers=_NO_STORE)

    return [
        Route("/requests/{request_id}", request_object, methods=["GET", "POST"]),
        Route("/responses/{request_id}", response, methods=["POST"]),
    ]


def _id(request: Request) -> UUID:
    try:
        return UUID(request.path_params["request_id"])
    except ValueError as error:
        raise not_found("request") from error


def _check_form(request: Request) -> None:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise oid4vp.invalid_response("The body must be application/x-www-form-urlencoded.")


def _refused(problem: Problem) -> Response:
    return oauth_error_response(problem, STATUS[problem.kind] if problem.kind in _OWN_STATUS else 400)

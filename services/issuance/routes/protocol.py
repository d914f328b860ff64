"""The protocol's endpoints below an issuer identifier: a thin handler each, errors as the OAuth error object.

Source: OpenID4VCI, sections 6 to 8 and 11.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from kompetenspass.core.errors import Kind, Problem
from kompetenspass.openid.oauth import Message, access_token, parse_token_request
from kompetenspass.openid.oid4vci.notification import parse_notification
from kompetenspass.openid.oid4vci.request import parse_credential_request
from kompetenspass.web.commands import context, positioned
from kompetenspass.web.errors import oauth_error_response
from services.issuance.service.authorization import Authorization
from services.issuance.service.credentials import Credentials
from services.issuance.service.documents import Documents
from services.issuance.service.ports import Access

Handler = Callable[[Request], Awaitable[Response]]
_NO_STORE = {"Cache-Control": "no-store"}


def routes(
    documents: Documents, authorization: Authorization, credentials: Credentials, *, batch_size: int
) -> list[BaseRoute]:
    """Return the endpoints of every issuer, told apart by the slug in the path."""

    async def token(request: Request) -> Response:
        wanted = parse_token_request(await request.body())
        return _json(await authorization.token(_slug(request), wanted, context(request, None, "wallet")))

    async def nonce(request: Request) -> Response:
        await documents.require_issuer(_slug(request))
        return _json(authorization.nonce(_slug(request)))

    async def credential(request: Request) -> Response:
        access = await _access(authorization, request)
        wanted = parse_credential_request(await request.body(), batch_size=batch_size)
        answer = await credentials.issue(access, wanted, context(request, None, "wallet"))
        return positioned(_json(answer.response), answer.position)

    async def notification(request: Request) -> Response:
        access = await _access(authorization, request)
        await credentials.notify(access, parse_notification(await request.body()))
        return Response(status_code=204, headers=_NO_STORE)

    endpoints = {"token": token, "nonce": nonce, "credential": credential, "notification": notification}
    return [
        Route(f"/issuers/{{slug}}/{name}", _refusing(endpoint), methods=["POST"], name=name)
        for name, endpoint in endpoints.items()
    ]


async def _access(authorization: Authorization, request: Request) -> Access:
    query = request.scope["query_string"].decode("latin-1")
    sent = access_token(request.headers.getlist("authorization"), query)
    return await authorization.access(_slug(request), sent)


def _slug(request: Request) -> str:
    return str(request.path_params["slug"])


def _json(message: Message) -> Response:
    return Response(message.to_text(), headers=_NO_STORE, media_type="application/json")


def _refusing(handler: Handler) -> Handler:
    """Return the handler with refusals rendered as the protocol has them: `error` is a top-level member."""

    async def handle(request: Request) -> Response:
        try:
            return await handler(request)
        except Problem as problem:
            return oauth_error_response(problem, 404 if problem.kind is Kind.NOT_FOUND else None)

    return handle

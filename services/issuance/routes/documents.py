"""The documents of an issuer: both well-known ones, and its keys. Source: OpenID4VCI, section 12.2.2; RFC 8414."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from services.issuance.service.documents import Documents

_CACHED = {"Cache-Control": "public, max-age=60", "Access-Control-Allow-Origin": "*"}


def routes(documents: Documents) -> list[BaseRoute]:
    """Return the routes; the well-known segment goes between the host and the issuer's path."""

    async def issuer_metadata(request: Request) -> Response:
        document = await documents.issuer_metadata(request.path_params["slug"])
        return JSONResponse(document.to_json(), headers=_CACHED)

    async def server_metadata(request: Request) -> Response:
        document = await documents.server_metadata(request.path_params["slug"])
        return JSONResponse(document.to_json(), headers=_CACHED)

    async def jwks(request: Request) -> Response:
        return JSONResponse(await documents.jwks(request.path_params["slug"]), headers=_CACHED)

    return [
        Route("/.well-known/openid-credential-issuer/issuers/{slug}", issuer_metadata, name="issuer_metadata"),
        Route("/.well-known/oauth-authorization-server/issuers/{slug}", server_metadata, name="server_metadata"),
        Route("/issuers/{slug}/jwks", jwks, name="jwks"),
    ]

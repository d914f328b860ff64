"""GET /vct/mikromerit/1: the credential type's metadata, the same bytes for good. Source: SD-JWT VC, type metadata."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kompetenspass.core.digest import sha256_b64u
from kompetenspass.openid.mikromerit import VCT_PATH, type_metadata


def routes(base_url: str) -> list[Route]:
    """Return the route of the type metadata."""
    body = type_metadata(base_url)
    headers = {
        "ETag": f'"{sha256_b64u(body)}"',
        "Cache-Control": "public, max-age=86400, immutable",
        "Access-Control-Allow-Origin": "*",
    }

    async def metadata(request: Request) -> Response:
        if headers["ETag"] in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(body, media_type="application/json", headers=headers)

    return [Route(VCT_PATH, metadata, methods=["GET"])]

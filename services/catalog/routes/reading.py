"""Public reads: definitions and pathways in pages, one of them, any version by its digest."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from kompetenspass.core.digest import sha256_b64u
from kompetenspass.web.auth import principal
from services.catalog.queries import DEFINITIONS, PATHWAYS, Catalogue, Shelf, Wanted

_Text = Annotated[str | None, Query(max_length=200)]
_Limit = Annotated[int, Query(ge=1, le=200)]


def router(catalogue: Catalogue, base_url: str) -> APIRouter:
    """Return the routes of GET /v1/definitions and /v1/pathways."""
    routes = APIRouter(tags=["catalogue"])
    for shelf, path in ((DEFINITIONS, "/v1/definitions"), (PATHWAYS, "/v1/pathways")):
        _add(routes, catalogue, shelf, path, base_url + path)
    return routes


def _add(routes: APIRouter, catalogue: Catalogue, shelf: Shelf, path: str, url: str) -> None:
    async def listed(
        request: Request,
        status: _Text = None,
        owner: _Text = None,
        field: _Text = None,
        q: _Text = None,
        after: _Text = None,
        limit: _Limit = 50,
    ) -> Response:
        """A page of current versions, in order of id; the Link header leads to the next."""
        wanted = Wanted(status, owner, field, q, after, limit, await viewer_of(request))
        page = await catalogue.page(shelf, wanted)
        response = cacheable(request, {"items": list(page.items), "next": page.after})
        if page.after is not None:
            query = {**request.query_params, "after": page.after}
            response.headers["Link"] = f'<{url}?{urlencode(query)}>; rel="next"'
        return response

    async def one(request: Request, id_: str) -> Response:
        """The current version, whole, with the digests of all versions."""
        return cacheable(request, await catalogue.one(shelf, id_, await viewer_of(request)))

    async def version(request: Request, id_: str, digest: str) -> Response:
        """One version, whole, named by the digest of its content."""
        return cacheable(request, await catalogue.version(shelf, id_, digest, await viewer_of(request)))

    routes.add_api_route(path, listed, operation_id=f"list_{shelf.what}s")
    routes.add_api_route(f"{path}/{{id_}}", one, operation_id=f"read_{shelf.what}")
    routes.add_api_route(f"{path}/{{id_}}/versions/{{digest}}", version, operation_id=f"read_{shelf.what}_version")


async def viewer_of(request: Request) -> str | None:
    """Return the organisation of a caller that may see its own drafts; a read needs no token."""
    if "authorization" not in request.headers:
        return None
    caller = await principal(request)
    return caller.org if "creator" in caller.roles else None


def cacheable(request: Request, value: Mapping[str, Any]) -> Response:
    """Return the answer with its ETag, or 304 to a caller that has it already. Source: RFC 9110, section 13.1.2."""
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    tag = f'"{sha256_b64u(body)}"'
    seen = [entry.strip().removeprefix("W/") for entry in request.headers.get("if-none-match", "").split(",")]
    headers = {"ETag": tag, "Cache-Control": "no-cache", "Vary": "Authorization"}
    if tag in seen or "*" in seen:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)

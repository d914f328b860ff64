"""The status list endpoint: stored bytes, served as they are. Thin, since every verifier calls it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from kompetenspass.core.clock import Clock
from kompetenspass.core.errors import Kind, Problem, not_found
from kompetenspass.openid.status import MEDIA_TYPE
from services.registry.domain.publication import Published
from services.registry.state import State

_KEPT = timedelta(milliseconds=250)
_CORS = {"Access-Control-Allow-Origin": "*"}


class Served:
    """Published lists, kept in memory for a quarter of a second, so that a crowd costs one look at the table."""

    def __init__(self, state: State, clock: Clock) -> None:
        self._state = state
        self._clock = clock
        self._kept: dict[UUID, Published] = {}
        self._until = clock()

    async def get(self, list_id: UUID) -> Published:
        """Return the list. Raises Problem `not_found`."""
        now = self._clock()
        if now >= self._until:
            self._kept, self._until = {}, now + _KEPT
        found = self._kept.get(list_id) or await self._state.published(list_id)
        if found is None:
            raise not_found("status list")
        self._kept[list_id] = found
        return found


def routes(state: State, clock: Clock) -> Sequence[BaseRoute]:
    """Return GET and HEAD /status/{list_id}, and the aggregation at /status."""
    served = Served(state, clock)

    async def status_list(request: Request) -> Response:
        if "time" in request.query_params:
            raise Problem(
                "time_not_supported",
                "Historical status lists are not kept.",
                kind=Kind.UNSUPPORTED,
                remedy="Leave out the query parameter time.",
                headers=_CORS,
            )
        _require_acceptable(request.headers.get("accept"))
        published = await served.get(_list_id(request.path_params["list_id"]))
        return _render(published, request.headers)

    async def aggregation(_request: Request) -> Response:
        uris = await state.published_uris()
        return JSONResponse({"status_lists": uris}, headers={**_CORS, "Cache-Control": "public, max-age=60"})

    return (
        Route("/status/{list_id}", status_list, methods=["GET"]),
        Route("/status", aggregation, methods=["GET"]),
    )


def _list_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise not_found("status list") from error


def _require_acceptable(accept: str | None) -> None:
    """Raise Problem `not_acceptable` unless the JWT form is accepted. Source: RFC 9110, section 12.5.1."""
    qualities = _qualities(accept or "*/*")
    for name in (MEDIA_TYPE, "application/*", "*/*"):
        if name in qualities:
            if qualities[name] > 0:
                return
            break
    raise Problem(
        "not_acceptable",
        "The status list exists as a JWT only.",
        kind=Kind.NOT_ACCEPTABLE,
        remedy=f"Accept {MEDIA_TYPE}.",
        headers=_CORS,
    )


def _qualities(header: str) -> Mapping[str, float]:
    found: dict[str, float] = {}
    for part in header.lower().split(","):
        name, *parameters = (piece.strip() for piece in part.split(";"))
        found[name] = max(found.get(name, 0), _quality(parameters))
    return found


def _quality(parameters: Sequence[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return float(value)
            except ValueError:
                return 0
    return 1


def _render(published: Published, headers: Mapping[str, str]) -> Response:
    encodings = _qualities(headers.get("accept-encoding", ""))
    zipped = encodings.get("gzip", encodings.get("*", 0)) > 0
    etag = f'"{published.etag}-gzip"' if zipped else f'"{published.etag}"'
    answer = {
        **_CORS,
        "Access-Control-Expose-Headers": "ETag",
        "Cache-Control": f"public, max-age={published.ttl_seconds}",
        "ETag": etag,
        "Vary": "Accept, Accept-Encoding",
    }
    if _matches(headers.get("if-none-match", ""), published.etag):
        return Response(status_code=304, headers=answer)
    if zipped:
        answer["Content-Encoding"] = "gzip"
    return Response(published.gzipped if zipped else published.token, headers=answer, media_type=MEDIA_TYPE)


def _matches(if_none_match: str, etag: str) -> bool:
    """Return whether the caller has these bytes, in whichever encoding. Source: RFC 9110, section 13.1.2."""
    tags = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    return bool(tags & {"*", f'"{etag}"', f'"{etag}-gzip"'})

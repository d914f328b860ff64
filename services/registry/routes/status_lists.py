"""The status list endpoint: stored bytes, served as they are. Thin, since every verifier calls it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import lru_cache
from uuid import UUID

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from kompetenspass.core.clock import Clock
from kompetenspass.core.errors import Kind, Problem, not_found
from kompetenspass.openid.status import MEDIA_TYPE
from services.registry.domain.publication import Published
from services.registry.state import State

_KEPT = timedelta(milliseconds=250)
_MOST_KEPT = 512
_SPELLINGS = 64  # of Accept and Accept-Encoding that are remembered: few clients spell them in many ways
_LONGEST_SPELLING = 512  # what is longer is nobody's habit
_CORS = {"Access-Control-Allow-Origin": "*"}


class Answers:
    """What is published of a list, as the answers that will be given: made once, sent to all who ask."""

    def __init__(self, published: Published) -> None:
        self.etag = published.etag
        self._whole = {zipped: _whole(published, zipped=zipped) for zipped in (False, True)}
        self._unchanged = {
            zipped: Response(status_code=304, headers=_headers(published, zipped=zipped)) for zipped in (False, True)
        }

    def to(self, headers: Headers) -> Response:
        """Return the answer to a request with these headers."""
        encodings = _qualities(headers.get("accept-encoding", ""))
        zipped = encodings.get("gzip", encodings.get("*", 0)) > 0
        if _matches(headers.get("if-none-match"), self.etag):
            return self._unchanged[zipped]
        return self._whole[zipped]


class Served:
    """Published lists in memory; each quarter of a second, one look at the table tells which of them are another.

    There are never more than `most`: beyond that it begins anew.
    """

    def __init__(self, state: State, clock: Clock, *, most: int = _MOST_KEPT) -> None:
        self._state = state
        self._clock = clock
        self._most = most
        self._kept: dict[UUID, Answers] = {}
        self._until = clock()
        self._looking = asyncio.Lock()

    def __len__(self) -> int:
        """How many lists are in memory."""
        return len(self._kept)

    async def get(self, list_id: UUID) -> Answers:
        """Return the answers about a list. Raises Problem `not_found`."""
        if self._clock() >= self._until:
            await self._look()
        if found := self._kept.get(list_id):
            return found
        published = await self._state.published(list_id)
        if published is None:
            raise not_found("status list")
        if len(self._kept) >= self._most:
            self._kept.clear()
        self._kept[list_id] = answers = Answers(published)
        return answers

    async def _look(self) -> None:
        async with self._looking:
            now = self._clock()
            if now < self._until:
                return  # another request has looked meanwhile
            etags = await self._state.etags(self._kept) if self._kept else {}
            self._kept = {list_id: kept for list_id, kept in self._kept.items() if etags.get(list_id) == kept.etag}
            self._until = now + _KEPT


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
        answers = await served.get(_list_id(request.path_params["list_id"]))
        return answers.to(request.headers)

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
    return _known(header) if len(header) <= _LONGEST_SPELLING else _read(header)


def _read(header: str) -> Mapping[str, float]:
    found: dict[str, float] = {}
    for part in header.lower().split(","):
        name, *parameters = (piece.strip() for piece in part.split(";"))
        found[name] = max(found.get(name, 0), _quality(parameters))
    return found


_known = lru_cache(_SPELLINGS)(_read)


def _quality(parameters: Sequence[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return float(value)
            except ValueError:
                return 0
    return 1


def _headers(published: Published, *, zipped: bool) -> dict[str, str]:
    return {
        **_CORS,
        "Access-Control-Expose-Headers": "ETag",
        "Cache-Control": f"public, max-age={published.ttl_seconds}",
        "ETag": f'"{published.etag}-gzip"' if zipped else f'"{published.etag}"',
        "Vary": "Accept, Accept-Encoding",
    }


def _whole(published: Published, *, zipped: bool) -> Response:
    headers = _headers(published, zipped=zipped) | ({"Content-Encoding": "gzip"} if zipped else {})
    return Response(published.gzipped if zipped else published.token, headers=headers, media_type=MEDIA_TYPE)


def _matches(if_none_match: str | None, etag: str) -> bool:
    """Return whether the caller has these bytes, in whichever encoding. Source: RFC 9110, section 13.1.2."""
    if if_none_match is None:
        return False
    tags = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    return not tags.isdisjoint(("*", f'"{etag}"', f'"{etag}-gzip"'))

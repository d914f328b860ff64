"""The log's public face: `/log/checkpoint`, hash tiles, proofs and the key, and the timer that makes them.

The addresses below `/log/` are those of C2SP tlog-tiles; entries are not served, since they do not leave the platform.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from kompetenspass.core.errors import Problem, not_found
from kompetenspass.log.merkle.checkpointing import Checkpointing
from kompetenspass.log.merkle.serving import ServedLog
from kompetenspass.log.merkle.signing import LogSigner
from kompetenspass.log.merkle.store import TreeStore
from kompetenspass.log.merkle.tiles import Tile, parsed
from kompetenspass.log.merkle.tiles import path as tile_path
from kompetenspass.web.outbound import Outbound
from kompetenspass.web.runtime import Runtime
from kompetenspass.web.settings import ServiceSettings

CHECKPOINT_SECONDS = 60
_FRESH, _LASTING = "public, max-age=5", "public, max-age=3600"  # a restored log gives other tiles the same address
_NUMBER = re.compile(r"[0-9]{1,18}")
_TILE_BYTES, _NOTE_BYTES = 8192, 65536

Endpoint = Callable[[Request], Awaitable[Response]]


def transparency(runtime: Runtime) -> list[Route]:
    """Have the runtime make a checkpoint of its log every minute; return the routes that serve what it makes."""
    signer, store = signer_of(runtime.settings), TreeStore(runtime.engine)
    runtime.at_start(signer.open)
    runtime.every(CHECKPOINT_SECONDS, "checkpoint", Checkpointing(runtime.log, store, signer).run)
    return routes(ServedLog(store), signer)


def signer_of(settings: ServiceSettings) -> LogSigner:
    """Return what signs a service's checkpoints: named after its address, its key in the state folder."""
    parts = urlsplit(settings.base_url)
    return LogSigner(f"{parts.netloc}{parts.path}/log", settings.state_dir / f"{settings.service}-log.key")


def routes(served: ServedLog, signer: LogSigner) -> list[Route]:
    """Return the routes."""

    async def checkpoint(_request: Request) -> Response:
        return PlainTextResponse(await served.checkpoint(), headers=_headers(_FRESH))

    async def tile(request: Request) -> Response:
        content = await served.tile(_tile(request.path_params["path"]))
        return Response(content, media_type="application/octet-stream", headers=_headers(_LASTING))

    async def inclusion(request: Request) -> Response:
        position, size = _number(request, "position"), _number(request, "size")
        if position is None:
            raise _needed("position")
        return _proof((await served.inclusion(position, size)).as_json(), size)

    async def consistency(request: Request) -> Response:
        first, second = _number(request, "from"), _number(request, "to")
        if first is None:
            raise _needed("from")
        return _proof((await served.consistency(first, second)).as_json(), second)

    async def key(_request: Request) -> Response:
        return PlainTextResponse(f"{signer.verifier.line()}\n", headers=_headers(_LASTING))

    answers: dict[str, Endpoint] = {
        "/log/checkpoint": checkpoint,
        "/log/tile/{path:path}": tile,
        "/log/proof/inclusion": inclusion,
        "/log/proof/consistency": consistency,
        "/log/key": key,
    }
    return [Route(path, answer, methods=["GET"]) for path, answer in answers.items()]


class PublicLog:
    """A log by its public address, such as `https://issuance.example/log`."""

    def __init__(self, http: Outbound, url: str) -> None:
        self._http = http
        self._url = url.rstrip("/")

    async def checkpoint(self) -> bytes:
        """Return the newest signed checkpoint. Raises Problem `upstream_unavailable`, `upstream_answer_invalid`."""
        return await self._got("checkpoint", "text/plain", _NOTE_BYTES)

    async def tile(self, tile: Tile) -> bytes:
        """Return the hashes of a tile. Raises as `checkpoint` does."""
        return await self._got(tile_path(tile), "application/octet-stream", _TILE_BYTES)

    async def _got(self, path: str, accept: str, max_bytes: int) -> bytes:
        answer = await self._http.get(f"{self._url}/{path}", accept=accept, max_bytes=max_bytes)
        if answer.status != 200:
            raise Problem("upstream_answer_invalid", "The log does not serve what was asked for.", detail=path)
        return answer.body


def _tile(path: str) -> Tile:
    try:
        return parsed(f"tile/{path}")
    except ValueError as error:
        raise not_found("tile") from error


def _number(request: Request, name: str) -> int | None:
    """Return a number of the query, None where it is not given. Raises Problem `invalid_request`."""
    given = request.query_params.get(name)
    if given is None:
        return None
    if not _NUMBER.fullmatch(given):
        raise Problem("invalid_request", "A number is needed.", remedy="Write it in digits.", members={"field": name})
    return int(given)


def _needed(name: str) -> Problem:
    return Problem("invalid_request", "A number is missing.", remedy=f"Give `{name}`.", members={"field": name})


def _proof(found: dict[str, object], size: int | None) -> Response:
    return JSONResponse(found, headers=_headers(_FRESH if size is None else _LASTING))


def _headers(caching: str) -> dict[str, str]:
    return {"Cache-Control": caching, "Access-Control-Allow-Origin": "*"}

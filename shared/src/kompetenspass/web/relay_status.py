"""How a relay is: `/livez` and `/readyz` for whoever restarts it, `/metrics` for whoever watches; not for the public.

Source of the form of `/metrics`: Prometheus, exposition formats, text format 0.0.4.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from kompetenspass.core.errors import Kind, Problem
from kompetenspass.log.kafka.lease import LeaseLost
from kompetenspass.log.kafka.relay import Measured, Relay

_TEXT = "text/plain; version=0.0.4; charset=utf-8"
_PREFIX = "kompetenspass_relay_"


def status_app(relay: Relay, owner: str) -> Starlette:
    """Return the application that says how the relay of `owner`'s log is."""

    async def livez(_request: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def readyz(_request: Request) -> Response:
        found = await _measured(relay)
        ready = relay.is_ready and found is not None
        said = {"status": "ready" if ready else "not_ready", "log": owner, "doing": relay.doing}
        return JSONResponse({**said, "lag": found.lag if found else None}, 200 if ready else 503)

    async def metrics(_request: Request) -> Response:
        return PlainTextResponse("".join(_lines(owner, relay, await _measured(relay))), media_type=_TEXT)

    return Starlette(routes=[Route("/livez", livez), Route("/readyz", readyz), Route("/metrics", metrics)])


@contextlib.asynccontextmanager
async def told(relay: Relay, owner: str, host: str, port: int) -> AsyncIterator[int]:
    """Answer at a port for the length of a block, which gets its number. Raises Problem `port_taken`."""
    bound = _bound(host, port)
    config = uvicorn.Config(status_app(relay, owner), log_config=None, access_log=False, server_header=False)
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[bound]))
    try:
        yield bound.getsockname()[1]
    finally:
        server.should_exit = True
        await serving


class _Server(uvicorn.Server):
    """A server that leaves the process's signals to the relay."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _bound(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise Problem(
            "port_taken",
            f"The relay cannot answer at {host}, port {port}.",
            kind=Kind.CONFLICT,
            remedy="Set another port, or an address of this machine.",
            detail=type(error).__name__,
        ) from error


async def _measured(relay: Relay) -> Measured | None:
    """Return how far the relay is, None while the database does not say."""
    try:
        return await relay.measured()
    except (Problem, LeaseLost):
        return None


def _lines(owner: str, relay: Relay, found: Measured | None) -> Iterator[str]:
    yield from _gauge("sending", owner, "1 if this process sends the log.", int(relay.doing == "sends"))
    if found is not None:
        yield from _gauge("log_position", owner, "The position of the newest event of the log.", found.head)
        yield from _gauge("sent_position", owner, "The position up to which Kafka has confirmed.", found.sent)
        yield from _gauge("lag_events", owner, "Events of the log that Kafka has not confirmed.", found.lag)


def _gauge(name: str, owner: str, said: str, value: int) -> Iterator[str]:
    yield f"# HELP {_PREFIX}{name} {said}\n"
    yield f"# TYPE {_PREFIX}{name} gauge\n"
    yield f'{_PREFIX}{name}{{log="{owner}"}} {value}\n'

"""A small service without a database, to try the web edge on; its access tokens are real."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, Self

import httpx2
import pytest
import structlog
from fastapi import APIRouter, FastAPI, Request, Response
from joserfc import jwk, jws
from starlette.routing import Route

from kompetenspass.core.errors import Kind, Problem
from kompetenspass.testing.clock import FixedClock
from kompetenspass.web.app import build_app
from kompetenspass.web.auth import Caller, require
from kompetenspass.web.commands import Command, context, positioned
from kompetenspass.web.errors import oauth_error_response
from kompetenspass.web.outbound import Outbound
from kompetenspass.web.readiness import CursorState, Readiness
from kompetenspass.web.settings import ServiceSettings, environment

ISSUER = "https://tokens.example"


class Settings(ServiceSettings):
    service = "trial"
    model_config = environment("trial")


class TrialRuntime:
    """A runtime that follows the log `trial` up to position 5."""

    def __init__(self, settings: Settings, clock: FixedClock) -> None:
        self.settings = settings
        self.clock = clock
        self.http = Outbound()
        self.reasons: tuple[str, ...] = ()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        return None

    async def ready(self) -> Readiness:
        cursors = (CursorState("timeline", "trial", 3, 5),)
        return Readiness(self.reasons, cursors, parked=0, appender_healthy=True)

    async def caught_up(self, owner: str, position: int, timeout_seconds: float) -> None:
        if position > 5:
            raise Problem("not_caught_up", "Not that far yet.", kind=Kind.UNAVAILABLE)


class Paint(Command):
    colour: str
    coats: int


def router() -> APIRouter:
    api = APIRouter()

    @api.post("/v1/paint")
    async def paint(request: Request, response: Response, body: Paint, caller: Caller) -> dict[str, Any]:
        require(caller, "creator")
        positioned(response, 17)
        made = context(request, caller, "creator")
        return {"org": made.actor.org, "traceparent": made.traceparent, "colour": body.colour}

    @api.get("/v1/broken")
    async def broken() -> None:
        raise RuntimeError("the secret is 4711")

    @api.get("/v1/gone")
    async def gone() -> None:
        raise Problem("over", "It is over.", kind=Kind.GONE, remedy="Ask again.", members={"since": "noon"})

    return api


async def protocol_endpoint(_request: Request) -> Response:
    return oauth_error_response(Problem("invalid_grant", 'The "code" is överspelad\\.', remedy="Ask anew."))


def app_of(runtime: TrialRuntime) -> FastAPI:
    routes = [Route("/token", protocol_endpoint, methods=["POST"])]
    return build_app("Trial", runtime=runtime, routers=[router()], routes=routes, body_limit_bytes=1000)


def spoken_to(app: FastAPI) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="https://trial.example")


Minter = Callable[..., str]


@pytest.fixture
def logging_as_it_was() -> Iterator[None]:
    """Put the process's logging back after a test that configures it."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def key() -> jwk.ECKey:
    return jwk.ECKey.generate_key("P-256", {"kid": "k1", "alg": "ES256", "use": "sig"})


@pytest.fixture
def mint(key: jwk.ECKey, clock: FixedClock) -> Minter:
    def minted(*, header: dict[str, Any] | None = None, signer: jwk.ECKey | None = None, **claims: Any) -> str:
        now = int(clock().timestamp())
        payload = {"iss": ISSUER, "sub": "client-1", "aud": "kompetenspass", "exp": now + 300, "iat": now, "jti": "1"}
        payload |= {"client_id": "client-1", "org": "org:a", "roles": ["creator"]} | claims
        head = {"alg": "ES256", "typ": "at+jwt", "kid": "k1"} | (header or {})
        return jws.serialize_compact(head, json.dumps(payload), signer or key)

    return minted


@pytest.fixture
def jwks(tmp_path: Path, key: jwk.ECKey) -> Path:
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps({"keys": [key.as_dict(private=False)]}))
    return path


@pytest.fixture
def runtime(clock: FixedClock, jwks: Path) -> TrialRuntime:
    settings = Settings(base_url="https://trial.example", database_dsn="", token_issuers={ISSUER: str(jwks)})
    return TrialRuntime(settings, clock)


@pytest.fixture
def app(runtime: TrialRuntime) -> FastAPI:
    return app_of(runtime)


@pytest.fixture
async def projecting(runtime: TrialRuntime) -> AsyncIterator[httpx2.AsyncClient]:
    """A process that only projects."""
    runtime.settings = runtime.settings.model_copy(update={"only": "projections"})
    async with spoken_to(app_of(runtime)) as http:
        yield http


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    async with spoken_to(app) as http:
        yield http

"""build_app: the FastAPI application of a service, with everything that is the same in all five."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Protocol

from fastapi import APIRouter, FastAPI
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import BaseRoute

from kompetenspass.core.clock import Clock
from kompetenspass.web.auth import AccessTokens
from kompetenspass.web.edge import Edge
from kompetenspass.web.errors import Refusals, install_handlers
from kompetenspass.web.outbound import Outbound
from kompetenspass.web.readiness import METRICS, Readiness
from kompetenspass.web.settings import ServiceSettings
from kompetenspass.web.telemetry import tracer_of


class ServiceRuntime(Protocol):
    """What an application needs of the runtime that lives as long as it does."""

    async def __aenter__(self) -> object:
        """Open everything."""

    async def __aexit__(self, *_error: object) -> None:
        """Close everything."""

    @property
    def settings(self) -> ServiceSettings:
        """The settings of the service."""

    @property
    def clock(self) -> Clock:
        """The clock of the service."""

    @property
    def http(self) -> Outbound:
        """The outbound client of the service."""

    async def ready(self) -> Readiness:
        """Return whether requests can be answered, and why not."""

    async def caught_up(self, owner: str, position: int, timeout_seconds: float) -> None:
        """Return once this service has applied a position of a log."""


def build_app(
    title: str,
    *,
    runtime: ServiceRuntime,
    routers: Sequence[APIRouter] = (),
    routes: Sequence[BaseRoute] = (),
    protocol_paths: Sequence[str] = (),
    body_limit_bytes: int = 256 * 1024,
) -> FastAPI:
    """Return the application: `routers` are FastAPI's, `routes` thin Starlette ones for hot and protocol endpoints.

    Below `protocol_paths` even what no route refused, such as a wrong method, is the protocols' error object.
    `app.state` has `runtime`, `clock` and `access_tokens`. Its lifespan is the runtime's; nothing is opened before.
    A process that runs `projections` only serves its health and neither of the two. A trailing slash is another path.
    """
    settings, refusals = runtime.settings, Refusals(protocol_paths)
    served, protocol = ((), ()) if settings.only == "projections" else (routers, routes)
    app = _empty_app(title, runtime)
    app.state.runtime = runtime
    app.state.clock = runtime.clock
    app.state.access_tokens = AccessTokens(
        settings.token_issuers, audience=settings.audience, clock=runtime.clock, http=runtime.http
    )
    install_handlers(app, refusals)
    app.router.routes.extend(protocol)
    for router in (*served, _health(runtime)):
        app.router.routes.extend(router.routes)  # not `include_router`: that asks each router twice which route it is
    app.add_middleware(
        Edge,
        service=settings.service,
        tracer=tracer_of(settings.service, settings.traces_endpoint),
        runtime=runtime,
        refusals=refusals,
        body_limit_bytes=body_limit_bytes,
        https=settings.base_url.startswith("https://"),
    )
    return app


def _empty_app(title: str, runtime: ServiceRuntime) -> FastAPI:
    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with runtime:
            yield

    return FastAPI(
        title=title,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        servers=[{"url": runtime.settings.base_url}],
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # the edge makes the span
    )


def _health(runtime: ServiceRuntime) -> APIRouter:
    router = APIRouter(tags=["health"])

    @router.get("/livez", operation_id="livez")
    async def livez() -> JSONResponse:
        """The process runs."""
        return JSONResponse({"status": "ok"}, headers={"Cache-Control": "no-store"})

    @router.get("/readyz", operation_id="readyz")
    async def readyz() -> JSONResponse:
        """Whether requests can be answered: the lag of each cursor, what is parked, the appender's health."""
        readiness = await runtime.ready()
        return JSONResponse(readiness.as_json(), 200 if readiness.ready else 503, headers={"Cache-Control": "no-store"})

    @router.get("/metrics", include_in_schema=False)
    async def metrics() -> PlainTextResponse:
        """What /readyz says, for a program that keeps it."""
        said = (await runtime.ready()).as_metrics(runtime.settings.service)
        return PlainTextResponse(said, media_type=METRICS, headers={"Cache-Control": "no-store"})

    return router

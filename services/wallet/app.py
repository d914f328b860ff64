"""The wallet's application: settings to adapters to use cases to routes; nothing is opened before it starts."""

from __future__ import annotations

from datetime import timedelta

from cryptography import x509
from fastapi import APIRouter, FastAPI

from kompetenspass.core.clock import Clock, system_clock
from kompetenspass.log.snapshots import Snapshots
from kompetenspass.openid.jose import load_anchors
from kompetenspass.subscriptions.wiring import subscribed
from kompetenspass.web.app import build_app
from kompetenspass.web.outbound import Outbound
from kompetenspass.web.runtime import Runtime
from kompetenspass.web.transparency import transparency
from services.wallet.clients import PublicParties
from services.wallet.projections import TIMELINE
from services.wallet.queries import Queries
from services.wallet.routes import credentials, pathways, timeline
from services.wallet.routes.pages import PageRoutes
from services.wallet.service.aggregates import AGGREGATES
from services.wallet.service.holding import Holding
from services.wallet.service.links import Links
from services.wallet.service.ports import Means
from services.wallet.service.presenting import Presenting
from services.wallet.service.receiving import Receiving
from services.wallet.settings import Settings
from services.wallet.state import State
from services.wallet.vault import Vault
from services.wallet.web.pages import Pages

KEK_FILE = "wallet.kek"
_SWEEP_SECONDS = 60.0


def create_app(settings: Settings, *, clock: Clock = system_clock, http: Outbound | None = None) -> FastAPI:
    """Return the wallet, wired; `http` replaces the outbound client."""
    runtime = Runtime(settings, clock=clock, http=http)
    runtime.log.snapshots = Snapshots(AGGREGATES, settings.snapshot_events)
    runtime.project(TIMELINE)
    queries, links = Queries(runtime.engine), _links(settings, runtime)
    pages = Pages(settings.time_zone, settings.base_url)
    shown = PageRoutes(
        queries,
        links,
        pages,
        base_url=settings.base_url,
        session_ttl=timedelta(seconds=settings.session_ttl_seconds),
    )
    return build_app(
        "Kompetenspass wallet",
        runtime=runtime,
        routers=[
            _engine(settings, runtime),
            timeline.router(queries, links, settings.base_url, pages.zone),
            pathways.router(queries, pages),
            subscribed(runtime),
        ],
        routes=(*shown.routes(), *transparency(runtime)),
    )


def _links(settings: Settings, runtime: Runtime) -> Links:
    state = State(runtime.engine)

    async def sweep() -> None:
        await state.sweep(runtime.clock())

    runtime.every(_SWEEP_SECONDS, "sweep", sweep)
    return Links(
        state,
        runtime.clock,
        link_ttl=timedelta(seconds=settings.link_ttl_seconds),
        session_ttl=timedelta(seconds=settings.session_ttl_seconds),
    )


def _engine(settings: Settings, runtime: Runtime) -> APIRouter:
    """Return the routes of the hosted wallet; its keys and anchors are read when the runtime starts."""
    vault = Vault(runtime.engine, settings.state_dir / KEK_FILE, runtime.clock)
    anchors: list[x509.Certificate] = []

    async def open_keys() -> None:
        anchors[:] = load_anchors(settings.anchors_file.read_bytes())
        await vault.open()

    runtime.at_start(open_keys)
    means = Means(
        log=runtime.log,
        vault=vault,
        parties=PublicParties(runtime.http),
        anchors=anchors,
        clock=runtime.clock,
        allow_loopback_http=settings.allow_loopback_http,
    )
    return credentials.router(Receiving(means), Presenting(means), Holding(vault))

"""The application of verification: wiring only; nothing is opened before the lifespan."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from cryptography.x509 import Certificate
from fastapi import FastAPI

from kompetenspass.core.clock import Clock, system_clock
from kompetenspass.keys.api import Signer
from kompetenspass.keys.file import FileSigner
from kompetenspass.keys.sealing import kept_secret
from kompetenspass.log.snapshots import Snapshots
from kompetenspass.openid.jose import load_anchors
from kompetenspass.subscriptions.wiring import subscribed
from kompetenspass.web.app import build_app
from kompetenspass.web.outbound import Outbound
from kompetenspass.web.runtime import Runtime
from kompetenspass.web.transparency import transparency
from services.verification.clients import StatusLists
from services.verification.projections import PROJECTIONS
from services.verification.queries import TrustFacts
from services.verification.routes import requests as request_routes
from services.verification.routes import wallets
from services.verification.service.aggregates import AGGREGATES
from services.verification.service.judge import Judge
from services.verification.service.requests import Policy, Requests
from services.verification.settings import Settings
from services.verification.state import RequestState
from services.verification.vault import Disclosures

CATCH_UP_SECONDS = 5.0
"""A caller waits no longer to be judged; who is told that it takes more may ask again, and nothing was decided."""
_ASKED_SECONDS = 0.1


class Keyring:
    """The signer of requests, the trust anchors and the key of waiting claims, read when the service starts."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._anchors: Sequence[Certificate] = ()
        self._signer: Signer | None = None
        self._claims_key = b""

    async def load(self) -> None:
        """Read the files. Raises Problem or OSError for what cannot be read: the service then does not start."""
        self._anchors = load_anchors(self._settings.trust_anchors_file.read_bytes())
        self._signer = FileSigner(self._settings.request_key_file, self._settings.request_chain_file)
        self._claims_key = kept_secret(self._settings.claims_key_file)

    def signer(self) -> Signer:
        """Return the signer of request objects."""
        assert self._signer is not None  # load ran when the service started
        return self._signer

    def anchors(self) -> Sequence[Certificate]:
        """Return the trusted roots."""
        return self._anchors

    def claims_key(self) -> bytes:
        """Return the key that waiting claims are encrypted with."""
        return self._claims_key


class Freshness:
    """How far this service has heard the others; implements the service's Freshness."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._found: dict[tuple[str, ...], float] = {}
        self._asking = asyncio.Lock()

    async def require_fresh(self, *owners: str) -> None:
        """Raise Problem `facts_stale` unless the logs of `owners` were looked at recently; asked ten times a second."""
        if self._is_known(owners):
            return
        async with self._asking:
            if not self._is_known(owners):
                await self._runtime.require_fresh(*owners)
                self._found[owners] = asyncio.get_running_loop().time()

    async def catch_up(self, owner: str) -> None:
        """Return once everything that can be read of a log now has been heard. Raises Problem `not_caught_up`."""
        head = await self._runtime.feeds[owner].head()
        await self._runtime.caught_up(owner, head, CATCH_UP_SECONDS)

    def _is_known(self, owners: tuple[str, ...]) -> bool:
        return asyncio.get_running_loop().time() - self._found.get(owners, float("-inf")) < _ASKED_SECONDS


def create_app(settings: Settings, *, clock: Clock = system_clock, http: Outbound | None = None) -> FastAPI:
    """Return the application of the service. `http` replaces the client of outbound calls."""
    runtime = Runtime(settings, clock=clock, http=http)
    runtime.log.snapshots = Snapshots(AGGREGATES, settings.snapshot_events)
    keyring = Keyring(settings)
    runtime.at_start(keyring.load)
    for projection in PROJECTIONS:
        runtime.project(projection)
    facts = TrustFacts(runtime.engine, runtime.statements)
    ttl = settings.status_ttl_seconds
    statuses = StatusLists(runtime.http, keyring.anchors, clock, default_ttl_seconds=ttl)
    judge = Judge(facts, Freshness(runtime), statuses, clock, anchors=keyring.anchors, catalog_url=settings.catalog_url)
    state = RequestState(runtime.engine, runtime.statements)
    vault = Disclosures(runtime.engine, runtime.statements, keyring.claims_key)
    policy = _policy(settings)
    requests = Requests(runtime.log, facts, state, vault, judge, clock, signer=keyring.signer, policy=policy)

    async def sweep() -> None:
        await state.sweep(clock(), settings.verdict_days)
        await vault.sweep(clock())

    runtime.every(settings.sweep_seconds, "sweep", sweep)
    return build_app(
        "Kompetenspass verification",
        runtime=runtime,
        routers=[request_routes.router(requests, judge), subscribed(runtime)],
        routes=(*wallets.routes(requests), *transparency(runtime)),
        protocol_paths=("/requests/", "/responses/"),
    )


def _policy(settings: Settings) -> Policy:
    return Policy(
        base_url=settings.base_url,
        catalog_url=settings.catalog_url,
        ttl_seconds=settings.request_ttl_seconds,
        fetches=settings.request_fetches,
        claims_ttl_seconds=settings.claims_ttl_seconds,
    )

"""A whole issuance on a database of its own, spoken to over HTTP in process; registry and catalog are their logs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from kompetenspass.embedded.tokens import DevelopmentTokenIssuer
from kompetenspass.log.postgres import PostgresLog
from kompetenspass.testing.clock import FixedClock
from kompetenspass.testing.keys import TestSigner
from kompetenspass.testing.postgres import Database
from kompetenspass.web.cli import runtime_of
from services.issuance.app import create_app
from services.issuance.settings import Settings
from services.issuance.tests.rig import BASE, CATALOG, ISSUER, TOKENS, OneSigner, Rig
from services.issuance.tests.world import World


@asynccontextmanager
async def running(database: Database, folder: Path, **changes: Any) -> AsyncIterator[Rig]:
    """Run issuance on the database, caught up with a small world of organisations and definitions."""
    clock, signer = FixedClock(), TestSigner(uris=[ISSUER])
    tokens = DevelopmentTokenIssuer(folder, TOKENS, clock=clock)
    world = World(PostgresLog("registry", database.dsn("registry")), PostgresLog("catalog", database.dsn("catalog")))
    settings = Settings(
        base_url=BASE,
        catalog_url=CATALOG,
        database_dsn=database.dsn("issuance"),
        feed_dsns={owner: database.dsn("log_reader") for owner in ("registry", "catalog")},
        token_issuers={TOKENS: str(tokens.jwks_path)},
        state_dir=folder,
        **changes,
    )
    async with world:
        await world.seed(signer)
        app = create_app(settings, clock=clock, signers=OneSigner(signer))
        async with app.router.lifespan_context(app):
            transport = httpx2.ASGITransport(app)
            async with httpx2.AsyncClient(transport=transport, base_url=BASE) as client:
                rig = Rig(client, clock, runtime_of(app), world, signer, tokens)
                await rig.caught_up()
                yield rig


@pytest.fixture
async def rig(database: Database, tmp_path: Path) -> AsyncIterator[Rig]:
    async with running(database, tmp_path) as made:
        yield made

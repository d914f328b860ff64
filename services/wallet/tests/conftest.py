"""The wallet on a real PostgreSQL, and an issuer and a verifier to talk to, all in this process."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import httpx2
import pytest
from fastapi import FastAPI

from kompetenspass.core.ids import uuid7
from kompetenspass.embedded.tokens import DevelopmentTokenIssuer
from kompetenspass.events.base import Event
from kompetenspass.events.envelope import SYSTEM, Context, seal
from kompetenspass.log.api import Append, Stored
from kompetenspass.log.postgres import PostgresLog
from kompetenspass.testing.clock import FixedClock
from kompetenspass.testing.keys import TestAnchor
from kompetenspass.testing.postgres import Database
from kompetenspass.web.outbound import Outbound
from kompetenspass.web.runtime import Runtime
from services.wallet.app import create_app
from services.wallet.settings import Settings

TOKENS = "https://tokens.example"
BASE = "https://wallet.example"


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def account_id() -> UUID:
    return uuid7()


@pytest.fixture(scope="session")
def anchor() -> TestAnchor:
    return TestAnchor()


@pytest.fixture
def parties() -> FastAPI:
    """Everybody else on the network; a test adds its issuers and verifiers."""
    return FastAPI()


@pytest.fixture
def tokens(tmp_path: Path, clock: FixedClock) -> DevelopmentTokenIssuer:
    return DevelopmentTokenIssuer(tmp_path / "tokens", TOKENS, clock=clock)


@pytest.fixture
def settings(database: Database, tmp_path: Path, anchor: TestAnchor, tokens: DevelopmentTokenIssuer) -> Settings:
    anchors = tmp_path / "anchors.pem"
    anchors.write_text(anchor.root_pem)
    reader = database.dsn("log_reader")
    return Settings(
        base_url=BASE,
        database_dsn=database.dsn("wallet"),
        feed_dsns={"issuance": reader, "registry": reader, "catalog": reader},
        token_issuers={TOKENS: str(tokens.jwks_path)},
        state_dir=tmp_path / "state",
        anchors_file=anchors,
    )


@pytest.fixture
async def app(settings: Settings, clock: FixedClock, parties: FastAPI) -> AsyncIterator[FastAPI]:
    async def everybody_is_public(_host: str, _port: int) -> list[str]:
        return ["93.184.215.14"]

    http = Outbound(transport=httpx2.ASGITransport(parties), resolver=everybody_is_public)
    made = create_app(settings, clock=clock, http=http)
    async with made.router.lifespan_context(made):
        yield made


@pytest.fixture
def runtime(app: FastAPI) -> Runtime:
    found: Runtime = app.state.runtime
    return found


@pytest.fixture
def learner(tokens: DevelopmentTokenIssuer, account_id: UUID) -> dict[str, str]:
    return {"Authorization": f"Bearer {tokens.mint('learner', ['learner'], str(account_id))}"}


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url=BASE) as http:
        yield http


class Owners:
    """Appends to the logs of the other services, as their owners would."""

    def __init__(self, database: Database, clock: FixedClock) -> None:
        self._database = database
        self._clock = clock
        self._logs: dict[str, PostgresLog] = {}
        self._versions: dict[tuple[str, str], int] = {}

    async def state(self, stream: str, *events: Event) -> dict[str, int]:
        """Append events of one stream; return the position of the owner's log."""
        owner = events[0].owner()
        version = self._versions.get((owner, stream), 0)
        context = Context(SYSTEM, self._clock(), "test")
        drafts = [seal(uuid7(), event, context) for event in events]
        answer = await (await self._log(owner)).append(Append(stream, version, drafts))
        assert isinstance(answer, Stored)
        self._versions[owner, stream] = answer.version
        return {owner: answer.position}

    async def stop(self) -> None:
        """Disconnect."""
        for log in self._logs.values():
            await log.stop()

    async def _log(self, owner: str) -> PostgresLog:
        if owner not in self._logs:
            self._logs[owner] = PostgresLog(owner, self._database.dsn(owner))
            await self._logs[owner].start()
        return self._logs[owner]


@pytest.fixture
async def owners(database: Database, clock: FixedClock) -> AsyncIterator[Owners]:
    made = Owners(database, clock)
    yield made
    await made.stop()


def waiting(*positions: dict[str, int]) -> dict[str, str]:
    """Return the header that waits for what was stated."""
    newest: dict[str, int] = {}
    for position in positions:
        newest |= position
    return {"Wait-For": ",".join(f"{owner}={at}" for owner, at in newest.items())}


def body_of(answer: httpx2.Response) -> str:
    """Return a JSON answer in a form that two answers can be compared in."""
    return json.dumps(answer.json(), sort_keys=True)

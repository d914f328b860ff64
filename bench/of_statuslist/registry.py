"""A registry on a database of its own, spoken to as its server would; issuance is its log, filled by hand."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import structlog
from fastapi import FastAPI
from structlog.contextvars import merge_contextvars
from structlog.processors import JSONRenderer, TimeStamper, add_log_level
from structlog.typing import Processor

from bench.database import own_database
from bench.issued import copy_at, credential_issued
from kompetenspass.core.clock import system_clock
from kompetenspass.core.ids import uuid7
from kompetenspass.embedded.postgres import DATABASE, EmbeddedPostgres
from kompetenspass.embedded.provision import provision
from kompetenspass.embedded.tokens import DevelopmentTokenIssuer
from kompetenspass.events.base import Event
from kompetenspass.events.envelope import SYSTEM, Context, seal
from kompetenspass.events.issuance import CredentialIssued
from kompetenspass.events.registry import CredentialRevoked, StatusListOpened
from kompetenspass.log.api import Append, Stored
from kompetenspass.log.postgres import PostgresLog
from kompetenspass.openid import status
from kompetenspass.testing.keys import TestSigner
from kompetenspass.web.cli import runtime_of
from kompetenspass.web.runtime import Runtime
from services.registry.app import create_app
from services.registry.domain.status_list import first_list
from services.registry.settings import Settings

BASE, ISSUANCE, TOKENS = "https://registry.example", "https://issuance.example", "https://tokens.example"
ORG = "org:bench"
_PAGE = 500
_WRITERS = 200
_PATIENCE_SECONDS = 600


@dataclass
class Registry:
    """A running registry with one list open, and what was issued onto it."""

    app: FastAPI
    runtime: Runtime
    client: httpx2.AsyncClient
    issuance: PostgresLog
    tokens: DevelopmentTokenIssuer
    signer: TestSigner
    size: int
    issued: Mapping[UUID, int] = field(default_factory=dict)

    @property
    def uri(self) -> str:
        """The URI of the list."""
        return f"{BASE}/status/{first_list(ORG)}"

    async def open(self) -> None:
        """Open the list, and return when it is served."""
        opened = StatusListOpened(
            list_id=first_list(ORG), uri=self.uri, issuer_org=ORG, issuer=f"{ISSUANCE}/issuers/bench",
            size=self.size, bits=1, ttl_seconds=300,
        )  # fmt: skip
        await self.state(self.runtime.log, f"list-{opened.list_id}", opened)
        await until(self._is_served)

    async def issue(self, count: int) -> None:
        """State the issue of credentials on places of the list drawn at random; return once that was projected."""
        places = random.Random(count).sample(range(self.size), count)  # noqa: S311  no secret
        self.issued = {uuid7(): place for place in places}
        waiting = iter(self.issued.items())

        async def writer() -> None:
            for credential_id, index in waiting:
                await self.state(self.issuance, f"cred-{credential_id}", self._issue_of(credential_id, index))

        await asyncio.gather(*(writer() for _ in range(_WRITERS)))
        await self.runtime.caught_up("issuance", await self.issuance.head(), _PATIENCE_SECONDS)

    async def revoke(self, credential_id: UUID) -> httpx2.Response:
        """Let the issuer revoke a credential."""
        path = f"/v1/credentials/{credential_id}/revoke"
        return await self.client.post(path, json={"reason_code": "holder_request"}, headers=self._as_issuer)

    async def served(self) -> status.StatusListToken:
        """Return what is served of the list, verified."""
        answer = await self.client.get(f"/status/{first_list(ORG)}")
        answer.raise_for_status()
        anchors = (self.signer.anchor.certificate,)
        return status.verify_token_by_x5c(answer.text, uri=self.uri, anchors=anchors, now=system_clock())

    async def said_by_the_log(self) -> bytes:
        """Return the bytes of the list as they follow from the revocations in the registry's log."""
        values = status.new_values(self.size, 1)
        async for event in _events(self.runtime.log):
            if isinstance(event, CredentialRevoked):
                for copy in event.copies:
                    status.set_value(values, 1, copy.index, status.INVALID)
        return bytes(values)

    async def state(self, log: PostgresLog, stream: str, event: Event, version: int = 0) -> int:
        """Append an event to a stream and return its position."""
        context = Context(SYSTEM, system_clock(), "bench")
        answer = await log.append(Append(stream, version, [seal(uuid7(), event, context)]))
        if not isinstance(answer, Stored):
            raise RuntimeError(f"not stored: {answer}")
        return answer.position

    @cached_property
    def _as_issuer(self) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {self.tokens.mint(ORG, ['issuer'], 'bench')}"}

    async def _is_served(self) -> bool:
        return (await self.client.get(f"/status/{first_list(ORG)}")).status_code == 200

    def _issue_of(self, credential_id: UUID, index: int) -> CredentialIssued:
        copies = (copy_at(self.uri, index),)
        issuer = f"{ISSUANCE}/issuers/bench"
        return credential_issued(credential_id=credential_id, issuer_org=ORG, issuer=issuer, copies=copies)


@asynccontextmanager
async def database() -> AsyncIterator[EmbeddedPostgres]:
    """Run a durable database with the roles and logs of all services, for the length of a block."""
    async with own_database() as cluster:
        await provision(cluster.admin_dsn(DATABASE))
        with _logging_to(cluster.folder.parent / "log"):
            yield cluster


@contextmanager
def _logging_to(path: Path) -> Iterator[None]:
    """Write what the services log to a file, in the form in which a process of theirs writes it."""
    before = structlog.get_config()
    processors: list[Processor] = [merge_contextvars, add_log_level, TimeStamper(fmt="iso", utc=True), JSONRenderer()]
    with path.open("w") as file:
        structlog.configure(processors=processors, logger_factory=structlog.WriteLoggerFactory(file))
        try:
            yield
        finally:
            structlog.configure(**before)


@asynccontextmanager
async def registry(cluster: EmbeddedPostgres, size: int) -> AsyncIterator[Registry]:
    """Run a registry whose lists have `size` entries of one bit, for the length of a block."""
    folder = cluster.folder.parent
    signer, tokens = TestSigner(), DevelopmentTokenIssuer(folder, TOKENS)
    (folder / "trust-anchors.pem").write_text(signer.anchor.root_pem)
    settings = Settings(
        base_url=BASE, issuer_base_url=ISSUANCE, database_dsn=cluster.dsn("registry"),
        feed_dsns={"issuance": cluster.dsn("log_reader")}, token_issuers={TOKENS: str(tokens.jwks_path)},
        state_dir=folder, status_list_size=size, one_bit_issuers=frozenset({ORG}),
    )  # fmt: skip
    app = create_app(settings, signer=signer)
    issuance = PostgresLog("issuance", cluster.dsn("issuance"))
    async with app.router.lifespan_context(app):
        await issuance.start()
        try:
            transport = httpx2.ASGITransport(app)
            async with httpx2.AsyncClient(transport=transport, base_url=BASE, timeout=60) as client:
                made = Registry(app, runtime_of(app), client, issuance, tokens, signer, size)
                await made.open()
                yield made
        finally:
            await issuance.stop()


async def until(look: Callable[[], Awaitable[bool]]) -> None:
    """Return once `look` says so."""
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while not await look():  # noqa: ASYNC110  what is looked at is a server's
            await asyncio.sleep(0.005)


async def _events(log: PostgresLog) -> AsyncIterator[Event]:
    position = 0
    while page := await log.read(position, _PAGE):
        for recorded in page:
            yield recorded.event
        position = page[-1].position


def caller(app: FastAPI, path: str, headers: Mapping[str, str]) -> Callable[[], Awaitable[Mapping[str, Any]]]:
    """Return what calls the application as a server does, with nothing around it, and returns how its answer starts."""
    raw = [(name.encode(), value.encode()) for name, value in ({"host": "registry.example"} | dict(headers)).items()]
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "https",
        "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "", "headers": raw,
        "client": ("127.0.0.1", 1), "server": ("registry.example", 443),
    }  # fmt: skip

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def call() -> Mapping[str, Any]:
        sent: list[Mapping[str, Any]] = []

        async def send(message: Any) -> None:
            sent.append(message)

        await app(dict(scope), receive, send)
        return sent[0]

    return call

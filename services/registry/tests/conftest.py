"""A whole registry on a database of its own, spoken to over HTTP in process; issuance is its log."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest

from kompetenspass.core.ids import uuid7
from kompetenspass.embedded.tokens import DevelopmentTokenIssuer
from kompetenspass.events.base import Event
from kompetenspass.events.envelope import SYSTEM, Context, seal
from kompetenspass.events.issuance import CredentialIssued
from kompetenspass.events.registry import StatusRef
from kompetenspass.log.api import Append, Stored
from kompetenspass.log.postgres import PostgresLog
from kompetenspass.openid.jose import sign_jws
from kompetenspass.openid.status import StatusListToken, verify_token_by_x5c
from kompetenspass.testing.clock import NOON, FixedClock
from kompetenspass.testing.keys import TestSigner
from kompetenspass.testing.postgres import Database
from kompetenspass.testing.waiting import PATIENCE_SECONDS, until
from kompetenspass.web.cli import runtime_of
from kompetenspass.web.runtime import Runtime
from services.registry.app import create_app
from services.registry.domain.status_list import first_list
from services.registry.service.keys import PROOF_TYP
from services.registry.settings import Settings
from services.registry.state import State

BASE = "https://registry.example"
ISSUANCE = "https://issuance.example"
ALFA = {
    "org_id": "org:alfa",
    "legal_name": {"sv": "Alfa"},
    "slug": "alfa",
    "registration_no": "1",
    "country": "SE",
}


def context(at: datetime = NOON) -> Context:
    return Context(SYSTEM, at, "test")


async def stated(log: PostgresLog, stream: str, version: int, event: Event) -> int:
    """Append an event and return its position."""
    answer = await log.append(Append(stream, version, [seal(uuid7(), event, context())]))
    assert isinstance(answer, Stored)
    return answer.position


def list_uri(org: str = "org:alfa") -> str:
    return f"{BASE}/status/{first_list(org)}"


def issued(credential_id: UUID, *indices: int, org: str = "org:alfa", **changes: Any) -> CredentialIssued:
    """Return the issue of a credential with a copy on each index of the issuer's first list."""
    uri = list_uri(org)
    values: dict[str, Any] = {
        "credential_id": credential_id,
        "achievement_id": uuid7(),
        "learner_ref": "learner:1",
        "definition_id": "def-1",
        "definition_version": 1,
        "definition_digest": "digest",
        "issuer_org": org,
        "issuer": f"{ISSUANCE}/issuers/{org.partition(':')[2]}",
        "format": "dc+sd-jwt",
        "vct": "vct",
        "kid": "k1",
        "copies": tuple(StatusRef(digest=f"{credential_id}-{n}", status_uri=uri, index=n) for n in indices),
        "recognition_level": "R3",
        "valid_from": NOON,
    }
    return CredentialIssued(**(values | changes))


@dataclass
class Rig:
    client: httpx2.AsyncClient
    clock: FixedClock
    runtime: Runtime
    issuance: PostgresLog
    settings: Settings
    signer: TestSigner
    tokens: DevelopmentTokenIssuer

    async def ready(self) -> bool:
        return (await self.client.get("/readyz")).status_code == 200

    def headers(self, org: str, *roles: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens.mint(org, roles, 'client-1')}"}

    async def post(self, path: str, body: object, org: str = "org:rise", role: str = "scheme_owner") -> httpx2.Response:
        return await self.client.post(path, json=body, headers=self.headers(org, role))

    async def issuer_command(self, path: str, body: object, org: str = "org:alfa") -> httpx2.Response:
        return await self.post(path, body, org, "issuer")

    async def issuer(self, org: str = "org:alfa") -> None:
        """Register an organisation in the role of an issuer."""
        slug = org.partition(":")[2]
        registered = await self.post("/v1/organisations", ALFA | {"org_id": org, "slug": slug})
        assert registered.status_code == 201, registered.text
        role = {"role": "issuer", "mandate_ref": "M-1", "valid_from": "2026-01-01T00:00:00Z"}
        granted = await self.post(f"/v1/organisations/{org}/roles", role)
        assert granted.status_code == 201, granted.text

    def key(self, slug: str = "alfa") -> TestSigner:
        return TestSigner(uris=[f"{ISSUANCE}/issuers/{slug}"], anchor=self.signer.anchor)

    async def challenge(self, org: str = "org:alfa") -> str:
        answer = await self.issuer_command(f"/v1/organisations/{org}/keys/challenges", {}, org)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["challenge"])

    def proof(
        self, key: TestSigner, challenge: str, org: str = "org:alfa", defect: Mapping[str, Any] | None = None
    ) -> str:
        claims = {"aud": BASE, "challenge": challenge, "org_id": org, "iat": int(self.clock().timestamp())}
        claims |= defect or {}
        return sign_jws({"typ": PROOF_TYP}, claims, key)

    async def enrol(self, key: TestSigner, org: str = "org:alfa") -> httpx2.Response:
        proof = self.proof(key, await self.challenge(org), org)
        body = {"x5c": list(key.x5c), "proof": proof}
        return await self.issuer_command(f"/v1/organisations/{org}/keys", body, org)

    async def enrolled(self, org: str = "org:alfa") -> None:
        """Register an issuer with a key, and wait until its first list is served."""
        await self.issuer(org)
        answer = await self.enrol(self.key(org.partition(":")[2]), org)
        assert answer.status_code == 201, answer.text
        await until(lambda: self.published(org))

    async def published(self, org: str = "org:alfa") -> str:
        """Return the list as it stands in the table; empty while there is none. Looking again costs no time."""
        found = await State(self.runtime.engine).published(first_list(org))
        return found.token.decode("ascii") if found else ""

    async def says(self, wanted: Mapping[int, int], org: str = "org:alfa") -> StatusListToken:
        """Return the served list once the published one says this of its indices: the next look finds it."""

        async def look() -> bool:
            published = self.verified(await self.published(org), org)
            return {index: published.get(index) for index in wanted} == wanted

        await until(look)
        served = self.verified(await self.list_token(org), org)
        assert {index: served.get(index) for index in wanted} == wanted
        return served

    def verified(self, compact: str | None, org: str = "org:alfa") -> StatusListToken:
        anchors = (self.signer.anchor.certificate,)
        return verify_token_by_x5c(compact or "", uri=list_uri(org), anchors=anchors, now=self.clock())

    async def list_token(self, org: str = "org:alfa") -> str | None:
        """Return what is served a second later, when the server looks again."""
        self.clock.advance(seconds=1)
        answer = await self.client.get(f"/status/{first_list(org)}")
        return answer.text if answer.status_code == 200 else None

    async def issue(self, event: CredentialIssued, version: int = 0) -> None:
        """State an issue in issuance's log and wait until the registry has seen it."""
        position = await stated(self.issuance, f"cred-{event.credential_id}", version, event)
        await self.runtime.caught_up("issuance", position, PATIENCE_SECONDS)


@asynccontextmanager
async def running(database: Database, folder: Path, **changes: Any) -> AsyncIterator[Rig]:
    """Run a registry on the database; its timers look every few milliseconds."""
    clock, signer = FixedClock(), TestSigner()
    tokens = DevelopmentTokenIssuer(folder, "https://tokens.example", clock=clock)
    (folder / "trust-anchors.pem").write_text(signer.anchor.root_pem)
    values: dict[str, Any] = {
        "base_url": BASE,
        "issuer_base_url": ISSUANCE,
        "database_dsn": database.dsn("registry"),
        "feed_dsns": {"issuance": database.dsn("log_reader")},
        "token_issuers": {"https://tokens.example": str(tokens.jwks_path)},
        "state_dir": folder,
        "status_list_size": 64,
        "publish_seconds": 0.02,
        "expire_seconds": 0.02,
        "max_staleness_seconds": 1e9,  # the clock of the tests leaps
    }
    settings = Settings(**(values | changes))
    app = create_app(settings, clock=clock, signer=signer)
    issuance = PostgresLog("issuance", database.dsn("issuance"))
    async with app.router.lifespan_context(app):
        await issuance.start()
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url=BASE) as client:
            rig = Rig(client, clock, runtime_of(app), issuance, settings, signer, tokens)
            await until(rig.ready)
            yield rig
        await issuance.stop()


@pytest.fixture
async def rig(database: Database, tmp_path: Path) -> AsyncIterator[Rig]:
    async with running(database, tmp_path) as made:
        yield made

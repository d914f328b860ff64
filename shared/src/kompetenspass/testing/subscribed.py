"""A service with nothing but a log and its subscriptions, on PostgreSQL and behind a real server, for tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import httpx2

from kompetenspass.core.ids import uuid7
from kompetenspass.embedded.ports import kept_ports
from kompetenspass.embedded.servers import serve
from kompetenspass.embedded.tokens import DevelopmentTokenIssuer
from kompetenspass.events.base import Event
from kompetenspass.events.envelope import Actor, Context, seal
from kompetenspass.events.registry import CredentialRevoked, RoleGranted, StatusRef
from kompetenspass.log.api import Append, Stored
from kompetenspass.subscriptions.delivering import Bounds
from kompetenspass.subscriptions.places import Places
from kompetenspass.subscriptions.stream import Pace
from kompetenspass.subscriptions.wiring import subscribed
from kompetenspass.testing.clock import NOON, FixedClock
from kompetenspass.testing.postgres import Database
from kompetenspass.testing.waiting import until
from kompetenspass.testing.webhooks import Receiver
from kompetenspass.web.app import build_app
from kompetenspass.web.runtime import Runtime
from kompetenspass.web.settings import ServiceSettings, environment

TOKENS = "https://tokens.example"
QUICK = Bounds(flights=4, waiting=12, hold_seconds=1, look_seconds=0.02, idle_seconds=0.02, least_seconds=0)
Only = Literal["all", "api", "projections"]
PACE = Pace(beat_seconds=0.2, slow_seconds=0.5)


class Settings(ServiceSettings):
    """Settings of a registry without its own."""

    service = "registry"
    model_config = environment("registry")


def granted(org: str, role: str = "issuer") -> RoleGranted:
    """Return a public event."""
    return RoleGranted(org_id=org, role=role, mandate_ref="M", granted_by="org:rise", valid_from=NOON)


def revoked() -> CredentialRevoked:
    """Return an event for partners; the stream of a credential is not shown to them."""
    copies = (StatusRef(digest="d", status_uri="https://registry.example/status/1", index=7),)
    return CredentialRevoked(
        credential_id=uuid7(), copies=copies, reason_code="fraud", effective_from=NOON, void_ab_initio=False
    )


@dataclass
class Rig:
    """A running service, its client, and the means to state events and to act as an organisation."""

    client: httpx2.AsyncClient
    runtime: Runtime
    clock: FixedClock
    tokens: DevelopmentTokenIssuer
    versions: dict[str, int]
    places: Places

    async def state(self, stream: str, *events: Event) -> int:
        """Append events and return the position of the last."""
        drafts = [seal(uuid7(), event, Context(Actor("org:rise", "x"), self.clock(), "c")) for event in events]
        answer = await self.runtime.log.append(Append(stream, self.versions.get(stream, 0), drafts))
        assert isinstance(answer, Stored)
        self.versions[stream] = answer.version
        return answer.position

    def by(self, org: str = "org:a", *roles: str) -> dict[str, str]:
        """Return the headers of a caller."""
        return {"Authorization": f"Bearer {self.tokens.mint(org, roles, 'client', ttl_seconds=10**7)}"}

    async def send(self, method: str, path: str, body: Any = None, org: str = "org:a", role: str = "observer") -> Any:
        """Send a command as an organisation and return what is answered; it must not be refused."""
        answer = await self.client.request(method, path, json=body, headers=self.by(org, role))
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    async def subscribe(self, receiver: Receiver, **said: Any) -> dict[str, Any]:
        """Subscribe the receiver and return the answer."""
        made = await self.send("POST", "/v1/subscriptions", {"url": receiver.url, "from": 0} | said)
        assert isinstance(made, dict)
        return made

    async def until_state(self, subscription: dict[str, Any], state: str) -> dict[str, Any]:
        """Return the subscription once it is in a state."""

        async def look() -> dict[str, Any] | None:
            now: dict[str, Any] = await self.send("GET", f"/v1/subscriptions/{subscription['id']}")
            return now if now["state"] == state else None

        return await until(look) or {}

    async def until_failing(self, subscription: dict[str, Any]) -> None:
        """Return once the subscription has taken nothing since an attempt failed."""

        async def look() -> bool:
            now: dict[str, Any] = await self.send("GET", f"/v1/subscriptions/{subscription['id']}")
            return now["failing_since"] is not None

        await until(look)

    async def until_deliveries(self, subscription: dict[str, Any], state: str, count: int) -> list[dict[str, Any]]:
        """Return the deliveries in a state once that are so many."""

        async def look() -> list[dict[str, Any]] | None:
            found = await self.deliveries(subscription, state=state)
            return found if len(found) == count else None

        return await until(look) or []

    async def deliveries(self, subscription: dict[str, Any], **asked: Any) -> list[dict[str, Any]]:
        """Return the delivery log of a subscription."""
        path = f"/v1/subscriptions/{subscription['id']}/deliveries"
        answer = await self.client.get(path, params=asked, headers=self.by())
        found: list[dict[str, Any]] = answer.json()["deliveries"]
        return found


def settings_of(database: Database, folder: Path, jwks: Path, port: int, only: Only) -> Settings:
    """Return the settings of the service."""
    return Settings(
        base_url=f"http://localhost:{port}",
        port=port,
        database_dsn=database.dsn("registry"),
        token_issuers={TOKENS: str(jwks)},
        state_dir=folder,
        allow_loopback_http=True,
        only=only,
    )


@asynccontextmanager
async def running(
    database: Database, folder: Path, package: str, versions: dict[str, int], process: str = "one", only: Only = "all"
) -> AsyncIterator[Rig]:
    """Run the service behind a server of its own; several over one database have names of their own.

    One that serves the API alone delivers nothing.
    """
    clock, places = FixedClock(), Places(total=64, each=16, anonymous=16)
    tokens = DevelopmentTokenIssuer(folder, TOKENS, clock=clock)
    port = kept_ports(folder / f"{process}.json", [process])[process]
    settings = settings_of(database, folder, tokens.jwks_path, port, only)
    runtime = Runtime(settings, clock=clock, migrations=package)
    app = build_app("Trial", runtime=runtime, routers=[subscribed(runtime, pace=PACE, bounds=QUICK, places=places)])
    async with AsyncExitStack() as stack:
        await serve(app, settings, stack)
        client = await stack.enter_async_context(httpx2.AsyncClient(base_url=settings.base_url, timeout=60))
        yield Rig(client, runtime, clock, tokens, versions, places)


Start = Callable[..., AbstractAsyncContextManager[Rig]]
"""What runs the service, again and again over the same database, also several times at once under several names."""

"""A receiver of webhooks on this machine, and the check of a signature as the specification says it.

Nothing here is shared with what signs: the check is written from Standard Webhooks 1.0.0 alone.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kompetenspass.testing.waiting import until


def verified(key: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Return whether one of the signatures in the headers is that of `key` (`whsec_…` or `whpk_…`) over the body."""
    message = b".".join([headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body])
    prefix, _, encoded = key.partition("_")
    secret = base64.b64decode(encoded)
    for signature in headers["webhook-signature"].split(" "):
        version, _, value = signature.partition(",")
        given = base64.b64decode(value)
        if (prefix, version) == ("whsec", "v1"):
            if hmac.compare_digest(hmac.new(secret, message, hashlib.sha256).digest(), given):
                return True
        elif (prefix, version) == ("whpk", "v1a") and _is_of(secret, given, message):
            return True
    return False


def _is_of(public_key: bytes, signature: bytes, message: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except InvalidSignature:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Received:
    """One webhook as it came."""

    headers: Mapping[str, str]
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        """The CloudEvent."""
        event: dict[str, Any] = json.loads(self.body)
        return event

    @property
    def position(self) -> int:
        """The place of the event in its log."""
        return int(self.event["position"])


Answers = Callable[[Received], Response]


@dataclass
class Receiver:
    """What a subscriber runs: it keeps what came, in order, and answers as it is told to (204 by default)."""

    url: str = ""
    answers: Answers = lambda _: Response(status_code=204)
    received: list[Received] = field(default_factory=list)
    accepted: list[Received] = field(default_factory=list)
    block: asyncio.Event | None = None

    async def take(self, request: Request) -> Response:
        """Answer one request; while `block` is there and not set, the answer waits."""
        came = Received(dict(request.headers), await request.body())
        self.received.append(came)
        if self.block is not None:
            await self.block.wait()
        answer = self.answers(came)
        if 200 <= answer.status_code < 300:
            self.accepted.append(came)
        return answer

    async def until_received(self, count: int) -> None:
        """Return once so many have come, whatever was answered."""

        async def look() -> bool:
            return len(self.received) >= count

        await until(look)

    async def until_accepted(self, count: int) -> list[int]:
        """Return the positions of what was accepted once that are so many."""

        async def look() -> bool:
            return len(self.accepted) >= count

        await until(look)
        return self.positions()

    def positions(self) -> list[int]:
        """Return the positions of what was accepted, in the order in which it came."""
        return [came.position for came in self.accepted if "position" in came.event]


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """Run a receiver on a free port of this machine."""
    receiver = Receiver()
    app = Starlette(routes=[Route("/{rest:path}", receiver.take, methods=["POST"])])
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, access_log=False, lifespan="off")
    server = uvicorn.Server(config)
    task = asyncio.create_task(server._serve())  # without capturing the signals of the process

    async def started() -> bool:
        return server.started

    await until(started)
    receiver.url = f"http://localhost:{server.servers[0].sockets[0].getsockname()[1]}/hooks"
    try:
        yield receiver
    finally:
        if receiver.block is not None:
            receiver.block.set()
        server.should_exit = True
        await task

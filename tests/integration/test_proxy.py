"""The whole story behind a TLS proxy under other names: every identifier comes from the settings."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import httpx2
import pytest

from demo.__main__ import play, tokens_of
from demo.parties import Stage
from demo.story import Memory
from kompetenspass.embedded.pki import DevelopmentCA, Kind
from kompetenspass.keys.file import create_key
from services.laptop.five import FOLLOWS
from services.laptop.running import Laptop
from tests.integration import kinds


def server_context(folder: Path) -> ssl.SSLContext:
    """Return the TLS side of a proxy called `localhost`, with a leaf of the platform's own authority."""
    authority = DevelopmentCA(folder / "pki")
    key, chain = folder / "proxy.key.pem", folder / "proxy.chain.pem"
    chain.write_text(authority.issue(Kind.TLS, "proxy", (), create_key(key), san_dns=("localhost",)))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(chain, key)
    return context


async def copied(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    """Copy bytes until one side is done."""
    with suppress(OSError):
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
    sink.close()


@asynccontextmanager
async def tls_proxy(folder: Path, context: ssl.SSLContext, service: str) -> AsyncIterator[str]:
    """Yield the public URL of one service."""

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        port = json.loads((folder / "ports.json").read_text())[service]
        upstream_reader, upstream_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(copied(reader, upstream_writer), copied(upstream_reader, writer))

    server = await asyncio.start_server(forward, "127.0.0.1", 0, ssl=context)
    try:
        yield f"https://localhost:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


async def test_the_story_holds_behind_a_tls_proxy(
    tmp_path: Path, kind: kinds.Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = server_context(tmp_path)
    async with AsyncExitStack() as stack:
        for service in FOLLOWS:
            url = await stack.enter_async_context(tls_proxy(tmp_path, context, service))
            monkeypatch.setenv(f"KOMPETENSPASS_{service.upper()}_BASE_URL", url)
        laptop = await stack.enter_async_context(
            Laptop(tmp_path, status_ttl_seconds=1, apart=kind.apart, kafka=kind.kafka)
        )
        trust = ssl.create_default_context(cafile=str(laptop.names.ca.root_path))
        http = await stack.enter_async_context(httpx2.AsyncClient(verify=trust, timeout=120))
        played = await play(Stage(laptop.urls, tokens_of(laptop), http), Memory())
    assert all(each.ok for each in played), [each for each in played if not each.ok]

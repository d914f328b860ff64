"""The naive peer as a running process, and requests that are prepared for it; see bench.peers.naive."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import asyncpg

from bench.driver.http import FORM, JSON, Connection, Failed, bearer, prepared
from bench.driver.parties import issuer_key_file
from bench.driver.wallet import Held, HolderKey
from bench.of_endpoints.jobs import Answered, Wanted, bound, form_of, proven
from bench.peers.naive import CLIENT_ID, ISSUER, SCHEMA
from bench.platform import ROOT, Platform
from bench.processes import end, start
from kompetenspass.core.ids import random_token, uuid7
from kompetenspass.embedded.ports import kept_ports
from kompetenspass.openid.sdjwt import parse
from kompetenspass.openid.sdjwt.process import process

_TRIES, _PAUSE_SECONDS = 1800, 0.1


@dataclass(frozen=True)
class Naive:
    """The running peer. `claims` are those of a credential of ours, so that it issues the same."""

    url: str
    pid: int
    database: asyncpg.Connection
    claims: dict[str, Any]

    async def credentials(self, how_many: int, keys: int = 1) -> list[tuple[Wanted, bytes]]:
        """Return credential requests, each with an access token, a nonce and as many keys of its own."""
        made = [
            proven([HolderKey() for _ in range(keys)], ISSUER, random_token(), random_token()) for _ in range(how_many)
        ]
        grants = [(wanted.code, json.dumps(self.claims)) for wanted in made]
        await self.database.executemany("INSERT INTO grants (access_token, claims) VALUES ($1, $2)", grants)
        nonces = [(wanted.nonce,) for wanted in made]
        await self.database.executemany("INSERT INTO nonces (value) VALUES ($1)", nonces)
        return [
            (wanted, prepared("POST", "/credential", wanted.body("mikromerit"), {**JSON, **bearer(wanted.code)}))
            for wanted in made
        ]

    async def presentations(self, held: Sequence[Held]) -> list[tuple[Answered, bytes]]:
        """Return answers to requests of its verifier, one with each credential."""
        asked = [(str(uuid7()), random_token(), random_token()) for _ in held]
        await self.database.executemany("INSERT INTO requests (id, nonce, state) VALUES ($1, $2, $3)", asked)
        return [
            _answer(request_id, nonce, state, one) for (request_id, nonce, state), one in zip(asked, held, strict=True)
        ]

    async def events(self) -> int:
        """Return how many events it has stored."""
        return int(await self.database.fetchval("SELECT count(*) FROM events"))


@asynccontextmanager
async def naive(platform: Platform, sample: Held) -> AsyncIterator[Naive]:
    """Run the peer on the platform's database, with the keys and the trust of its awarding body."""
    folder = platform.folder / "naive"
    folder.mkdir(exist_ok=True)
    keys = issuer_key_file(platform).parent
    port = kept_ports(folder / "port.json", ["naive"])["naive"]
    (folder / "status.jwt").write_text(await _status_list(sample))
    said = {
        "dsn": platform.database_dsn,
        "key": str(keys / "key.pem"),
        "chain": str(keys / "chain.pem"),
        "anchors": str(platform.folder / "pki" / "root.pem"),
        "status_token": str(folder / "status.jwt"),
        "port": port,
    }
    (folder / "said.json").write_text(json.dumps(said))
    command = [sys.executable, "-m", "bench.peers.naive_server", str(folder / "said.json")]
    process = await start(command, None, folder / "log", ROOT)
    database = await asyncpg.connect(platform.database_dsn, server_settings={"search_path": SCHEMA})
    try:
        url = f"http://127.0.0.1:{port}"
        await _answering(url)
        yield Naive(url, process.pid, database, _claims(sample))
    finally:
        await database.close()
        await end(process)


def _answer(request_id: str, nonce: str, state: str, held: Held) -> tuple[Answered, bytes]:
    presentation = bound(held, CLIENT_ID, nonce)
    message = prepared("POST", f"/responses/{request_id}", form_of(presentation, state), FORM)
    return Answered(request_id, nonce, presentation, held), message


def _claims(sample: Held) -> dict[str, Any]:
    """Return all claims of a credential, as its issuer had them before hiding any."""
    parts = parse(sample.credential)
    claims = process(sample.payload, parts.disclosures).claims
    return {name: value for name, value in claims.items() if name != "cnf"}


async def _status_list(sample: Held) -> str:
    """Return the status list token that a credential of ours names."""
    uri, _ = sample.entry
    connection = Connection(uri)
    answer = await connection.request("GET", urlsplit(uri).path)
    connection.close()
    return answer.must().body.decode()


async def _answering(url: str) -> None:
    connection = Connection(url)
    for _ in range(_TRIES):
        try:
            await connection.request("GET", "/openapi.json")
        except Failed:
            await asyncio.sleep(_PAUSE_SECONDS)
        else:
            connection.close()
            return
    raise Failed("the naive peer did not start")

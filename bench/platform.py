"""A platform to measure: one that runs already, found by its state folder, or one started for the measurement."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import httpx2

from kompetenspass.embedded.tokens import DevelopmentTokenIssuer

ROOT = Path(__file__).parent.parent
_START_SECONDS = 180.0


@dataclass(frozen=True)
class Platform:
    """The running services: their URLs, and what is needed to speak for an organisation."""

    folder: Path
    urls: Mapping[str, str]
    database_dsn: str

    def token(self, slug: str, role: str) -> str:
        """Return an access token of the development issuer."""
        issuer = DevelopmentTokenIssuer(self.folder / "tokens", f"{self.urls['catalog']}/development-tokens")
        return issuer.mint(f"org:{slug}", [role], f"{slug}:{role}")

    async def durability(self) -> str:
        """Return what the database promises of a commit."""
        connection = await asyncpg.connect(self.database_dsn)
        try:
            shown = [f"{name}={await connection.fetchval(f'show {name}')}" for name in ("fsync", "synchronous_commit")]
        finally:
            await connection.close()
        return ", ".join(shown)


@asynccontextmanager
async def platform(folder: Path | None) -> AsyncIterator[Platform]:
    """Return the platform of `folder`, or one that runs in a folder of its own for the length of the block."""
    if folder is not None:
        yield _found(folder)
        return
    with tempfile.TemporaryDirectory(prefix="kompetenspass-bench-") as fresh:
        os.chmod(fresh, 0o755)  # noqa: PTH101, S103  the database may run as another account
        async with _started(Path(fresh)) as running:
            yield running


@asynccontextmanager
async def _started(folder: Path) -> AsyncIterator[Platform]:
    log = folder / "bench.log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "services", "--folder", str(folder / "run"), cwd=ROOT, stdout=output, stderr=output
        )
        try:
            async with asyncio.timeout(_START_SECONDS):
                await _until_ready(folder / "run", process, log)
            yield _found(folder / "run")
        finally:
            if process.returncode is None:
                process.terminate()
                await process.wait()


async def _until_ready(folder: Path, process: asyncio.subprocess.Process, log: Path) -> None:
    async with httpx2.AsyncClient(trust_env=False) as client:
        while not (folder / "set-up.done").exists() or not await _ready(client, _found(folder)):
            if process.returncode is not None:
                raise RuntimeError(f"the platform did not start:\n{_end_of(log)}")
            await asyncio.sleep(0.2)


def _end_of(log: Path) -> str:
    return log.read_text()[-2000:]


async def _ready(client: httpx2.AsyncClient, found: Platform) -> bool:
    try:
        answers = [await client.get(f"{url}/readyz") for url in found.urls.values()]
    except httpx2.TransportError:
        return False
    lags = [cursor["lag"] for answer in answers for cursor in answer.json()["cursors"]]
    return all(answer.status_code == 200 for answer in answers) and not any(lags)


def _found(folder: Path) -> Platform:
    ports = json.loads((folder / "ports.json").read_text())
    urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
    lines = (shlex.split(line)[1] for line in (folder / "environment").read_text().splitlines())
    settings = dict(line.split("=", 1) for line in lines)
    return Platform(folder, urls, settings["KOMPETENSPASS_ISSUANCE_DATABASE_DSN"])

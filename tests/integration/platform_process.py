"""The laptop as a process of its own, to be killed and started again."""

from __future__ import annotations

import asyncio
import json
import shlex
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import asyncpg
import httpx2

from kompetenspass.embedded.tokens import DevelopmentTokenIssuer
from kompetenspass.events.issuance import CredentialIssued
from kompetenspass.log.api import Recorded
from kompetenspass.log.postgres import PostgresFeed
from tests.integration.kinds import ONE, Kind

_TOLD = b"for laptops and trials only"
"""What it says once all is set up, and every service has read what was set up by the others."""

_READY_SECONDS = 900  # a busy machine may take its time
_STOP_SECONDS = 120


class Platform:
    """`python -m services` on one folder, run as `kind` says."""

    def __init__(self, folder: Path, kind: Kind = ONE) -> None:
        self.folder = folder
        self.kind = kind
        self._process: subprocess.Popen[bytes] | None = None
        self._begun = 0

    async def start(self) -> None:
        """Start it and return when all five services are ready; nothing is left of one that does not get so far."""
        self.launch()
        try:
            await self._until_ready()
        except BaseException:
            self.stop()
            raise

    async def _until_ready(self) -> None:
        assert self._process is not None
        async with asyncio.timeout(_READY_SECONDS), httpx2.AsyncClient(timeout=10) as http:
            while not await self._ready(http):
                if self._process.poll() is not None:
                    raise AssertionError((self.folder / "services.log").read_text()[-3000:])
                await asyncio.sleep(0.1)

    def launch(self) -> None:
        """Start it and wait for nothing."""
        command = [sys.executable, "-m", "services", "--folder", str(self.folder), *self.kind.options]
        with (self.folder / "services.log").open("ab") as output:
            self._begun = output.tell()
            self._process = subprocess.Popen(command, stdout=output, stderr=output)

    def kill(self) -> None:
        """End it at once, without a chance to clean up (`kill -9`); what it has started ends with it."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(_STOP_SECONDS)

    def stop(self) -> int:
        """Ask it to stop; return its exit code."""
        assert self._process is not None
        if self._process.poll() is None:
            self._process.terminate()
        return self._process.wait(_STOP_SECONDS)

    @property
    def urls(self) -> dict[str, str]:
        """The base URL of each service."""
        ports: dict[str, int] = json.loads((self.folder / "ports.json").read_text())
        return {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}

    @property
    def tokens(self) -> DevelopmentTokenIssuer:
        """The issuer of access tokens that the platform trusts."""
        return DevelopmentTokenIssuer(self.folder / "tokens", f"{self.urls['catalog']}/development-tokens")

    def dsn(self, service: str) -> str:
        """Return the database address of one service's role."""
        return self.environment()[f"KOMPETENSPASS_{service.upper()}_DATABASE_DSN"]

    async def log_of(self, owner: str) -> list[Recorded]:
        """Return one service's whole log."""
        feed = PostgresFeed(owner, self.dsn(owner))
        await feed.start()
        try:
            events: list[Recorded] = []
            while page := await feed.read(events[-1].position if events else 0, 1000):
                events.extend(page)
            return events
        finally:
            await feed.stop()

    async def issued(self) -> list[CredentialIssued]:
        """Return every CredentialIssued of the log."""
        return [e.event for e in await self.log_of("issuance") if isinstance(e.event, CredentialIssued)]

    async def rows(self, service: str, query: str) -> list[tuple[object, ...]]:
        """Return the rows of a query in one service's schema."""
        connection = await asyncpg.connect(self.dsn(service))
        try:
            return [tuple(row) for row in await connection.fetch(query)]
        finally:
            await connection.close()

    def environment(self) -> dict[str, str]:
        """Return the settings of all services, as environment variables."""
        lines = (self.folder / "environment").read_text().splitlines()
        return dict(shlex.split(line)[1].split("=", 1) for line in lines)

    async def _ready(self, http: httpx2.AsyncClient) -> bool:
        if _TOLD not in (self.folder / "services.log").read_bytes()[self._begun :]:
            return False
        with suppress(httpx2.HTTPError, FileNotFoundError):
            answers = [await http.get(f"{url}/readyz") for url in self.urls.values()]
            return (self.folder / "set-up.done").exists() and all(answer.status_code == 200 for answer in answers)
        return False

"""A platform to measure: all services in one process, or each in its own, on a PostgreSQL that keeps its promises."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import asyncpg

from bench.driver.http import Connection, Failed
from bench.processes import children, end, family_seconds, name, processor_nanoseconds, start
from kompetenspass.embedded.ports import kept_ports
from kompetenspass.embedded.postgres import EmbeddedPostgres
from kompetenspass.embedded.tokens import DevelopmentTokenIssuer

ROOT = Path(__file__).parent.parent
SERVICES = ("registry", "catalog", "issuance", "verification", "wallet")
ONE: Mapping[str, str] = {}
"""All five services in one process, as `make run` has them."""
BESIDE: Mapping[str, str] = {"issuance": "api", "verification": "api"}
"""The same, but for those who answer wallets: their requests are answered in processes of their own."""
FIVE: Mapping[str, str] = dict.fromkeys(SERVICES, "all")
"""Each service in a process of its own."""
SPLIT: Mapping[str, str] = {**FIVE, "issuance": "split"}
"""The same, and issuance in two: one answers, one follows the logs."""
_START_SECONDS, _CAUGHT_UP_SECONDS = 180.0, 240.0
_POLL_SECONDS = 0.1
_LAST = 20  # lines
_DAY = 86_400

Processes = dict[str, asyncio.subprocess.Process]


@dataclass(frozen=True)
class Platform:
    """The running services: their URLs, their processes by name, and what is needed to speak for an organisation."""

    folder: Path
    urls: Mapping[str, str]
    database_dsn: str
    processes: Mapping[str, int] = field(default_factory=dict)
    postgres: int | None = None
    health: Sequence[str] = ()
    started: Mapping[str, asyncio.subprocess.Process] = field(default_factory=dict)

    def token(self, slug: str, role: str) -> str:
        """Return an access token of the development issuer."""
        issuer = DevelopmentTokenIssuer(self.folder / "tokens", f"{self.urls['catalog']}/development-tokens")
        return issuer.mint(f"org:{slug}", [role], f"{slug}:{role}", _DAY)

    async def durability(self) -> str:
        """Return what the database promises of a commit."""
        return ", ".join([f"{each}={await self.fetched(f'show {each}')}" for each in ("fsync", "synchronous_commit")])

    async def fetched(self, query: str) -> object:
        """Return the one value that a query has for the role of issuance."""
        connection = await asyncpg.connect(self.database_dsn)
        try:
            return await connection.fetchval(query)
        finally:
            await connection.close()

    def used(self) -> Mapping[str, float]:
        """Return the processor seconds of each process until now: services, database with its children, this driver."""
        services = {each: processor_nanoseconds(pid) / 1e9 for each, pid in self.processes.items()}
        postgres = {"postgres": family_seconds(self.postgres)} if self.postgres else {}
        return {**services, **postgres, "driver": time.process_time()}

    async def caught_up(self) -> float:
        """Return after how many seconds no reader had anything left to read.

        Raises RuntimeError naming who has, in each process, or a process that has ended.
        """
        began = time.perf_counter()
        connections = {url: Connection(url) for url in self.health}
        try:
            while not await self._at_rest(connections.values()):
                if time.perf_counter() - began > _CAUGHT_UP_SECONDS:
                    behind = json.dumps({url: await _told(each) for url, each in connections.items()}, indent=1)
                    raise RuntimeError(f"a reader does not catch up: {behind}\n{_log_end(self.folder)}")
                await asyncio.sleep(_POLL_SECONDS)
        finally:
            for connection in connections.values():
                connection.close()
        return time.perf_counter() - began

    async def _at_rest(self, connections: Iterable[Connection]) -> bool:
        """Ask one after the other, and none after the first that is not: it has work to do for it."""
        _still_run(self.started, self.folder)
        try:
            for connection in connections:
                if await _behind(connection):
                    return False
        except Failed:
            await asyncio.sleep(_POLL_SECONDS)  # whoever ended is known to have ended a moment later
            _still_run(self.started, self.folder)
            raise
        return True


@asynccontextmanager
async def fresh_folder() -> AsyncIterator[Path]:
    """Return a folder in which a platform was set up once, and is stopped; it is gone after the block."""
    with tempfile.TemporaryDirectory(prefix="kompetenspass-bench-") as fresh:
        os.chmod(fresh, 0o755)  # noqa: PTH101, S103  the database may run as another account
        folder = Path(fresh) / "run"
        folder.mkdir()
        async with running(folder, ONE):
            pass
        yield folder


@asynccontextmanager
async def running(folder: Path, shape: Mapping[str, str]) -> AsyncIterator[Platform]:
    """Run the platform of `folder` in processes of that shape, and end each of them, whatever happens in the block.

    A shape names what runs in processes of its own, and how: `all` of a service, only its `api`, or `split` in an api
    and a process that follows the logs. What it does not name runs together in one, so of a shape that does not name
    all services, only `api` can be apart.
    """
    async with AsyncExitStack() as stack:
        started = await _all_started(folder, shape, stack)
        await started.caught_up()
        yield started


async def _all_started(folder: Path, shape: Mapping[str, str], stack: AsyncExitStack) -> Platform:
    together = len(shape) < len(SERVICES)
    processes, postgres = await (_together(folder, shape, stack) if together else _database(folder, stack))
    urls, health = {}, []
    for service, how in shape.items():
        for only in ("api", "projections") if how == "split" else (how,):
            environment, url = _environment(folder, service, only, own_port=not together and only != "projections")
            command = [sys.executable, "-m", f"services.{service}"]
            called = service if only == "all" else f"{service} {only}"
            processes[called] = await _started(command, environment, folder, stack)
            health.append(url)
            if only != "projections":
                urls[service] = url
    base = found(folder)
    every = [*base.health, *health] if together else health
    pids = {called: process.pid for called, process in processes.items()}
    started = replace(
        base, urls={**base.urls, **urls}, processes=pids, postgres=postgres, health=every, started=processes
    )
    await _until_ready(started)
    return started


async def _together(folder: Path, shape: Mapping[str, str], stack: AsyncExitStack) -> tuple[Processes, int]:
    only = [f"KOMPETENSPASS_{service.upper()}_ONLY=projections" for service in shape]
    command = ["env", *only, sys.executable, "-m", "services", "--folder", str(folder)]
    processes = {"services": await _started(command, None, folder, stack)}
    async with asyncio.timeout(_START_SECONDS):
        while not (folder / "set-up.done").exists():
            _still_run(processes, folder)
            await asyncio.sleep(_POLL_SECONDS)
    await _until_ready(replace(found(folder), started=processes))
    pid = processes["services"].pid
    return processes, next(child for child in children(pid) if name(child) == "postgres")


async def _database(folder: Path, stack: AsyncExitStack) -> tuple[Processes, int | None]:
    postgres = EmbeddedPostgres(folder / "postgres")
    stack.push_async_callback(postgres.stop)
    await postgres.start()
    return {}, postgres.pid


async def _until_ready(started: Platform) -> None:
    async with asyncio.timeout(_START_SECONDS):
        while not await _ready(started):
            _still_run(started.started, started.folder)
            await asyncio.sleep(_POLL_SECONDS)


def _environment(folder: Path, service: str, only: str, *, own_port: bool) -> tuple[dict[str, str], str]:
    """Return the settings of one process of a service, and its address: the service's own port is for one of them."""
    prefix = f"KOMPETENSPASS_{service.upper()}"
    settings = _settings(folder)
    if not own_port:
        port = kept_ports(folder / f"{service}-{only}-port.json", [service])[service]
        settings[f"{prefix}_PORT"] = str(port)
    settings[f"{prefix}_ONLY"] = only
    return settings, f"http://127.0.0.1:{settings[f'{prefix}_PORT']}"


async def _started(
    command: Sequence[str], environment: Mapping[str, str] | None, folder: Path, stack: AsyncExitStack
) -> asyncio.subprocess.Process:
    process = await start(command, environment, _output(folder), ROOT)
    stack.push_async_callback(end, process)
    return process


async def _ready(started: Platform) -> bool:
    connections = [Connection(url) for url in started.health]
    try:
        return all([(await connection.request("GET", "/readyz")).ok for connection in connections])
    except Failed:
        return False
    finally:
        for connection in connections:
            connection.close()


async def _behind(connection: Connection) -> Sequence[object]:
    """Return the cursors of a process that have not come to the end of their logs."""
    cursors = (await connection.request("GET", "/readyz")).json()["cursors"]
    return [cursor for cursor in cursors if cursor["lag"]]


async def _told(connection: Connection) -> object:
    try:
        return await _behind(connection)
    except Failed as failed:
        return str(failed)


def _still_run(processes: Mapping[str, asyncio.subprocess.Process], folder: Path) -> None:
    """Raise RuntimeError if one of the processes has ended, which none does unasked, with the end of their log."""
    for called, process in processes.items():
        if process.returncode is not None:
            raise RuntimeError(f"{called} ended with {process.returncode}:\n{_log_end(folder)}")


def _log_end(folder: Path) -> str:
    """Return the last alarms of the services, and the last lines."""
    lines = _output(folder).read_text(errors="replace").splitlines() if _output(folder).exists() else []
    alarms = [line for line in lines[:-_LAST] if '"alarm": true' in line]
    return "\n".join([*alarms[-_LAST:], *lines[-_LAST:]])


def _output(folder: Path) -> Path:
    return folder.parent / "bench.log"


def found(folder: Path) -> Platform:
    """Return the platform that runs on a folder, whoever started it."""
    ports = json.loads((folder / "ports.json").read_text())
    urls = {each: f"http://127.0.0.1:{port}" for each, port in ports.items()}
    return Platform(folder, urls, _settings(folder)["KOMPETENSPASS_ISSUANCE_DATABASE_DSN"], health=list(urls.values()))


def _settings(folder: Path) -> dict[str, str]:
    lines = (shlex.split(line)[1] for line in (folder / "environment").read_text().splitlines())
    return dict(line.split("=", 1) for line in lines)

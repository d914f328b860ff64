"""A small service on a real database whose every event can be accounted for: what faults are tried on.

It appends to its own log, reads it into a table of its own, and answers /readyz, all by the platform's own parts.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg
import httpx2
from fastapi import APIRouter
from sqlalchemy import Column, MetaData, Table, Text, func, select
from sqlalchemy.dialects.postgresql import insert

from kompetenspass.core.clock import Clock, system_clock
from kompetenspass.core.errors import Kind, Problem
from kompetenspass.events.wallet import CredentialReceived
from kompetenspass.log.api import AlreadyStored, Append, Recorded, Stored, WholeLog
from kompetenspass.log.conformance import draft
from kompetenspass.log.project import Projection
from kompetenspass.log.writing import Writing
from kompetenspass.testing.waiting import PATIENCE_SECONDS, until
from kompetenspass.web.app import build_app
from kompetenspass.web.runtime import Runtime
from kompetenspass.web.settings import ServiceSettings, environment

SERVICE = "wallet"
MIGRATIONS = "services.wallet.migrations"
TABLES = MetaData()
SEEN = Table("seen", TABLES, Column("stream", Text, primary_key=True), Column("versions", Text, nullable=False))
"""Of each stream the versions that were applied, in the order in which they were: `1 2 3`."""
AGAIN_SECONDS = 0.05
_WAITING = """
SELECT pid FROM pg_stat_activity
WHERE datname = current_database() AND usename = 'wallet' AND wait_event_type = 'Lock'
"""


class Settings(ServiceSettings):
    """The settings of the trial."""

    service = SERVICE
    model_config = environment(SERVICE)


async def see(writing: Writing, recorded: Recorded) -> None:
    """Note the version behind those of its stream: one that is applied twice, or too early, shows."""
    assert isinstance(recorded.event, CredentialReceived)
    row = insert(SEEN).values(stream=recorded.stream, versions=f"{recorded.version}")
    further = func.concat(SEEN.c.versions, " ", row.excluded.versions)
    await writing.execute(row.on_conflict_do_update(index_elements=["stream"], set_={"versions": further}))


@dataclass
class Writers:
    """Callers that say the same again, by the same ids, until they are told that it is stored."""

    runtime: Runtime
    stored: dict[UUID, int] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    _versions: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))

    async def write(self, stream: str, events: int) -> None:
        """Append so many events to a stream, each when the one before is stored."""
        for _ in range(events):
            request = Append(stream, self._versions[stream], [draft()])
            self.stored[request.drafts[0].id] = await self._until_stored(request)
            self._versions[stream] += 1

    async def _until_stored(self, request: Append) -> int:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                try:
                    answer = await self.runtime.log.append(request)
                except Problem as problem:
                    if problem.kind is not Kind.UNAVAILABLE:
                        raise
                    self.refused.append(problem.code)
                    await asyncio.sleep(AGAIN_SECONDS)
                else:
                    assert isinstance(answer, Stored | AlreadyStored), answer
                    return answer.position


@dataclass
class Trial:
    """A service that runs, and those who write to it."""

    runtime: Runtime
    http: httpx2.AsyncClient
    writers: Writers

    async def write(self, events: int, streams: int = 5) -> None:
        """Append events to each of several streams at once, however often it is refused meanwhile."""
        await asyncio.gather(*(self.writers.write(f"s-{number}", events) for number in range(streams)))

    async def readyz(self) -> tuple[int, dict[str, Any]]:
        """Return what /readyz answers: status and body."""
        answer = await self.http.get("/readyz")
        return answer.status_code, answer.json()

    async def until_ready(self) -> dict[str, Any]:
        """Return what /readyz says once it says that the service is ready and without lag."""

        async def look() -> dict[str, Any] | None:
            status, said = await self.readyz()
            caught_up = status == 200 and all(cursor["lag"] == 0 for cursor in said["cursors"])
            return said if caught_up else None

        return await until(look) or {}

    async def check(self) -> None:
        """Hold log and read table against what writers were told: nothing lost, nothing doubled, order kept."""
        rows = await whole(self.runtime.log)
        assert [row.position for row in rows] == list(range(1, len(rows) + 1))
        assert {row.id: row.position for row in rows} == self.writers.stored
        await self.runtime.caught_up(SERVICE, len(rows), PATIENCE_SECONDS)
        wanted: dict[str, list[str]] = defaultdict(list)
        for row in rows:
            wanted[row.stream].append(f"{row.version}")
        assert await self.seen() == {stream: " ".join(versions) for stream, versions in wanted.items()}
        assert all(versions == [f"{n + 1}" for n in range(len(versions))] for versions in wanted.values())

    async def seen(self) -> dict[str, str]:
        """Return what the read table has."""
        async with self.runtime.engine.connect() as connection:
            return {row.stream: row.versions for row in await connection.execute(select(SEEN))}


async def whole(log: WholeLog) -> list[Recorded]:
    """Return all of a log."""
    found: list[Recorded] = []
    while page := await log.read(len(found), 1000):
        found += page
    return found


@asynccontextmanager
async def holding(dsn: str, *statements: str) -> AsyncIterator[asyncpg.Connection]:
    """Hold what some statements lock, or see, in a transaction for the length of a block."""
    connection = await asyncpg.connect(dsn)
    try:
        async with connection.transaction(isolation="repeatable_read"):
            for statement in statements:
                await connection.execute(statement)
            yield connection
    finally:
        connection.terminate()


async def waiting_for_locks(admin: asyncpg.Connection) -> list[int]:
    """Return the processes of the database that wait for a lock on behalf of the service."""
    return [row["pid"] for row in await admin.fetch(_WAITING)]


def _routes(runtime: Runtime) -> APIRouter:
    """Return a query and a command that use the database as any other does."""
    router = APIRouter()

    @router.get("/v1/seen")
    async def seen() -> int:
        async with runtime.engine.connect() as connection:
            return int(await connection.scalar(select(func.count()).select_from(SEEN)) or 0)

    @router.post("/v1/seen")
    async def reset() -> None:
        async with runtime.engine.begin() as connection:
            await connection.execute(select(func.pg_advisory_xact_lock(0)))

    return router


@asynccontextmanager
async def trial(
    dsn: str, *, clock: Clock = system_clock, handler: Callable[[Writing, Recorded], Awaitable[None]] = see, **more: Any
) -> AsyncIterator[Trial]:
    """Run the service on the database of `dsn`; `more` goes to its projection."""
    settings = Settings(base_url="https://wallet.example", database_dsn=dsn)
    runtime = Runtime(settings, clock=clock, migrations=MIGRATIONS)
    runtime.project(Projection("seeing", 1, (SERVICE,), TABLES, {CredentialReceived: handler}, **more))
    transport = httpx2.ASGITransport(build_app("Trial", runtime=runtime, routers=[_routes(runtime)]))
    async with runtime, httpx2.AsyncClient(transport=transport, base_url="https://wallet.example") as http:
        running = Trial(runtime, http, Writers(runtime))
        await running.until_ready()
        yield running

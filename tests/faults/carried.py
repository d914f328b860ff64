"""A service that follows another's log by Kafka: the log grows, a relay sends it, and /readyz says how it goes."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2
from sqlalchemy import select

from kompetenspass.core.errors import Problem
from kompetenspass.log.api import Append
from kompetenspass.log.conformance import draft
from kompetenspass.log.kafka.relay import Relay
from kompetenspass.log.kafka.tables import TABLES as RELAY_TABLES
from kompetenspass.log.postgres import PostgresLog
from kompetenspass.log.steps import nothing_at
from kompetenspass.testing.postgres import Database
from kompetenspass.testing.waiting import until
from kompetenspass.web.app import build_app
from kompetenspass.web.migrate import engine_of
from kompetenspass.web.runtime import Runtime
from kompetenspass.web.settings import Kafka, ServiceSettings, environment
from tests.faults.stages import OWNER, PROJECTION, READER, SHAPE, Play, relaying
from tests.faults.trial import SEEN, whole

MIGRATIONS = "services.verification.migrations"
STALE_SECONDS = 3


class Settings(ServiceSettings):
    """The settings of the service that follows."""

    service = READER
    model_config = environment(READER)


@dataclass
class Carried:
    """The log, its relay, and the service that reads it by Kafka."""

    log: PostgresLog
    relay: Relay
    runtime: Runtime
    http: httpx2.AsyncClient
    versions: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))

    async def append(self, events: int, streams: int = 5) -> None:
        """Let the log grow."""
        for number in range(events):
            stream = f"s-{number % streams}"
            if stream not in self.versions:
                self.versions[stream] = len(await self.log.read_stream(stream))
            await self.log.append(Append(stream, self.versions[stream], [draft()]))
            self.versions[stream] += 1

    async def growing(self) -> None:
        """Let the log grow until cancelled."""
        while True:
            await self.append(5)
            await asyncio.sleep(0.05)

    async def readyz(self) -> tuple[int, dict[str, Any]]:
        """Return what /readyz answers: status, and what it says of the one cursor."""
        answer = await self.http.get("/readyz")
        return answer.status_code, (answer.json()["cursors"] or [{}])[0]

    async def is_out_of_reach(self) -> bool:
        """Return whether the service is ready, and says that it does not know how far the log is."""
        status, cursor = await self.readyz()
        return status == 200 and cursor["lag"] is None

    async def is_stale(self) -> bool:
        """Return whether what rests on the log is refused."""
        try:
            await self.runtime.require_fresh(OWNER)
        except Problem as problem:
            return problem.code == "facts_stale"
        return False

    async def relay_lags(self) -> bool:
        """Return whether events wait for Kafka."""
        return (await self.relay.measured()).lag > 0

    async def has_all(self) -> bool:
        """Return whether the service has read all of the log."""
        _, cursor = await self.readyz()
        return cursor.get("position") == await self.log.head() and not cursor["lag"]

    async def check(self) -> None:
        """Wait until all is read; hold the read table against the log."""
        await until(self.has_all)
        wanted: defaultdict[str, list[str]] = defaultdict(list)
        for row in await whole(self.log):
            wanted[row.stream].append(f"{row.version}")
        async with self.runtime.engine.connect() as connection:
            seen = {row.stream: row.versions for row in await connection.execute(select(SEEN))}
        assert seen == {stream: " ".join(versions) for stream, versions in wanted.items()}


async def never(_step: str) -> None:
    """Hold up who comes to a step."""
    await asyncio.Event().wait()


@asynccontextmanager
async def carried(database: Database, bootstrap: str, *, sends: bool = True) -> AsyncIterator[Carried]:
    """Run all of it, and wait until the service has all, unless the relay sends nothing; the topic is there already."""
    play = Play("", "", database.dsn(OWNER), database.dsn(READER), bootstrap)
    engine = engine_of(play.owner_dsn, OWNER)
    async with engine.begin() as connection:
        await connection.run_sync(RELAY_TABLES.create_all)
    await engine.dispose()
    kafka = Kafka(**play.connecting.model_dump(), **SHAPE.model_dump())
    settings = Settings(
        base_url="https://verification.example",
        database_dsn=play.reader_dsn,
        transport="kafka",
        kafka=kafka,
        max_staleness_seconds=STALE_SECONDS,
    )
    runtime, log = Runtime(settings, migrations=MIGRATIONS), PostgresLog(OWNER, play.owner_dsn)
    runtime.project(PROJECTION)
    transport = httpx2.ASGITransport(build_app("Trial", runtime=runtime))
    await log.start()
    try:
        async with (
            relaying(play, nothing_at if sends else never) as relay,
            runtime,
            httpx2.AsyncClient(transport=transport, base_url=settings.base_url) as http,
        ):
            running = Carried(log, relay, runtime, http)
            await running.append(20)
            if sends:
                await running.check()
            yield running
    finally:
        await log.stop()

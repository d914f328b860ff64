"""A Kafka of one test's own, a log, and relays between them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from kompetenspass.log.api import Append, Recorded, WholeLog
from kompetenspass.log.conformance import draft
from kompetenspass.log.kafka.connecting import Connecting
from kompetenspass.log.kafka.headers import Carried, Watermark
from kompetenspass.log.kafka.lease import Lease, presence_of
from kompetenspass.log.kafka.relay import Relay
from kompetenspass.log.kafka.tables import RELAY_CURSOR
from kompetenspass.log.kafka.topics import Shape, names_of
from kompetenspass.log.memory import MemoryLog
from kompetenspass.log.presence import Presence
from kompetenspass.testing.clock import FixedClock
from kompetenspass.testing.histories import history
from kompetenspass.testing.kafka.clients import QUICK
from kompetenspass.testing.kafka.mock import MockKafka
from kompetenspass.testing.kafka.records import kept, records_of, said_in
from kompetenspass.testing.postgres import Database
from kompetenspass.testing.waiting import until
from kompetenspass.web.migrate import upgrade

SOURCE = "https://owner.example"
_CUT = """
SELECT pg_terminate_backend(pid) FROM pg_locks
WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


@pytest.fixture(scope="session")
def migrations(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service's history that only makes the table of the relay."""
    root = tmp_path_factory.mktemp("relay")
    with history(root, "relay", "kompetenspass.log.kafka.revisions", "relay_cursor") as package:
        yield package


@dataclass
class Stage:
    """A log in memory of the wallet, which has nothing public, unless a test takes another."""

    kafka: MockKafka
    engine: AsyncEngine
    admin: asyncpg.Connection
    log: MemoryLog
    partitions: int = 4
    steps: list[str] = field(default_factory=list)
    presences: list[Presence] = field(default_factory=list)

    def make_topics(self, owner: str = "wallet") -> None:
        for name in names_of(owner):
            self.kafka.create_topic(name, self.partitions)

    def relay(self, feed: WholeLog | None = None, **options: Any) -> Relay:
        connecting = Connecting(bootstrap_servers=self.kafka.bootstrap, security="PLAINTEXT", request_timeout_seconds=5)
        shape = Shape(partitions=self.partitions, replication=1, min_insync_replicas=1)
        options.setdefault("at", self.note)
        return Relay(feed or self.log, self.engine, connecting, shape, source=SOURCE, **options)

    async def note(self, step: str) -> None:
        self.steps.append(step)

    @asynccontextmanager
    async def running(self, relay: Relay) -> AsyncIterator[asyncio.Event]:
        """Run a relay for the length of a block, which gets the event that stops it."""
        stopping = asyncio.Event()
        task = asyncio.create_task(relay.run(stopping))
        try:
            yield stopping
        finally:
            stopping.set()
            await task

    async def append(self, events: int, streams: int = 20) -> None:
        for number in range(events):
            name = f"s-{number % streams}"
            await self.log.append(Append(name, len(await self.log.read_stream(name)), [draft()]))

    async def position(self, owner: str = "wallet") -> int:
        """Return up to where everything was confirmed."""
        async with self.engine.connect() as connection:
            query = select(RELAY_CURSOR.c.position).where(RELAY_CURSOR.c.log == owner)
            return int(await connection.scalar(query) or 0)

    async def until_sent(self, feed: WholeLog | None = None) -> None:
        head = await (feed or self.log).head()

        async def sent() -> bool:
            return await self.position((feed or self.log).owner) == head

        await until(sent)

    async def said(self, owner: str = "wallet") -> list[list[Carried | Watermark]]:
        """Return what each partition of the internal topic says."""
        found = await records_of(
            f"kompetenspass.{owner}.internal", self.partitions, bootstrap_servers=self.kafka.bootstrap, **QUICK
        )
        return [said_in(records) for records in found]

    async def kept(self) -> list[Recorded]:
        """Return the events that readers of all partitions keep, by position; each partition's are in order."""
        parts = [kept(said) for said in await self.said()]
        return sorted((row for rows in parts for row in rows), key=lambda row: row.position)

    async def rows(self, feed: WholeLog | None = None) -> Sequence[Recorded]:
        return await (feed or self.log).read(0, 1_000_000)

    def lease(self, owner: str = "wallet") -> Lease:
        """Return the claim of a relay of its own."""
        self.presences.append(presence_of(self.engine, owner))
        return Lease(self.engine, owner, self.presences[-1])

    async def cut_lease(self) -> None:
        """End the signs of life of whoever has the lease, which goes on without knowing it."""
        await self.admin.execute(_CUT)


@pytest.fixture
def kafka() -> Iterator[MockKafka]:
    """A cluster of this test's own: topics have the names that they have everywhere."""
    with MockKafka() as mock:
        yield mock


@pytest.fixture
async def stage(database: Database, migrations: str, engine: AsyncEngine, kafka: MockKafka) -> AsyncIterator[Stage]:
    await upgrade(database.dsn("wallet"), migrations)
    admin = await asyncpg.connect(database.admin_dsn)
    stage = Stage(kafka, engine, admin, MemoryLog("wallet", FixedClock()))
    yield stage
    for presence in stage.presences:
        await presence.leave()
    await admin.close()

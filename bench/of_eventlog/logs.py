"""What the event log is measured on: a PostgreSQL of its own with our log, a plain table, and a reader that follows."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from time import perf_counter, process_time

import asyncpg
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from bench.database import own_database
from bench.floors import eventlog as floor
from bench.of_eventlog.events import drafts
from bench.of_eventlog.tail import Tail, following
from bench.peers import eventlog as peer
from bench.processes import family_seconds
from bench.report import Series
from kompetenspass.embedded.postgres import EmbeddedPostgres
from kompetenspass.embedded.provision import connected
from kompetenspass.log.partitions import install
from kompetenspass.log.postgres import PostgresFeed, PostgresLog

RATE = "events/s"
OWNER, PLAIN, READER = "issuance", "plain", "log_reader"
_GARBAGE = 20_000
_SETTINGS = ("server_version", "fsync", "synchronous_commit", "wal_sync_method", "shared_buffers")


@dataclass
class Bench:
    """What the ways need, and what the rounds have shown."""

    cluster: EmbeddedPostgres
    log: PostgresLog
    feed: PostgresFeed
    plain: asyncpg.Connection
    reader: asyncpg.Connection
    pool: asyncpg.Pool
    sessions: async_sessionmaker[AsyncSession]
    tail: Tail
    size: int
    series: Series = field(default_factory=Series)
    stored: int = 0
    conflicts: int = 0
    rivals: int = 0

    async def timed(self, name: str, count: int, way: Callable[[], Awaitable[object]]) -> None:
        """Note how many events a second a way makes, and their processor time here and in the database."""
        gc.collect()
        assert self.cluster.pid is not None
        here, there = process_time(), family_seconds(self.cluster.pid)
        began = perf_counter()
        await way()
        self.series.add(name, RATE, count / (perf_counter() - began))
        here, there = process_time() - here, family_seconds(self.cluster.pid) - there
        self.series.add(f"{name}: processor time here", "us/event", here / count * 1e6)
        self.series.add(f"{name}: of PostgreSQL", "us/event", there / count * 1e6)

    async def setting(self) -> Mapping[str, str]:
        """Return what the figures depend on."""
        shown = [f"{name}={await self.plain.fetchval(f'show {name}')}" for name in _SETTINGS]
        out = [] if peer.PGBENCH else ["pgbench (not here)"]
        return {
            "database": ", ".join(shown),
            "event": f"{len(drafts(1)[0].data)} bytes",
            "readers": "one process follows the log, one the floor's table, all the time",
            "left out": ", ".join([*out, "eventsourcing (no package of ours)"]),
        }


@asynccontextmanager
async def ready(size: int) -> AsyncIterator[Bench]:
    """Start it all, with the settings of the platform's own PostgreSQL, and stop it after the block.

    Objects are collected in this process as rarely as in a service's.
    """
    async with AsyncExitStack() as stack:
        stack.callback(gc.set_threshold, *gc.get_threshold())
        stack.callback(gc.unfreeze)
        gc.collect()
        gc.freeze()
        gc.set_threshold(_GARBAGE)
        cluster = await stack.enter_async_context(_cluster())
        log, feed = PostgresLog(OWNER, cluster.dsn(OWNER)), PostgresFeed(OWNER, cluster.dsn(READER))
        for started in (log, feed):
            await started.start()
            stack.push_async_callback(started.stop)
        plain, reader = await asyncpg.connect(cluster.dsn(PLAIN)), await asyncpg.connect(cluster.dsn(READER))
        for connection in (plain, reader):
            stack.push_async_callback(connection.close)
        await reader.execute(f"SET search_path = {OWNER}_log")
        many = peer.CONNECTIONS
        pool = await stack.enter_async_context(asyncpg.create_pool(cluster.dsn(PLAIN), min_size=many, max_size=many))
        engine = create_async_engine(
            cluster.dsn(PLAIN).replace("postgresql:", "postgresql+asyncpg:", 1), pool_size=many
        )
        stack.push_async_callback(engine.dispose)
        tail = await stack.enter_async_context(following("bench.of_eventlog.tail", cluster.dsn(READER), OWNER))
        await stack.enter_async_context(following("bench.floors.eventlog", cluster.dsn(PLAIN)))
        yield Bench(cluster, log, feed, plain, reader, pool, async_sessionmaker(engine), tail, size)


@asynccontextmanager
async def _cluster() -> AsyncIterator[EmbeddedPostgres]:
    async with own_database() as cluster:
        async with connected(cluster.admin_dsn()) as admin:
            await install(admin, OWNER)
            await admin.execute(f"CREATE ROLE {PLAIN} LOGIN; {floor.TABLE}; ALTER TABLE events OWNER TO {PLAIN}")
        yield cluster

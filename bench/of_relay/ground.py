"""A log full of distinct events in a PostgreSQL, and a real Kafka of one node, both of a measurement's own."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from bench.database import own_database
from bench.issued import NOON
from bench.of_eventlog.events import drafts
from kompetenspass.core.ids import uuid7
from kompetenspass.embedded.kafka.broker import EmbeddedKafka
from kompetenspass.embedded.postgres import EmbeddedPostgres
from kompetenspass.embedded.provision import connected, provision
from kompetenspass.log.kafka.connecting import Connecting
from kompetenspass.log.kafka.topics import Shape, Topics, topic_of
from kompetenspass.log.postgres import PostgresFeed
from kompetenspass.web.migrate import engine_of, upgrade

OWNER, SOURCE = "issuance", "https://issuance.example"
TOPIC = topic_of(OWNER, "internal")
SHAPE = Shape(partitions=8, replication=1, min_insync_replicas=1)
_STREAM, _APART = 4, 64  # events of one stream, and how far apart they stand in the log
_CHUNK = 5_000
_COLUMNS = {
    "log": ("position", "stream", "version", "id", "type", "recorded", "data"),
    "log_id": ("id", "position", "sha256"),
    "log_stream": ("stream", "version"),
}
_START_SECONDS = 120


@dataclass(frozen=True)
class Ground:
    """What a relay needs, and whose processes they are."""

    cluster: EmbeddedPostgres
    kafka: EmbeddedKafka
    feed: PostgresFeed
    engine: AsyncEngine

    @property
    def connecting(self) -> Connecting:
        """How one comes to the broker."""
        return connecting_to(self.kafka.bootstrap)


def connecting_to(bootstrap: str) -> Connecting:
    """Return how one comes to a broker of this machine."""
    return Connecting(bootstrap_servers=bootstrap, security="PLAINTEXT")


@asynccontextmanager
async def ready(size: int) -> AsyncIterator[Ground]:
    """Run both for the length of a block, with `size` events in the log and nothing in the topics."""
    async with AsyncExitStack() as stack:
        cluster = await stack.enter_async_context(own_database())
        await provision(cluster.admin_dsn(), [OWNER])
        await upgrade(cluster.dsn(OWNER), f"services.{OWNER}.migrations")
        await _filled(cluster, size)
        kafka = await stack.enter_async_context(own_kafka())
        await Topics(connecting_to(kafka.bootstrap), OWNER, SHAPE).make()
        feed, engine = PostgresFeed(OWNER, cluster.dsn(OWNER)), engine_of(cluster.dsn(OWNER), OWNER)
        stack.push_async_callback(engine.dispose)
        stack.push_async_callback(feed.stop)
        yield Ground(cluster, kafka, feed, engine)


@asynccontextmanager
async def own_kafka() -> AsyncIterator[EmbeddedKafka]:
    """Run a broker for the length of a block, in a folder that goes away with it."""
    with tempfile.TemporaryDirectory(prefix="kompetenspass-bench-kafka-") as fresh:
        kafka = EmbeddedKafka(Path(fresh), start_timeout_seconds=_START_SECONDS)
        await kafka.start()
        try:
            yield kafka
        finally:
            await kafka.stop()


async def _filled(cluster: EmbeddedPostgres, size: int) -> None:
    """Put events into the log, which is empty, past the append function."""
    async with connected(cluster.admin_dsn()) as admin:
        for first in range(0, size, _CHUNK):
            await _copied(admin, first, min(_CHUNK, size - first))
        await admin.execute("ANALYZE")


async def _copied(admin: asyncpg.Connection, first: int, count: int) -> None:
    places = _places(count)
    rows = [
        (first + number, *next(places), draft.id, draft.type, NOON, draft.data)
        for number, draft in enumerate(drafts(count), start=1)
    ]
    versions = {row[1]: row[2] for row in rows}
    ids = [(row[3], row[0], sha256(row[6].encode()).digest()) for row in rows]
    for table, records in (("log", rows), ("log_id", ids), ("log_stream", [*versions.items()])):
        await admin.copy_records_to_table(table, schema_name=f"{OWNER}_log", columns=_COLUMNS[table], records=records)


def _places(count: int) -> Iterator[tuple[str, int]]:
    """Yield stream and version of each event: four of a stream, with those of others in between."""
    for _ in range(0, count, _STREAM * _APART):
        streams = [f"cred-{uuid7()}" for _ in range(_APART)]
        yield from ((stream, version) for version in range(1, _STREAM + 1) for stream in streams)

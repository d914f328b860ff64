"""What all ways are measured on: a PostgreSQL with the logs of all services, and a Kafka that has them as well."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from bench.database import own_database
from bench.of_projection.relays import relaying
from bench.of_relay.ground import SHAPE, connecting_to
from kompetenspass.embedded.postgres import DATABASE, EmbeddedPostgres
from kompetenspass.embedded.provision import connected, grant_on_database, provision
from kompetenspass.log.api import Feed
from kompetenspass.log.kafka.feed import KafkaFeed
from kompetenspass.log.kafka.topics import Topics
from kompetenspass.log.postgres import PostgresFeed, PostgresLog
from kompetenspass.web.migrate import engine_of, upgrade
from services.wallet.projections import TIMELINE


@dataclass(frozen=True)
class Ground:
    """The database, and the broker where there is one: then each log comes by both."""

    cluster: EmbeddedPostgres
    admin: asyncpg.Connection
    engine: AsyncEngine
    feeds: Mapping[str, PostgresFeed]
    issuance: PostgresLog
    bootstrap: str | None
    by_kafka: Mapping[str, KafkaFeed]

    async def heads(self) -> dict[str, int]:
        """Return how far each log is."""
        return {owner: await feed.head() for owner, feed in self.feeds.items()}

    async def events(self) -> int:
        """Return how many events there are."""
        return sum((await self.heads()).values())

    @asynccontextmanager
    async def postgres(self) -> AsyncIterator[Mapping[str, Feed]]:
        """Return the logs as they come by PostgreSQL."""
        yield self.feeds

    @asynccontextmanager
    async def kafka(self) -> AsyncIterator[Mapping[str, Feed]]:
        """Return the logs as they come by Kafka, once all is sent; the relays run on for the length of the block.

        Without them no reader would know where a log ends, and nothing that is appended meanwhile would come.
        """
        assert self.bootstrap is not None
        async with relaying(self.bootstrap, {owner: self.cluster.dsn(owner, DATABASE) for owner in self.feeds}):
            yield self.by_kafka


@asynccontextmanager
async def ground(bootstrap: str | None = None) -> AsyncIterator[Ground]:
    """Run a server of its own, with the logs of all services, empty. `bootstrap`: of a Kafka that has no topics yet."""
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(own_database())
        admin = await stack.enter_async_context(connected(server.admin_dsn(DATABASE)))
        await provision(server.admin_dsn(DATABASE))
        await grant_on_database(admin)
        engine = engine_of(server.dsn("wallet", DATABASE), "wallet")
        stack.push_async_callback(engine.dispose)
        feeds = {owner: PostgresFeed(owner, server.dsn("log_reader", DATABASE)) for owner in TIMELINE.logs}
        by_kafka = await _by_kafka(server, bootstrap) if bootstrap else {}
        log = PostgresLog("issuance", server.dsn("issuance", DATABASE))
        for stop in [*(feed.stop for feed in feeds.values()), *(feed.stop for feed in by_kafka.values())]:
            stack.push_async_callback(stop)
        await log.start()
        stack.push_async_callback(log.stop)
        yield Ground(server, admin, engine, feeds, log, bootstrap, by_kafka)


async def _by_kafka(server: EmbeddedPostgres, bootstrap: str) -> dict[str, KafkaFeed]:
    """Make the topics, and the tables that relays keep their places in."""
    connecting = connecting_to(bootstrap)
    for owner in TIMELINE.logs:
        await upgrade(server.dsn(owner, DATABASE), f"services.{owner}.migrations")
        await Topics(connecting, owner, SHAPE).make()
    return {owner: KafkaFeed(owner, connecting, SHAPE.partitions) for owner in TIMELINE.logs}

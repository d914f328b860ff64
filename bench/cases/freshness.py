"""From the append of an event to its row in a wallet's timeline, at a steady rate: by PostgreSQL, and by Kafka."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from statistics import quantiles
from time import monotonic

import asyncpg

from bench.database import own_database
from bench.of_freshness.follower import following
from bench.of_freshness.parts import FLOOR_TABLES, heard_of, through_kafka, typical, upserted
from bench.of_projection import sealed
from bench.of_relay.ground import OWNER, SHAPE, connecting_to, own_kafka
from bench.of_relay.process import relaying
from bench.report import Condition, Figure, Goal, Report, Series
from kompetenspass.embedded.kafka.broker import EmbeddedKafka
from kompetenspass.embedded.postgres import EmbeddedPostgres
from kompetenspass.embedded.provision import connected, provision
from kompetenspass.log.api import Append, Stored
from kompetenspass.log.kafka.topics import Topics
from kompetenspass.log.postgres import PostgresFeed, PostgresLog
from kompetenspass.web.migrate import upgrade
from services.wallet.projections import TIMELINE

EVENTS, PER_SECOND = 15_000, 500
_SCRATCH = "registry"  # whose topic the record of the floor goes through
_HEARD, _KAFKA, _COMMIT = "append, heard and read", "produced and fetched", "row and cursor committed"
_WAYS = ("PostgreSQL", "Kafka")


@dataclass
class Bench:
    """What the ways need, and what the rounds have shown."""

    cluster: EmbeddedPostgres
    kafka: EmbeddedKafka
    admin: asyncpg.Connection
    log: PostgresLog
    size: int
    series: Series = field(default_factory=Series)
    applied: int = 0
    appended: int = 0


async def measure(rounds: int, size: int | None) -> Report:
    """Return goal 5 of the performance goals. `size`: events by each way in one round."""
    async with _bench(size or EVENTS) as bench:
        for _ in range(rounds):
            await one_round(bench)
    return _report(bench)


async def one_round(bench: Bench) -> None:
    """Measure the parts, then each way."""
    await _parts(bench)
    await _way(bench, "PostgreSQL")
    async with relaying(bench.cluster.dsn(OWNER), bench.kafka.bootstrap):
        await _way(bench, "Kafka")


async def _parts(bench: Bench) -> None:
    feed, wallet = PostgresFeed(OWNER, bench.cluster.dsn("log_reader")), bench.cluster.dsn("wallet")
    connection = await asyncpg.connect(wallet)
    topic = f"kompetenspass.{_SCRATCH}.internal"
    try:
        heard, commit = await typical(heard_of(bench.log, feed)), await typical(upserted(connection))
        async with through_kafka(bench.kafka.bootstrap, topic) as way:
            kafka = await typical(way)
    finally:
        await connection.execute("TRUNCATE wallet.floor_row")
        await connection.close()
        await feed.stop()
    for name, value in ((_HEARD, heard), (_KAFKA, kafka), (_COMMIT, commit)):
        bench.series.add(f"part: {name}", "ms", value)
    bench.series.add(_sum_of("PostgreSQL"), "ms", heard + commit)
    bench.series.add(_sum_of("Kafka"), "ms", heard + kafka + commit)


async def _way(bench: Bench, way: str) -> None:
    """Append at the steady rate while a follower follows by this way; note how long each event took."""
    dsns = [bench.cluster.dsn("wallet"), bench.cluster.dsn("log_reader")]
    bootstrap = [bench.kafka.bootstrap] if way == "Kafka" else []
    async with following(*dsns, *bootstrap) as follower:
        began = await _appended(bench)
        committed = await follower.committed(max(began))
    spent = [(moment - began[position]) * 1000 for position, moment in committed if position in began]
    bench.appended, bench.applied = bench.appended + len(began), bench.applied + len(spent)
    hundredths = quantiles(spent, n=100)
    bench.series.add(f"{way}: append to committed row, p50", "ms", hundredths[49])
    bench.series.add(f"{way}: append to committed row, p99", "ms", hundredths[98])
    await _forgotten(bench.admin)


async def _appended(bench: Bench) -> dict[int, float]:
    """Append at moments that do not wait for answers; return when each position was asked for."""
    requests = [sealed.appended(sealed.issue(number), number) for number in range(bench.size)]
    first, tasks = monotonic(), []
    for number, request in enumerate(requests):
        due = first + number / PER_SECOND
        if (pause := due - monotonic()) > 0:
            await asyncio.sleep(pause)
        tasks.append(asyncio.create_task(_one(bench.log, request)))
    return dict(await asyncio.gather(*tasks))


async def _one(log: PostgresLog, request: Append) -> tuple[int, float]:
    began = monotonic()
    answer = await log.append(request)
    assert isinstance(answer, Stored), answer
    return answer.position, began


async def _forgotten(admin: asyncpg.Connection) -> None:
    """Take the timeline and all cursors away: the next follower comes by another way."""
    schemas = await admin.fetch(r"SELECT nspname FROM pg_namespace WHERE nspname LIKE 'wallet\_timeline\_%'")
    tables = await admin.fetch(r"SELECT tablename FROM pg_tables WHERE tablename LIKE 'runner\_%'")
    for schema in schemas:
        await admin.execute(f"DROP SCHEMA {schema['nspname']} CASCADE")
    for table in tables:
        await admin.execute(f"DROP TABLE IF EXISTS wallet.{table['tablename']}")


@asynccontextmanager
async def _bench(size: int) -> AsyncIterator[Bench]:
    async with AsyncExitStack() as stack:
        cluster, kafka = [await stack.enter_async_context(each) for each in (own_database(), own_kafka())]
        assert isinstance(cluster, EmbeddedPostgres)
        assert isinstance(kafka, EmbeddedKafka)
        await provision(cluster.admin_dsn(), TIMELINE.logs)
        await upgrade(cluster.dsn(OWNER), f"services.{OWNER}.migrations")
        for owner in (OWNER, _SCRATCH):
            await Topics(connecting_to(kafka.bootstrap), owner, SHAPE).make()
        admin = await stack.enter_async_context(connected(cluster.admin_dsn()))
        await admin.execute(FLOOR_TABLES)
        log = PostgresLog(OWNER, cluster.dsn(OWNER))
        await log.start()
        stack.push_async_callback(log.stop)
        yield Bench(cluster, kafka, admin, log, size)


def _report(bench: Bench) -> Report:
    goals = [
        Goal(_of_sum(bench.series, way, hundredth), "at most", bound)
        for way in _WAYS
        for hundredth, bound in (("p50", 2), ("p99", 5))
    ]
    applied = Condition("every event is applied, once", *_all(bench))
    setting = {
        "events": f"{bench.size:,} by each way and round, {PER_SECOND} a second",
        "processes": "the writer, the timeline, PostgreSQL; by Kafka also the relay and one node of Apache Kafka",
    }
    return Report("freshness", setting, bench.series.figures(), goals, [applied])


def _of_sum(series: Series, way: str, hundredth: str) -> Figure:
    figure = series.figure(f"{way}: append to committed row, {hundredth}")
    return figure.per(series.figure(_sum_of(way)), f"{way}: {hundredth} / sum of the parts")


def _sum_of(way: str) -> str:
    return f"{way}: sum of the parts"


def _all(bench: Bench) -> tuple[bool, str]:
    return bench.applied == bench.appended, f"{bench.applied:,} of {bench.appended:,}"

"""A projection on the wallet's timeline: rebuilt beside the live tables, and caught up with, against SQL and an ORM.

Its logs come by PostgreSQL, and by a real Kafka to whose topics relays have sent them before.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from resource import RUSAGE_SELF, getrusage
from time import perf_counter, process_time

import asyncpg

from bench.floors import projection as floor
from bench.of_projection import sealed
from bench.of_projection.ground import Ground, ground
from bench.of_relay.ground import SHAPE, own_kafka
from bench.peers import projection as peer
from bench.report import Condition, Figure, Goal, Report, Series
from kompetenspass.core.clock import system_clock
from kompetenspass.log.api import Feed
from kompetenspass.log.postgres import PostgresLog
from kompetenspass.log.readers import Readers
from services.wallet import tables
from services.wallet.projections import TIMELINE

SIZE = 100_000
ARRIVING_PER_SECOND = 200
_PEER_EVENTS = 10_000
_LONGEST_SECONDS = 3600
_SQL, _ORM = "SQL alone", "ORM, a commit every 1,000"
_REBUILD, _CATCH_UP = "rebuilt beside the live tables, events arriving", "caught up with, into the live tables"
_POSTGRES, _KAFKA = "", "Kafka: "
"""How the logs come; what is said of a way without a word is by PostgreSQL."""
_REBUILDING, _CATCHING_UP = (f"processor time of this process while {doing}" for doing in ("rebuilding", "catching up"))
_MEMORY = "memory of this process, the most so far"
_RATE, _EACH = "events/s", "us/event"
_GARBAGE = 20_000
_COMPARED = {
    "issues": "SELECT * FROM {schema}.issues WHERE position <= $1",
    "copies": "SELECT c.* FROM {schema}.copies c JOIN {schema}.issues i USING (credential_id) WHERE i.position <= $1",
    "changes": "SELECT * FROM {schema}.changes WHERE position <= $1",
}


@dataclass
class Measured:
    """Figures, round by round, and for each way what the rebuilt tables have that the live ones have not, or lack."""

    series: Series = field(default_factory=Series)
    differing: dict[str, int] = field(default_factory=dict)
    compared: dict[str, int] = field(default_factory=dict)
    arrived: dict[str, int] = field(default_factory=dict)


class Spent:
    """Wall time and processor time of this process from where it is made."""

    def __init__(self) -> None:
        self._began, self._used = perf_counter(), process_time()

    def note(self, series: Series, rate: str, processor: str, events: int) -> None:
        """Note what one event of so many has taken."""
        took, used = perf_counter() - self._began, process_time() - self._used
        series.add(rate, _RATE, events / took)
        series.add(processor, _EACH, used / events * 1e6)


async def measure(rounds: int, size: int | None) -> Report:
    """Return goal 7 of the performance goals: what a rebuild and catching up reach of what SQL alone does.

    Raises Problem `java_missing`, `maven_missing`.
    """
    size = size or SIZE
    found = Measured()
    gc.collect()
    gc.freeze()  # as a service does before it serves
    gc.set_threshold(_GARBAGE)
    async with own_kafka() as kafka, ground(kafka.bootstrap) as here:
        await sealed.fill(here.admin, size)
        await one_round(here, size, found)
        found.series.clear()  # the first one warmed up
        for _ in range(rounds):
            await one_round(here, size, found)
        durability = await here.admin.fetchval("SHOW synchronous_commit")
    return _report(found, size, durability)


async def one_round(here: Ground, size: int, found: Measured) -> None:
    """Measure each way once."""
    events, began = await here.events(), perf_counter()
    await floor.rebuild(here.admin, TIMELINE.metadata)
    found.series.add(_SQL, _RATE, events / (perf_counter() - began))
    for way, logs in _ways(here).items():
        await _forgotten(here.admin)
        async with logs as feeds:
            await _followed(here, way, feeds, found)
    await _by_orm(here, min(size, _PEER_EVENTS), found)
    found.series.add(_MEMORY, "MiB", getrusage(RUSAGE_SELF).ru_maxrss / 1024)


def _ways(here: Ground) -> Mapping[str, AbstractAsyncContextManager[Mapping[str, Feed]]]:
    return {_POSTGRES: here.postgres(), _KAFKA: here.kafka()} if here.by_kafka else {_POSTGRES: here.postgres()}


async def _followed(here: Ground, way: str, feeds: Mapping[str, Feed], found: Measured) -> None:
    """Catch up from the first event on, then rebuild."""
    readers = Readers("wallet", here.engine, feeds, system_clock)
    readers.project(TIMELINE)
    events, spent = await here.events(), Spent()
    await readers.start()
    try:
        await _caught_up(here, readers)
        spent.note(found.series, way + _CATCH_UP, way + _CATCHING_UP, events)
        await _rebuilt(here, way, readers, found)
    finally:
        await readers.stop()


async def _rebuilt(here: Ground, way: str, readers: Readers, found: Measured) -> None:
    """Rebuild while events keep arriving, and hold the new tables against those that were live until then."""
    stop, before = asyncio.Event(), await here.heads()
    arriving = asyncio.create_task(_arriving(here.issuance, stop))
    spent = Spent()
    try:
        await readers.replay(TIMELINE.name)
        spent.note(found.series, way + _REBUILD, way + _REBUILDING, await here.events())
    finally:
        stop.set()
        found.arrived[way] = found.arrived.get(way, 0) + await arriving
    await _caught_up(here, readers)
    await _compare(here.admin, way, before, found)


async def _arriving(log: PostgresLog, stop: asyncio.Event) -> int:
    """Append at a steady rate until told to stop; return how many there were."""
    loop, count = asyncio.get_running_loop(), 0
    began = loop.time()
    while not stop.is_set():
        await log.append(sealed.appended(sealed.issue(count), count))
        count += 1
        await asyncio.sleep(max(0.0, began + count / ARRIVING_PER_SECOND - loop.time()))
    return count


async def _compare(admin: asyncpg.Connection, way: str, before: Mapping[str, int], found: Measured) -> None:
    """Count the rows that one of the two generations has and the other has not, as far as the older one came.

    `before`: what the older one had when the rebuild began; a part of a log without events may not have stored it yet.
    """
    reached = {
        row["log"]: max(row["position"], before[row["log"]])
        for row in await admin.fetch(
            "SELECT log, min(position) AS position FROM wallet.runner_cursor WHERE generation = 1 GROUP BY log"
        )
    }
    differing = compared = 0
    for table, query in _COMPARED.items():
        old, new = (query.format(schema=f"wallet_{TIMELINE.name}_g{number}") for number in (1, 2))
        upto = reached["registry" if table == "changes" else "issuance"]
        for one, other in ((old, new), (new, old)):
            differing += await admin.fetchval(f"SELECT count(*) FROM ({one} EXCEPT {other}) d", upto)  # noqa: S608  ours
        compared += await admin.fetchval(f"SELECT count(*) FROM ({new}) n", upto)  # noqa: S608  ours
    found.differing[way] = found.differing.get(way, 0) + differing
    found.compared[way] = found.compared.get(way, 0) + compared


async def _by_orm(here: Ground, limit: int, found: Measured) -> None:
    peer.mapped(tables.issues, tables.copies, tables.changes)
    await here.admin.execute(f"DROP SCHEMA IF EXISTS {peer.SCHEMA} CASCADE")
    await here.admin.execute(f"CREATE SCHEMA {peer.SCHEMA} AUTHORIZATION wallet")
    async with here.engine.connect() as plain:
        connection = await plain.execution_options(schema_translate_map={None: peer.SCHEMA})
        async with connection.begin():
            await connection.run_sync(TIMELINE.metadata.create_all)
    limits = mixed(limit)
    began = perf_counter()
    done = [await peer.follow(here.engine, here.feeds[log], most) for log, most in limits.items()]
    found.series.add(_ORM, _RATE, sum(done) / (perf_counter() - began))


def mixed(events: int) -> dict[str, int]:
    """Return how many of each log are as many events of the mix that the logs are filled with."""
    changes = events // sealed.CHANGES_ONE_IN
    return {"issuance": events - changes, "registry": changes}


async def _caught_up(here: Ground, readers: Readers) -> None:
    for owner, head in (await here.heads()).items():
        if not await readers.caught_up(owner, head, _LONGEST_SECONDS):
            raise TimeoutError(f"the timeline does not come up with {owner}")


async def _forgotten(admin: asyncpg.Connection) -> None:
    """Take the tables of the round before away, and what is known of them."""
    schemas = await admin.fetch(r"SELECT nspname FROM pg_namespace WHERE nspname LIKE 'wallet\_timeline\_%'")
    for schema in schemas:
        await admin.execute(f"DROP SCHEMA {schema['nspname']} CASCADE")
    for table in ("cursor", "generation", "parked"):
        await admin.execute(f"DROP TABLE IF EXISTS wallet.runner_{table}")


def _report(found: Measured, size: int, durability: str) -> Report:
    series = found.series
    setting = {"events": f"{size:,}", "database": f"fsync on, synchronous_commit {durability}; one process, not pinned"}
    ratios: list[Figure] = []
    if _KAFKA in found.arrived:
        sent = f"sent before to {SHAPE.partitions} partitions of each log by relays in a process of their own"
        setting["Kafka"] = f"one node of Apache Kafka, a real one, on the same machine; {sent}"
        ratios += [_to_postgres(series, name) for name in (_REBUILD, _CATCH_UP)]
    goals = [goal for way in found.arrived for goal in _goals(series, way)]
    conditions = [condition for way in found.arrived for condition in _conditions(found, way)]
    return Report("projection", setting, [*series.figures(), *ratios], goals, conditions)


def _to_postgres(series: Series, name: str) -> Figure:
    return series.figure(_KAFKA + name).per(series.figure(name), f"Kafka / PostgreSQL: {name}")


def _goals(series: Series, way: str) -> Iterator[Goal]:
    sql, rebuild, catch_up, orm = map(series.figure, (_SQL, way + _REBUILD, way + _CATCH_UP, _ORM))
    yield Goal(rebuild.per(sql, f"{way}rebuild / SQL alone"), "at least", 0.55)
    yield Goal(catch_up.per(sql, f"{way}catching up / SQL alone"), "at least", 0.3)
    yield Goal(rebuild.per(orm, f"{way}rebuild / ORM"), "at least", 10)


def _conditions(found: Measured, way: str) -> Iterator[Condition]:
    differing, compared, arrived = found.differing[way], found.compared[way], found.arrived[way]
    yield Condition(f"{way}rows that differ", differing == 0, f"{differing} of {compared:,}")
    yield Condition(f"{way}events arrived while rebuilding", arrived > 0, f"{arrived:,}")

"""A projection on the wallet's timeline: rebuilt beside the live tables, and caught up with, against SQL and an ORM."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import perf_counter, process_time

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from bench.database import own_database
from bench.floors import projection as floor
from bench.of_projection import sealed
from bench.peers import projection as peer
from bench.report import Condition, Goal, Report, Series
from kompetenspass.core.clock import system_clock
from kompetenspass.embedded.postgres import DATABASE
from kompetenspass.embedded.provision import connected, grant_on_database, provision
from kompetenspass.log.postgres import PostgresFeed, PostgresLog
from kompetenspass.log.readers import Readers
from kompetenspass.web.migrate import engine_of
from services.wallet import tables
from services.wallet.projections import TIMELINE

SIZE = 100_000
ARRIVING_PER_SECOND = 200
_PEER_EVENTS = 10_000
_LONGEST_SECONDS = 600
_SQL, _ORM = "SQL alone", "ORM, a commit every 1,000"
_REBUILD, _CATCH_UP = "rebuilt beside the live tables, events arriving", "caught up with, into the live tables"
_PROCESSOR, _RATE = "processor time of this process while rebuilding", "events/s"
_GARBAGE = 20_000
_COMPARED = {
    "issues": "SELECT * FROM {schema}.issues WHERE position <= $1",
    "copies": "SELECT c.* FROM {schema}.copies c JOIN {schema}.issues i USING (credential_id) WHERE i.position <= $1",
    "changes": "SELECT * FROM {schema}.changes WHERE position <= $1",
}


@dataclass
class Measured:
    """Events per second, round by round, and what the rebuilt tables have that the live ones have not, or lack."""

    series: Series = field(default_factory=Series)
    differing: int = 0
    compared: int = 0
    arrived: int = 0


@dataclass(frozen=True)
class Ground:
    """The database that all ways are measured on, with full logs."""

    admin: asyncpg.Connection
    engine: AsyncEngine
    feeds: dict[str, PostgresFeed]
    issuance: PostgresLog


async def measure(rounds: int, size: int | None) -> Report:
    """Return goal 7 of the performance goals: what a rebuild and catching up reach of what SQL alone does."""
    size = size or SIZE
    found = Measured()
    gc.collect()
    gc.freeze()  # as a service does before it serves
    gc.set_threshold(_GARBAGE)
    async with ground() as here:
        await sealed.fill(here.admin, size)
        await one_round(here, size, found)
        found.series.clear()  # the first one warmed up
        for _ in range(rounds):
            await one_round(here, size, found)
        durability = await here.admin.fetchval("SHOW synchronous_commit")
    return _report(found, size, durability)


@asynccontextmanager
async def ground() -> AsyncIterator[Ground]:
    """Run a server of its own, with the logs of all services, empty."""
    async with own_database() as server, connected(server.admin_dsn(DATABASE)) as admin:
        await provision(server.admin_dsn(DATABASE))
        await grant_on_database(admin)
        engine = engine_of(server.dsn("wallet", DATABASE), "wallet")
        feeds = {owner: PostgresFeed(owner, server.dsn("log_reader", DATABASE)) for owner in TIMELINE.logs}
        log = PostgresLog("issuance", server.dsn("issuance", DATABASE))
        await log.start()
        try:
            yield Ground(admin, engine, feeds, log)
        finally:
            for transport in (log, *feeds.values()):
                await transport.stop()
            await engine.dispose()


async def one_round(here: Ground, size: int, found: Measured) -> None:
    """Measure each way once."""
    events = await _events(here)
    began = perf_counter()
    await floor.rebuild(here.admin, TIMELINE.metadata)
    found.series.add(_SQL, _RATE, events / (perf_counter() - began))
    await _forgotten(here.admin)
    readers = Readers("wallet", here.engine, dict(here.feeds), system_clock)
    readers.project(TIMELINE)
    began = perf_counter()
    await readers.start()
    await _caught_up(here, readers)
    found.series.add(_CATCH_UP, _RATE, events / (perf_counter() - began))
    await _rebuilt(here, readers, found)
    await readers.stop()
    await _by_orm(here, min(size, _PEER_EVENTS), found)


async def _rebuilt(here: Ground, readers: Readers, found: Measured) -> None:
    """Rebuild while events keep arriving, and hold the new tables against those that were live until then."""
    stop = asyncio.Event()
    arriving = asyncio.create_task(_arriving(here.issuance, stop))
    began, used = perf_counter(), process_time()
    await readers.replay(TIMELINE.name)
    took, used = perf_counter() - began, process_time() - used
    stop.set()
    found.arrived += await arriving
    events = await _events(here)
    found.series.add(_REBUILD, _RATE, events / took)
    found.series.add(_PROCESSOR, "us/event", used / events * 1e6)
    await _caught_up(here, readers)
    await _compare(here.admin, found)


async def _arriving(log: PostgresLog, stop: asyncio.Event) -> int:
    """Append at a steady rate until told to stop; return how many there were."""
    loop, count = asyncio.get_running_loop(), 0
    began = loop.time()
    while not stop.is_set():
        await log.append(sealed.appended(sealed.issue(count), count))
        count += 1
        await asyncio.sleep(max(0.0, began + count / ARRIVING_PER_SECOND - loop.time()))
    return count


async def _compare(admin: asyncpg.Connection, found: Measured) -> None:
    """Count the rows that one of the two generations has and the other has not, as far as the older one came."""
    reached = {
        row["log"]: row["position"]
        for row in await admin.fetch("SELECT log, position FROM wallet.runner_cursor WHERE generation = 1")
    }
    for table, query in _COMPARED.items():
        old, new = (query.format(schema=f"wallet_{TIMELINE.name}_g{number}") for number in (1, 2))
        upto = reached["registry" if table == "changes" else "issuance"]
        for one, other in ((old, new), (new, old)):
            found.differing += await admin.fetchval(f"SELECT count(*) FROM ({one} EXCEPT {other}) d", upto)  # noqa: S608  ours
        found.compared += await admin.fetchval(f"SELECT count(*) FROM ({new}) n", upto)  # noqa: S608  ours


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
    for owner, feed in here.feeds.items():
        if not await readers.caught_up(owner, await feed.head(), _LONGEST_SECONDS):
            raise TimeoutError(f"the timeline does not come up with {owner}")


async def _events(here: Ground) -> int:
    return sum([await feed.head() for feed in here.feeds.values()])


async def _forgotten(admin: asyncpg.Connection) -> None:
    """Take the tables of the round before away, and what is known of them."""
    schemas = await admin.fetch(r"SELECT nspname FROM pg_namespace WHERE nspname LIKE 'wallet\_timeline\_%'")
    for schema in schemas:
        await admin.execute(f"DROP SCHEMA {schema['nspname']} CASCADE")
    for table in ("cursor", "generation", "parked"):
        await admin.execute(f"DROP TABLE IF EXISTS wallet.runner_{table}")


def _report(found: Measured, size: int, durability: str) -> Report:
    sql, rebuild, catch_up, orm = (found.series.figure(name) for name in (_SQL, _REBUILD, _CATCH_UP, _ORM))
    return Report(
        "projection",
        {"events": f"{size:,}", "database": f"fsync on, synchronous_commit {durability}; one process, not pinned"},
        found.series.figures(),
        [
            Goal(rebuild.per(sql, "rebuild / SQL alone"), "at least", 0.55),
            Goal(catch_up.per(sql, "catching up / SQL alone"), "at least", 0.3),
            Goal(rebuild.per(orm, "rebuild / ORM"), "at least", 10),
        ],
        [
            Condition("rows that differ", found.differing == 0, f"{found.differing} of {found.compared:,}"),
            Condition("events arrived while rebuilding", found.arrived > 0, f"{found.arrived:,}"),
        ],
    )

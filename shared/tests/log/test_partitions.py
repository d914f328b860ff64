"""The log cut by position: a former log is converted, the next partition is there in time, and plans are pruned."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from kompetenspass.core.ids import random_token
from kompetenspass.log import postgres, streams
from kompetenspass.log.api import Stored
from kompetenspass.log.appender import APPEND, arrays
from kompetenspass.log.conformance import request
from kompetenspass.log.partitions import install
from kompetenspass.log.postgres import PostgresFeed, PostgresLog
from kompetenspass.testing.former import former_log
from kompetenspass.testing.postgres import Database
from kompetenspass.testing.waiting import PATIENCE_SECONDS

SIZE = 20
_PARTITIONS = (
    "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'wallet_log.log'::regclass "
    "ORDER BY length(inhrelid::regclass::text), 1"
)


@pytest.fixture
async def admin(database: Database) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database.admin_dsn)
    await connection.execute("DROP SCHEMA wallet_log CASCADE")
    await install(connection, "wallet", partition_events=SIZE)
    yield connection
    await connection.close()


@pytest.fixture
async def log(admin: asyncpg.Connection, database: Database) -> AsyncIterator[PostgresLog]:
    log = PostgresLog("wallet", database.dsn("wallet"), deadline_seconds=PATIENCE_SECONDS)
    await log.start()
    yield log
    await log.stop()


async def _partitions(admin: asyncpg.Connection) -> list[str]:
    return [row[0].removeprefix("wallet_log.") for row in await admin.fetch(_PARTITIONS)]


async def test_a_log_of_one_table_becomes_the_first_partition_with_all_that_it_had(
    admin: asyncpg.Connection, database: Database
) -> None:
    async with admin.transaction():
        await admin.execute("DROP SCHEMA wallet_log CASCADE")
        await admin.execute(former_log("wallet"))
    before = [await admin.fetch(f"SELECT * FROM wallet_log.{name} ORDER BY 1") for name in ("log", "log_id")]
    epoch = await admin.fetchval("SELECT epoch FROM wallet_log.log_head")
    for _ in range(2):
        await install(admin, "wallet", partition_events=SIZE)
    assert await _partitions(admin) == ["log_p1"]
    assert [await admin.fetch(f"SELECT * FROM wallet_log.{name} ORDER BY 1") for name in ("log", "log_id")] == before
    head = await admin.fetchrow("SELECT epoch, base, room, tail FROM wallet_log.log_head")
    assert tuple(head) == (epoch, 0, 60, 45)
    log = PostgresLog("wallet", database.dsn("wallet"))
    await log.start()
    try:
        assert await log.append(request("s-1", 7)) == Stored(46, 8)
        assert [row.version for row in await log.read_stream("s-1")] == list(range(1, 9))
        assert await log.append(request("new", events=30)) == Stored(76, 30)
    finally:
        await log.stop()
    assert await _partitions(admin) == ["log_p1", "log_p61", "log_p81"]


@pytest.mark.parametrize("table", ["log", "log_p1", "log_p21"])
@pytest.mark.parametrize("change", ["DELETE FROM {}", "UPDATE {} SET data = ''", "TRUNCATE {}"])
async def test_no_partition_forgets_or_changes_anything(
    admin: asyncpg.Connection, log: PostgresLog, table: str, change: str
) -> None:
    await log.append(request("s", events=25))
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await admin.execute(change.format(f"wallet_log.{table}"))


@pytest.mark.parametrize("role", ["wallet", "log_reader"])
@pytest.mark.parametrize(
    "statement",
    [
        "SELECT 1 FROM wallet_log.log_p1",
        "SELECT wallet_log.make_room(100, 1)",
        "SELECT wallet_log.add_partition(21, 40)",
        "ALTER TABLE wallet_log.log DETACH PARTITION wallet_log.log_p1",
        "UPDATE wallet_log.log_head SET base = 20",
        "UPDATE wallet_log.log_stream SET version = 0",
    ],
)
async def test_partitions_are_no_business_of_a_service(
    admin: asyncpg.Connection, database: Database, role: str, statement: str
) -> None:
    connection = await asyncpg.connect(database.dsn(role))
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
    finally:
        await connection.close()


async def test_the_next_partition_is_there_before_it_is_needed(admin: asyncpg.Connection, log: PostgresLog) -> None:
    for head in range(1, 5 * SIZE + 1):
        assert await log.append(request(random_token())) == Stored(head, 1)
        assert await admin.fetchval("SELECT room FROM wallet_log.log_head") >= head + SIZE // 2
    assert await _partitions(admin) == [f"log_p{first}" for first in range(1, 6 * SIZE, SIZE)]
    assert [row.position for row in await log.read(0, 1000)] == list(range(1, 5 * SIZE + 1))


async def test_one_append_may_need_several_partitions(admin: asyncpg.Connection, log: PostgresLog) -> None:
    assert await log.append(request("s", events=3 * SIZE)) == Stored(3 * SIZE, 3 * SIZE)
    assert len(await log.read_stream("s", 5)) == 3 * SIZE - 5


async def test_a_partition_of_another_size_follows(admin: asyncpg.Connection, log: PostgresLog) -> None:
    await log.append(request("s", events=SIZE))
    await install(admin, "wallet", partition_events=50)
    assert await log.append(request("t", events=60)) == Stored(80, 60)
    await install(admin, "wallet", partition_events=7)
    assert await log.append(request("u", events=70)) == Stored(150, 70)
    assert await _partitions(admin) == ["log_p1", "log_p21", "log_p41", "log_p51", "log_p101", "log_p151"]
    assert [row.position for row in await log.read(0, 1000)] == list(range(1, 151))
    await install(admin, "wallet")
    assert await admin.fetchval("SELECT partition_events FROM wallet_log.log_head") == 7


async def test_appends_go_on_while_no_partition_can_be_made(admin: asyncpg.Connection, log: PostgresLog) -> None:
    await log.append(request("s", events=5))
    assert await _partitions(admin) == ["log_p1"]
    async with admin.transaction():
        await admin.execute("LOCK TABLE wallet_log.log IN SHARE UPDATE EXCLUSIVE MODE")
        for head in range(6, SIZE + 1):
            assert await log.append(request(random_token())) == Stored(head, 1)
        waiting = asyncio.create_task(log.append(request("beyond")))
        await asyncio.wait([waiting], timeout=0.1)
        assert not waiting.done()
    assert await waiting == Stored(SIZE + 1, 1)
    assert await log.append(request("next")) == Stored(SIZE + 2, 1)


async def test_who_reads_does_not_wait_for_a_partition_that_is_made(
    admin: asyncpg.Connection, database: Database, log: PostgresLog
) -> None:
    await log.append(request("s", events=5))
    feed = PostgresFeed("wallet", database.dsn("log_reader"))
    async with admin.transaction(), asyncio.timeout(PATIENCE_SECONDS):
        made = [request("large", events=SIZE)]
        await admin.execute("SET LOCAL search_path = wallet_log")
        await admin.fetch("SELECT * FROM append($1, $2, $3, $4, $5, $6, $7)", *arrays(made))
        modes = await admin.fetch("SELECT mode FROM pg_locks WHERE relation = 'log'::regclass ORDER BY 1")
        assert {row[0] for row in modes} <= {"AccessShareLock", "RowExclusiveLock", "ShareUpdateExclusiveLock"}
        assert await feed.head() == 5
        assert len(await feed.read(0, 100)) == 5
        assert len(await log.read_stream("s")) == 5
    assert await feed.head() == 5 + SIZE
    await feed.stop()


async def test_two_processes_that_need_the_next_partition_make_one(
    admin: asyncpg.Connection, database: Database, log: PostgresLog
) -> None:
    other = PostgresLog("wallet", database.dsn("wallet"), deadline_seconds=PATIENCE_SECONDS)
    await other.start()
    answers = await asyncio.gather(
        *(each.append(request(random_token())) for _ in range(2 * SIZE) for each in (log, other))
    )
    await other.stop()
    assert sorted(answer.position for answer in answers if isinstance(answer, Stored)) == [*range(1, 4 * SIZE + 1)]
    assert await _partitions(admin) == [f"log_p{first}" for first in range(1, 5 * SIZE, SIZE)]


async def test_a_stream_across_partitions_is_read_in_order(log: PostgresLog) -> None:
    for version in range(0, 4 * SIZE, 4):
        await log.append(request("long", version, events=4))
        await log.append(request(f"short-{version}"))
    assert [row.version for row in await log.read_stream("long", 3)] == list(range(4, 4 * SIZE + 1))
    assert [row.position for row in await log.read_stream("short-76")] == [100]
    assert await log.read_stream("none") == []


async def test_no_statement_opens_old_partitions_or_reads_any_from_end_to_end(admin: asyncpg.Connection) -> None:
    await install(admin, "wallet", partition_events=20_000)
    for name, value in {"search_path": "wallet_log", **postgres._BY_KEY}.items():
        await admin.execute(f"SET {name} = {value}")
    await _as_a_service_does(admin, "first", "kept", 0)
    await _fill(admin, 100_000)
    await _as_a_service_does(
        admin, "early", "stream-99999", 1
    )  # a plan that is kept must do when there are more partitions
    before = await _scans(admin)
    await _as_a_service_does(admin, "late", "stream-99999", 9)
    after = await _scans(admin)
    assert {name: scans[0] for name, scans in after.items()} == {name: scans[0] for name, scans in before.items()}
    touched = {name for name in after if after[name] != before[name] and name.startswith("log_p")}
    assert touched == {"log_p80001", "log_p100001"}


async def _as_a_service_does(admin: asyncpg.Connection, prefix: str, kept: str, version: int) -> None:
    """Append, fold and read on, more often than the planner makes a plan of its own for a statement."""
    for n in range(8):
        batch = [request(f"{prefix}-{n}", events=3), request(kept, version + n)]
        await admin.fetch(APPEND, *arrays([*batch, *(request(random_token()) for _ in range(n))]))
        await admin.fetch(streams._READ_STREAMS, [kept, f"{prefix}-{n}", "none"], [0, 0, 0], [None, "k", None])
        await admin.fetch(postgres._READ, max(0, await admin.fetchval(postgres._HEAD) - 5), 500)


async def _fill(admin: asyncpg.Connection, rows: int) -> None:
    head = await admin.fetchval(postgres._HEAD)
    await admin.fetch("SELECT make_room($1, $2)", rows + 10_000, rows)
    await admin.execute(
        f"""
        INSERT INTO log (position, stream, version, id, type, recorded, data)
        SELECT n, 'stream-' || n, 1, md5(n::text)::uuid, 'wallet.Filler.v1', now(), 'data'
        FROM generate_series({head + 1}, {rows}) n;
        INSERT INTO log_id SELECT id, position, sha256('data') FROM log WHERE position > {head};
        INSERT INTO log_stream SELECT stream, 1, position, position FROM log WHERE position > {head};
        """
    )


async def _scans(admin: asyncpg.Connection) -> dict[str, tuple[int, Any]]:
    """Return of each table how often it was read from end to end, and by an index."""
    await admin.execute("SELECT pg_stat_force_next_flush(), pg_stat_clear_snapshot()")
    rows = await admin.fetch(
        "SELECT relname, seq_scan, idx_scan FROM pg_stat_user_tables WHERE schemaname = 'wallet_log'"
    )
    return {row[0]: (row[1], row[2]) for row in rows if row[0] != "log_head"}

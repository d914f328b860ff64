"""What only PostgreSQL can break: rights, triggers, plans, and sixteen processes at once."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from kompetenspass.core.errors import Problem
from kompetenspass.core.ids import random_token
from kompetenspass.log.api import Append, Recorded, Stored
from kompetenspass.log.appender import arrays
from kompetenspass.log.conformance import request
from kompetenspass.log.partitions import install, renew_epoch
from kompetenspass.log.postgres import PostgresFeed, PostgresLog
from kompetenspass.testing.postgres import Database
from kompetenspass.testing.waiting import PATIENCE_SECONDS, until

PROCESSES, EACH = 16, 40


@pytest.fixture
async def admin(database: Database) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database.admin_dsn)
    yield connection
    await connection.close()


@pytest.mark.parametrize("table", ["log", "log_id", "log_stream", "log_head"])
@pytest.mark.parametrize("change", ["DELETE FROM {}", "TRUNCATE {}"])
async def test_nothing_is_forgotten(
    admin: asyncpg.Connection, wallet_log: PostgresLog, table: str, change: str
) -> None:
    await wallet_log.append(request("s"))
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await admin.execute(change.format(f"wallet_log.{table}"))


async def test_an_event_is_never_changed(admin: asyncpg.Connection, wallet_log: PostgresLog) -> None:
    await wallet_log.append(request("s"))
    for change in ("UPDATE wallet_log.log SET data = ''", "UPDATE wallet_log.log_id SET sha256 = ''"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await admin.execute(change)


@pytest.mark.parametrize(
    ("role", "statement"),
    [
        ("wallet", "INSERT INTO wallet_log.log VALUES (1, 's', 1, gen_random_uuid(), 't', now(), 'd')"),
        ("wallet", "SELECT 1 FROM wallet_log.log_head FOR UPDATE"),
        ("wallet", "SELECT 1 FROM registry_log.log"),
        ("registry", "SELECT wallet_log.append('{}', '{}', '{}', '{}', '{}', '{}', '{}')"),
        ("log_reader", "SELECT wallet_log.append('{}', '{}', '{}', '{}', '{}', '{}', '{}')"),
        ("log_reader", "DELETE FROM wallet_log.log"),
    ],
)
async def test_a_role_may_do_no_more_than_its_part(database: Database, role: str, statement: str) -> None:
    connection = await asyncpg.connect(database.dsn(role))
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
    finally:
        await connection.close()


async def test_installing_again_changes_nothing(admin: asyncpg.Connection, wallet_log: PostgresLog) -> None:
    await wallet_log.append(request("s"))
    epoch = await wallet_log.epoch()
    await install(admin, "wallet")
    assert await wallet_log.append(request("s", 1)) == Stored(2, 2)
    assert await admin.fetchval("SELECT epoch FROM wallet_log.log_head") == epoch


async def test_a_restored_log_has_another_epoch(admin: asyncpg.Connection, wallet_log: PostgresLog) -> None:
    before = await wallet_log.epoch()
    await renew_epoch(admin, "wallet")
    assert await admin.fetchval("SELECT epoch FROM wallet_log.log_head") != before


async def test_positions_go_on_after_older_partitions_were_detached(
    admin: asyncpg.Connection, wallet_log: PostgresLog
) -> None:
    await admin.execute("UPDATE wallet_log.log_head SET base = 1000")
    assert await wallet_log.head() == 1000
    assert await wallet_log.append(request("s")) == Stored(1001, 1)


async def test_no_append_reads_a_large_log_from_end_to_end(admin: asyncpg.Connection) -> None:
    await _append_often(admin, "first")
    await admin.execute("ANALYZE wallet_log.log, wallet_log.log_id, wallet_log.log_stream")
    await _append_often(admin, "early")  # plans made for a small log are kept: they must do for a large one
    await _fill(admin, 100_000)
    before = await _sequential_scans(admin)
    await _append_often(admin, "late")
    await admin.fetch("SELECT position FROM wallet_log.log WHERE position > 99000 ORDER BY position LIMIT 500")
    assert await _sequential_scans(admin) == before


async def test_a_reader_hears_of_an_append_in_another_process(database: Database, wallet_log: PostgresLog) -> None:
    feed = PostgresFeed("wallet", database.dsn("log_reader"))
    await feed.start()
    async with asyncio.timeout(PATIENCE_SECONDS):
        waiting = asyncio.create_task(feed.wait(0, 2 * PATIENCE_SECONDS))
        await wallet_log.append(request("s"))
        await waiting
    assert [row.position for row in await feed.read(0, 10)] == [1]
    await feed.stop()


async def test_a_reader_whose_connection_was_cut_reads_on(
    admin: asyncpg.Connection, database: Database, wallet_log: PostgresLog
) -> None:
    feed = PostgresFeed("wallet", database.dsn("log_reader"))
    await feed.start()
    await wallet_log.append(request("s"))
    await admin.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename IN ('log_reader', 'wallet')"
    )
    assert len(await feed.read(0, 10)) == 1
    assert len(await wallet_log.read_stream("s")) == 1
    assert await wallet_log.append(request("s", 1)) == Stored(2, 2)
    await feed.stop()


async def test_a_stream_that_cannot_be_named_is_refused_to_its_own_caller_only(wallet_log: PostgresLog) -> None:
    await wallet_log.append(request("s"))
    names = ("s", "a\0b", "\ud800", "s")
    told = await asyncio.gather(*map(wallet_log.read_stream, names), return_exceptions=True)
    assert [one.code if isinstance(one, Problem) else len(one) for one in told] == [  # type: ignore[arg-type]  # rows
        1,
        "event_refused",
        "event_refused",
        1,
    ]


async def test_streams_that_cannot_be_read_soon_are_told_to_be_so(
    admin: asyncpg.Connection, wallet_log: PostgresLog
) -> None:
    await wallet_log.append(request("s"))
    async with admin.transaction(), asyncio.timeout(PATIENCE_SECONDS):
        await admin.execute("LOCK TABLE wallet_log.log")
        with pytest.raises(Problem, match="log_unavailable"):
            await wallet_log.read_stream("s")
    assert len(await wallet_log.read_stream("s")) == 1


async def test_what_was_read_beyond_the_head_is_not_taken_for_it(wallet_log: PostgresLog) -> None:
    assert await wallet_log.read(10**6, 500) == []
    begun = asyncio.get_running_loop().time()
    await wallet_log.wait(0, 0.3)
    assert asyncio.get_running_loop().time() - begun >= 0.3


async def test_a_reader_that_goes_away_leaves_the_others_the_connection(
    admin: asyncpg.Connection, database: Database, wallet_log: PostgresLog
) -> None:
    feed = PostgresFeed("wallet", database.dsn("log_reader"))
    await feed.start()
    who = "SELECT pid FROM pg_stat_activity WHERE usename = 'log_reader' AND datname = current_database()"
    before = await admin.fetch(who)
    async with admin.transaction():
        await admin.execute("LOCK TABLE wallet_log.log")
        reading = asyncio.create_task(feed.read(0, 10))
        await until(lambda: admin.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"))
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
    assert await feed.read(0, 10) == []
    assert await admin.fetch(who) == before
    await feed.stop()


async def test_a_log_that_cannot_be_reached_is_unavailable(tmp_path: Path) -> None:
    feed = PostgresFeed("wallet", f"postgresql://wallet@/none?host={tmp_path}")
    with pytest.raises(Problem) as refused:
        await feed.head()
    assert refused.value.code == "log_unavailable"


async def test_a_log_of_another_owner_is_installed_with_its_roles(admin: asyncpg.Connection) -> None:
    await install(admin, "trial")
    roles = await admin.fetch("SELECT rolname, rolcanlogin FROM pg_roles WHERE rolname LIKE 'trial%' ORDER BY 1")
    assert [tuple(role) for role in roles] == [("trial", True), ("trial_log_owner", False)]


@pytest.mark.parametrize("owner", ["", "Bad", "a; DROP TABLE x", "a" * 60])
async def test_an_owner_that_cannot_stand_in_sql_is_refused(admin: asyncpg.Connection, owner: str) -> None:
    with pytest.raises(ValueError, match="not a service's name"):
        await install(admin, owner)


def test_a_reader_sees_every_position_once_while_sixteen_processes_append(database: Database) -> None:
    fork = multiprocessing.get_context("fork")
    writers = [fork.Process(target=_write, args=(database.dsn("wallet"), n)) for n in range(PROCESSES)]
    for writer in writers:
        writer.start()
    seen = asyncio.run(_followed(database.dsn("log_reader"), PROCESSES * EACH))
    for writer in writers:
        writer.join(PATIENCE_SECONDS)
    assert [writer.exitcode for writer in writers] == [0] * PROCESSES
    assert [row.position for row in seen] == list(range(1, PROCESSES * EACH + 1))
    assert {(row.stream, row.version) for row in seen} == {
        (f"s-{n}", version) for n in range(PROCESSES) for version in range(1, EACH + 1)
    }


def _write(dsn: str, number: int) -> None:
    async def write() -> None:
        log = PostgresLog("wallet", dsn, deadline_seconds=PATIENCE_SECONDS)
        await log.start()
        for version in range(EACH):
            assert isinstance(await log.append(request(f"s-{number}", version)), Stored)
        await log.stop()

    asyncio.run(write())


async def _followed(dsn: str, until: int) -> list[Recorded]:
    feed = PostgresFeed("wallet", dsn)
    seen: list[Recorded] = []
    async with asyncio.timeout(4 * PATIENCE_SECONDS):
        while len(seen) < until:
            after = seen[-1].position if seen else 0
            seen += await feed.read(after, 100)
            await feed.wait(seen[-1].position if seen else 0, 0.25)
    await feed.stop()
    return seen


async def _fill(admin: asyncpg.Connection, rows: int) -> None:
    await admin.execute(
        f"""
        INSERT INTO wallet_log.log (position, stream, version, id, type, recorded, data)
        SELECT n + 1000, 'stream-' || n, 1, md5(n::text)::uuid, 'wallet.Filler.v1', now(), 'data'
        FROM generate_series(1, {rows}) n;
        INSERT INTO wallet_log.log_id SELECT id, position, sha256('data') FROM wallet_log.log WHERE position > 1000;
        INSERT INTO wallet_log.log_stream SELECT stream, version FROM wallet_log.log WHERE position > 1000;
        """
    )


async def _append_often(admin: asyncpg.Connection, prefix: str) -> None:
    """Append more often than the planner makes a plan of its own for a statement."""
    for n in range(8):
        await _append(admin, [request(f"{prefix}-{n}", events=3), request(f"stream-{n}", 1), request("stream-9", 77)])


async def _append(admin: asyncpg.Connection, requests: list[Append]) -> None:
    await admin.fetch("SELECT * FROM wallet_log.append($1, $2, $3, $4, $5, $6, $7)", *arrays(requests))


async def _sequential_scans(admin: asyncpg.Connection) -> dict[str, int]:
    await admin.execute("SELECT pg_stat_force_next_flush(), pg_stat_clear_snapshot()")
    rows = await admin.fetch("SELECT relname, seq_scan FROM pg_stat_user_tables WHERE schemaname = 'wallet_log'")
    return {row["relname"]: row["seq_scan"] for row in rows if row["relname"] != "log_head"}


async def test_a_name_too_long_for_an_index_is_refused_and_the_log_goes_on(wallet_log: PostgresLog) -> None:
    with pytest.raises(Problem, match="event_refused"):
        await wallet_log.append(request(random_token(30_000)))
    assert isinstance(await wallet_log.append(request("s")), Stored)
    assert wallet_log.healthy

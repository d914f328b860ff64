"""A backup and its reverse."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest

from kompetenspass.core.errors import Problem
from kompetenspass.embedded.backup import backup, restore
from kompetenspass.embedded.postgres import ADMIN, EmbeddedPostgres
from kompetenspass.embedded.provision import connected, drop_database, ensure_database, provision
from kompetenspass.testing.former import former_log

NAME = "kept"


@pytest.fixture
async def server(cluster: EmbeddedPostgres) -> AsyncIterator[EmbeddedPostgres]:
    """The run's server with a provisioned database `kept` that has a table with one row."""
    await ensure_database(cluster.admin_dsn(ADMIN), NAME)
    await provision(cluster.admin_dsn(NAME))
    async with connected(cluster.dsn("wallet", NAME)) as wallet:
        await wallet.execute("CREATE TABLE things (id int)")
        await wallet.execute("INSERT INTO things VALUES (1)")
    yield cluster
    await drop_database(cluster.admin_dsn(ADMIN), NAME)


async def things(server: EmbeddedPostgres) -> int:
    async with connected(server.dsn("wallet", NAME)) as wallet:
        return int(await wallet.fetchval("SELECT count(*) FROM things"))


async def add_thing(server: EmbeddedPostgres) -> None:
    async with connected(server.dsn("wallet", NAME)) as wallet:
        await wallet.execute("INSERT INTO things VALUES (2)")


async def epoch(server: EmbeddedPostgres) -> UUID:
    async with connected(server.dsn("log_reader", NAME)) as reader:
        return UUID(str(await reader.fetchval("SELECT epoch FROM issuance_log.log_head")))


async def append(server: EmbeddedPostgres, stream: str) -> int:
    call = """SELECT at_position FROM issuance_log.append(
        '{1}', ARRAY[$1], '{0}', ARRAY[gen_random_uuid()], '{test}', '{data}', ARRAY[sha256('data')])"""
    async with connected(server.dsn("issuance", NAME)) as issuance:
        return int(await issuance.fetchval(call, stream))


async def test_a_restore_brings_back_what_the_backup_held(server: EmbeddedPostgres, tmp_path: Path) -> None:
    file = await backup(server, tmp_path / "db.backup", NAME)
    await add_thing(server)
    await restore(server, file, NAME)
    assert await things(server) == 1


async def test_restored_logs_have_a_new_epoch_and_go_on_after_their_head(
    server: EmbeddedPostgres, tmp_path: Path
) -> None:
    before = await epoch(server)
    assert await append(server, "a") == 1
    file = await backup(server, tmp_path / "db.backup", NAME)
    assert await append(server, "b") == 2
    await restore(server, file, NAME)
    assert await epoch(server) != before
    assert await append(server, "c") == 2


async def test_a_log_of_an_older_backup_is_brought_up_to_date(server: EmbeddedPostgres, tmp_path: Path) -> None:
    async with connected(server.admin_dsn(NAME)) as admin, admin.transaction():
        await admin.execute("DROP SCHEMA issuance_log CASCADE")
        await admin.execute(former_log("issuance"))
    await restore(server, await backup(server, tmp_path / "db.backup", NAME), NAME)
    async with connected(server.admin_dsn(NAME)) as admin:
        assert await admin.fetchval("SELECT count(*) FROM issuance_log.log_p1") == 45
    assert await append(server, "a") == 46


async def test_a_restored_service_has_its_rights_again(server: EmbeddedPostgres, tmp_path: Path) -> None:
    await restore(server, await backup(server, tmp_path / "db.backup", NAME), NAME)
    async with connected(server.dsn("wallet", NAME)) as wallet:
        await wallet.execute("CREATE TABLE more (id int)")
        await wallet.execute("CREATE SCHEMA wallet_timeline_g2")
        assert await wallet.fetchval("SELECT 'more'::regclass::text") == "more"


async def test_a_file_that_is_no_backup_leaves_everything_as_it_is(server: EmbeddedPostgres, tmp_path: Path) -> None:
    (tmp_path / "db.backup").write_text("rubbish")
    with pytest.raises(Problem, match="backup_unusable"):
        await restore(server, tmp_path / "db.backup", NAME)
    assert await things(server) == 1


async def test_a_restore_under_a_running_service_is_refused(server: EmbeddedPostgres, tmp_path: Path) -> None:
    file = await backup(server, tmp_path / "db.backup", NAME)
    async with connected(server.dsn("wallet", NAME)) as service:
        with pytest.raises(Problem, match="database_in_use"):
            await restore(server, file, NAME)
        assert await service.fetchval("SELECT count(*) FROM things") == 1


async def test_a_backup_is_readable_by_its_owner_only(server: EmbeddedPostgres, tmp_path: Path) -> None:
    file = await backup(server, tmp_path / "db.backup", NAME)
    assert file.stat().st_mode & 0o777 == 0o600
    assert not file.with_name("db.backup.partial").exists()


async def test_the_commands_back_up_a_running_server_and_restore_a_stopped_one(tmp_path: Path) -> None:
    folder, file = tmp_path / "pg", tmp_path / "db.backup"
    running = EmbeddedPostgres(folder)
    await running.start()
    await provision(running.admin_dsn())
    try:
        assert await command("backup", file, folder) == 0
        assert await command("restore", file, folder) == 1
    finally:
        await running.stop()
    assert await command("restore", file, folder) == 0


async def command(verb: str, file: Path, folder: Path) -> int:
    """Run one of the room's own commands and return its exit code."""
    arguments = ("-m", "kompetenspass.embedded", verb, str(file), "--folder", str(folder))
    child = await asyncio.create_subprocess_exec(sys.executable, *arguments)
    return await child.wait()

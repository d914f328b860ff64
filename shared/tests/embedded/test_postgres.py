"""The launcher: start, stop, kill, and as whom."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from kompetenspass.core.errors import Problem
from kompetenspass.embedded.binaries import postgres_installation
from kompetenspass.embedded.orphan import running_server
from kompetenspass.embedded.postgres import EmbeddedPostgres
from kompetenspass.embedded.provision import connected
from kompetenspass.testing.waiting import PATIENCE_SECONDS

CRASH = Path(__file__).with_name("crash.py")


def quick(folder: Path) -> EmbeddedPostgres:
    """Return a server for a test that does not pull the plug."""
    return EmbeddedPostgres(folder, fsync=False)


@asynccontextmanager
async def running(server: EmbeddedPostgres) -> AsyncIterator[EmbeddedPostgres]:
    try:
        await server.start()
        yield server
    finally:
        await server.stop()


async def rows(server: EmbeddedPostgres) -> int:
    async with connected(server.admin_dsn()) as admin:
        await admin.execute("CREATE TABLE IF NOT EXISTS kept (id int)")
        return int(await admin.fetchval("SELECT count(*) FROM kept"))


async def add_row(server: EmbeddedPostgres) -> None:
    await rows(server)
    async with connected(server.admin_dsn()) as admin:
        await admin.execute("INSERT INTO kept VALUES (1)")


def start_other(folder: Path, task: str, programs: Path) -> subprocess.Popen[str]:
    """Start crash.py and return it after its line: its server runs and holds a row."""
    command = [sys.executable, str(CRASH), str(folder), str(programs), task]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd="/")


def kill_a_running_parent(folder: Path) -> int:
    """Kill -9 a process whose server holds one row, and return the orphan's process id."""
    with start_other(folder, "hang", postgres_installation()) as other:
        assert other.stdout is not None
        pid = int(other.stdout.readline().split()[0])
        other.kill()
    return pid


def strangers_process() -> subprocess.Popen[bytes]:
    return subprocess.Popen(["sleep", "600"])


async def test_a_restart_finds_its_data_again(tmp_path: Path) -> None:
    async with running(EmbeddedPostgres(tmp_path)) as server:
        await add_row(server)
    async with running(EmbeddedPostgres(tmp_path)) as server:
        assert await rows(server) == 1


async def test_it_syncs_to_disk_unless_told_otherwise(tmp_path: Path) -> None:
    async with running(EmbeddedPostgres(tmp_path)) as server, connected(server.admin_dsn()) as admin:
        assert (
            await admin.fetchval("SELECT current_setting('fsync') || current_setting('synchronous_commit')") == "onon"
        )


async def test_it_listens_on_no_network_address_and_only_its_owner_opens_the_socket(tmp_path: Path) -> None:
    async with running(quick(tmp_path)) as server:
        async with connected(server.admin_dsn()) as admin:
            assert await admin.fetchval("SELECT current_setting('listen_addresses')") == ""
        socket = server.socket_folder / ".s.PGSQL.5432"
        assert stat.S_IMODE(socket.stat().st_mode) == 0o700
        assert stat.S_IMODE(server.data.stat().st_mode) == 0o700


async def test_the_address_also_serves_sqlalchemy(tmp_path: Path) -> None:
    async with running(quick(tmp_path)) as server:
        engine = create_async_engine(server.admin_dsn().replace("postgresql://", "postgresql+asyncpg://"))
        async with engine.connect() as connection:
            assert (await connection.execute(text("SELECT current_user"))).scalar_one() == "postgres"
        await engine.dispose()


async def test_nothing_is_left_after_a_stop(tmp_path: Path) -> None:
    async with running(quick(tmp_path)) as server:
        data = server.data
    assert running_server(data) is None
    assert not (data / "postmaster.pid").exists()


async def test_whoever_gives_up_waiting_for_the_start_leaves_nothing_behind(tmp_path: Path) -> None:
    server = quick(tmp_path / "pg")
    starting = asyncio.create_task(server.start())
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not (tmp_path / "pg" / "data.new").exists():  # noqa: ASYNC110  another program makes it
            await asyncio.sleep(0.005)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert server.pid is None
    async with running(server):
        assert await rows(server) == 0


async def test_a_second_server_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    async with running(quick(tmp_path)) as server:
        with pytest.raises(Problem, match="already_running"):
            await quick(tmp_path).start()
        assert await rows(server) == 0


async def test_after_a_kill_of_the_parent_the_next_start_finds_every_committed_row(tmp_path: Path) -> None:
    orphan = kill_a_running_parent(tmp_path)
    async with asyncio.timeout(2 * PATIENCE_SECONDS), running(EmbeddedPostgres(tmp_path)) as server:
        assert server.pid != orphan
        assert await rows(server) == 1


async def test_after_a_kill_of_parent_and_server_the_next_start_recovers(tmp_path: Path) -> None:
    os.kill(kill_a_running_parent(tmp_path), signal.SIGKILL)
    async with asyncio.timeout(2 * PATIENCE_SECONDS), running(EmbeddedPostgres(tmp_path)) as server:
        assert await rows(server) == 1


async def test_a_lock_file_that_names_a_strangers_process_keeps_nobody_out(tmp_path: Path) -> None:
    async with running(quick(tmp_path)) as server:
        lines = (server.data / "postmaster.pid").read_text().splitlines()
        lock = server.data / "postmaster.pid"
    with strangers_process() as stranger:
        lock.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")
        async with running(quick(tmp_path)) as server:
            assert await rows(server) == 0
        assert stranger.poll() is None
        stranger.kill()


async def test_an_initialisation_that_was_cut_off_is_begun_again(tmp_path: Path) -> None:
    (tmp_path / "data.new").mkdir()
    (tmp_path / "data.new" / "half").write_text("made")
    async with running(quick(tmp_path)) as server:
        assert await rows(server) == 0


async def test_a_long_path_gets_a_short_socket(tmp_path: Path) -> None:
    async with running(quick(tmp_path / ("long" * 30))) as server:
        assert len(str(server.socket_folder / ".s.PGSQL.5432")) < 100
        await add_row(server)
        socket_folder = server.socket_folder
    shutil.rmtree(socket_folder)


async def test_data_of_another_major_version_is_refused_with_what_to_do(tmp_path: Path) -> None:
    async with running(quick(tmp_path)) as server:
        data = server.data
    (data / "PG_VERSION").write_text("12\n")
    with pytest.raises(Problem, match="major version") as refused:
        await quick(tmp_path).start()
    assert "backup" in refused.value.remedy


async def test_a_server_that_cannot_start_says_where_its_log_is(tmp_path: Path) -> None:
    async with running(quick(tmp_path)) as server:
        data = server.data
    (data / "postgresql.conf").write_text("no_such_setting = 1\n")
    with pytest.raises(Problem, match="did not start") as refused:
        await quick(tmp_path).start()
    assert "no_such_setting" in refused.value.detail
    assert "postgres.log" in refused.value.remedy


async def test_a_file_in_the_way_of_the_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(FileExistsError):
        await quick(tmp_path / "file").start()

"""PostgreSQL refuses root: what root does instead. As another user these tests show that nothing of it is needed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from kompetenspass.core.errors import Problem
from kompetenspass.embedded.account import choose_account, nobody_account, private_folder
from kompetenspass.embedded.binaries import copy_installation, postgres_installation
from kompetenspass.embedded.postgres import EmbeddedPostgres
from kompetenspass.embedded.provision import connected

ROOT = os.geteuid() == 0
CRASH = Path(__file__).with_name("crash.py")


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """A folder that any user reaches."""
    folder = Path(tempfile.mkdtemp(prefix="kp-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


async def started_twice(folder: Path, programs: Path | None = None) -> EmbeddedPostgres:
    """Start, stop, start and stop a server as `nobody`, where we may, and return it."""
    choose = nobody_account if ROOT else choose_account
    for _ in range(2):
        server = EmbeddedPostgres(folder, fsync=False, choose=choose, installation=programs)
        try:
            await server.start()
            async with connected(server.admin_dsn()) as admin:
                assert await admin.fetchval("SELECT 1") == 1
        finally:
            await server.stop()
    return server


async def test_where_namespaces_are_forbidden_root_steps_down_by_setuid(public_folder: Path) -> None:
    server = await started_twice(public_folder / "pg")
    assert (server.data.stat().st_uid == os.geteuid()) is not ROOT


async def test_files_that_nobody_cannot_reach_are_stood_for_by_some_that_it_can(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    server = await started_twice(closed / "pg", copy_installation(postgres_installation(), closed))
    assert closed.stat().st_mode & 0o777 == 0o700
    if ROOT:
        assert closed not in server.data.parents
        shutil.rmtree(server.account.home)


def test_root_by_choice_makes_no_user_and_opens_no_folder(tmp_path: Path) -> None:
    account = choose_account(postgres_installation(), tmp_path)
    assert account.uid is None
    assert bool(account.prefix) is ROOT


def test_another_user_runs_it_as_he_is(public_folder: Path) -> None:
    programs = copy_installation(postgres_installation(), public_folder / "programs")
    home = public_folder / "home"
    home.mkdir()
    if ROOT:
        os.chown(home, 65534, 65534)
    command = [sys.executable, str(CRASH), str(home / "pg"), str(programs), "step-down" if ROOT else "stop"]
    done = subprocess.run(command, capture_output=True, text=True, cwd="/", check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[1] == str(home.stat().st_uid)


def test_a_short_folder_that_somebody_else_left_open_is_refused(tmp_path: Path) -> None:
    short = private_folder(tmp_path, None)
    short.chmod(0o777)
    with pytest.raises(Problem, match="state_folder_taken"):
        private_folder(tmp_path, None)
    short.rmdir()

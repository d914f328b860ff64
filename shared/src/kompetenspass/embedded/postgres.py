"""A PostgreSQL server of our own, from the wheel's programs, on a unix socket in one folder: for laptops and trials."""

from __future__ import annotations

import asyncio
import atexit
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO
from urllib.parse import quote

from kompetenspass.core.errors import Kind, Problem
from kompetenspass.embedded import orphan
from kompetenspass.embedded.account import Account, choose_account, private_folder
from kompetenspass.embedded.binaries import postgres_installation
from kompetenspass.embedded.folders import locked
from kompetenspass.embedded.provision import ensure_database

DATABASE = "kompetenspass"
ADMIN = "postgres"
_LONGEST_SOCKET_FOLDER = 84  # bytes: with the socket's own name the path stays under 100
_POLL_SECONDS = 0.02
_SHARED_MEMORY = "pre-existing shared memory block"  # the children of a killed server are still ending: try again


class EmbeddedPostgres:
    """One server in one folder; whoever can open the folder is its administrator, and nobody else reaches the socket.

    Survives `kill -9` of this process: the next start stops the orphan first. `fsync=False` is for tests only.
    """

    def __init__(
        self,
        folder: Path,
        *,
        fsync: bool = True,
        start_timeout_seconds: float = 60,
        choose: Callable[[Path, Path], Account] = choose_account,
        installation: Path | None = None,
    ) -> None:
        self.folder = folder.resolve()
        self._choose = choose
        self._installation = installation
        self.fsync = fsync
        self.start_timeout_seconds = start_timeout_seconds
        self._lock: IO[str] | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._account: Account | None = None

    async def start(self) -> None:
        """Start the server, with its database, and return when it accepts connections.

        Raises Problem `already_running`, `embedded_postgres_failed` or another of this room, each with a remedy.
        """
        starting = asyncio.create_task(asyncio.to_thread(self._start))
        try:
            await asyncio.shield(starting)
            await ensure_database(self.admin_dsn(ADMIN), DATABASE)
        except BaseException:
            await asyncio.wait([starting])  # whoever gave up waiting has not ended the thread
            await self.stop()
            raise

    def attach(self) -> None:
        """Make the addresses of a server known that another process runs on this folder; nothing is started."""
        self._account = self._choose(self._installation or postgres_installation(), self.folder)

    async def stop(self) -> None:
        """Stop the server; what was committed is on disk. Does nothing when it does not run."""
        await asyncio.to_thread(self._stop)

    @property
    def account(self) -> Account:
        """How this server's programs are run. Raises Problem `not_running` before the start."""
        if self._account is None:
            raise Problem("not_running", "The embedded PostgreSQL is not running.", kind=Kind.UNAVAILABLE)
        return self._account

    @property
    def data(self) -> Path:
        """The server's data folder."""
        return self.account.home / "data"

    @property
    def socket_folder(self) -> Path:
        """The folder of the unix socket: the server's own, or a short one where that path would be too long."""
        home = self.account.home
        if len(os.fsencode(home)) <= _LONGEST_SOCKET_FOLDER:
            return home
        short = private_folder(home, self.account.uid)
        self.account.own(short)
        return short

    @property
    def pid(self) -> int | None:
        """The server's process id, None when it does not run."""
        return self._child.pid if self._child else None

    def dsn(self, role: str, database: str = DATABASE) -> str:
        """Return the address for one role, as asyncpg takes it; for SQLAlchemy replace the scheme."""
        host = quote(str(self.socket_folder), safe="")
        return f"postgresql://{quote(role, safe='')}@/{quote(database, safe='')}?host={host}&port=5432"

    def admin_dsn(self, database: str = DATABASE) -> str:
        """Return the address for the administrator of the server."""
        return self.dsn(ADMIN, database)

    def _start(self) -> None:
        self._lock = locked(self.folder, "the embedded PostgreSQL")
        try:
            self.attach()
            self._make_data()
            orphan.settle(self.data, self.socket_folder, timeout_seconds=20)
            self._spawn()
            self._wait_until_ready()
        except BaseException:
            self._stop()
            raise
        atexit.register(self._stop)

    def _make_data(self) -> None:
        if self.data.exists():
            _same_major_version(self.data, self.account)
            return
        fresh = self.data.with_name("data.new")  # renamed when it is whole: a killed initdb leaves nothing half-made
        shutil.rmtree(fresh, ignore_errors=True)
        locale = ("--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C")
        zone = ("--set=timezone=UTC", "--set=log_timezone=UTC")
        options = (f"--username={ADMIN}", "--auth=trust", *locale, *zone, *(() if self.fsync else ("--no-sync",)))
        done = self.account.run("initdb", "-D", str(fresh), *options)
        if done.returncode != 0:
            raise _failed("could not make its data folder", done.stdout + done.stderr)
        fresh.rename(self.data)

    def _spawn(self) -> None:
        if self._log_path.exists():
            self._log_path.replace(self._log_path.with_suffix(".log.old"))
        with self._log_path.open("wb") as output:
            self._log_path.chmod(0o600)
            self._child = self.account.spawn("postgres", self._options(), output.fileno())

    def _options(self) -> list[str]:
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.socket_folder),
            "unix_socket_permissions": "0700",
            "max_connections": "300",
            "jit": "off",
            "log_error_verbosity": "terse",  # no DETAIL: it would put stored values into the log
        }
        if not self.fsync:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        return ["-D", str(self.data), *(f"--{name}={value}" for name, value in settings.items())]

    def _wait_until_ready(self) -> None:
        assert self._child is not None
        deadline = time.monotonic() + self.start_timeout_seconds
        while not orphan.is_ready(self.data, self._child.pid):
            ended = self._child.poll() is not None
            if time.monotonic() > deadline or (ended and _SHARED_MEMORY not in self._log_end()):
                raise _failed("did not start", self._log_end(), f"Read {self._log_path}.")
            time.sleep(_POLL_SECONDS)
            if ended:
                self._spawn()

    @property
    def _log_path(self) -> Path:
        return self.folder / "postgres.log"

    def _log_end(self) -> str:
        return self._log_path.read_text(errors="replace")[-2000:]

    def _stop(self) -> None:
        atexit.unregister(self._stop)
        child, self._child = self._child, None
        if child is not None:
            _end(child)
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.close()


def _same_major_version(data: Path, account: Account) -> None:
    program = account.run("postgres", "--version").stdout.rpartition(" ")[2].partition(".")[0].strip()
    stored = (data / "PG_VERSION").read_text().strip()
    if program != stored:
        raise _failed(
            f"has the major version {program}, its data folder {stored}",
            "",
            "Make a backup with the old version, move the folder away, restore with the new one.",
        )


def _end(child: subprocess.Popen[bytes]) -> None:
    for sign, seconds in ((signal.SIGINT, 30), (signal.SIGQUIT, 10), (signal.SIGKILL, 10)):
        child.send_signal(sign)
        try:
            child.wait(seconds)
        except subprocess.TimeoutExpired:
            continue
        return


def _failed(what: str, detail: str, remedy: str = "Read the detail in the log.") -> Problem:
    return Problem(
        "embedded_postgres_failed",
        f"The embedded PostgreSQL {what}.",
        kind=Kind.UNAVAILABLE,
        remedy=remedy,
        detail=detail,
    )

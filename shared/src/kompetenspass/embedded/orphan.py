"""What an earlier PostgreSQL left behind when its parent was killed: a server that still runs, or its lock file."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from kompetenspass.core.errors import Kind, Problem

_POLL_SECONDS = 0.02


def settle(data: Path, socket_folder: Path, timeout_seconds: float) -> None:
    """Stop the server that still runs on `data`, and leave no lock file that would keep the next one from starting.

    Raises Problem `orphan_does_not_stop` when the server is still there after a fast and an immediate stop.
    """
    for sign in (signal.SIGINT, signal.SIGQUIT):
        pid = running_server(data)
        if pid is None:
            break
        os.kill(pid, sign)
        _wait_until_gone(data, timeout_seconds)
    if running_server(data) is not None:
        raise Problem(
            "orphan_does_not_stop",
            "An earlier PostgreSQL still runs on this folder and does not stop.",
            kind=Kind.UNAVAILABLE,
            remedy=f"Stop the process that the first line of {data / 'postmaster.pid'} names.",
        )
    _disown(data / "postmaster.pid")
    _disown(socket_folder / ".s.PGSQL.5432.lock")


def running_server(data: Path) -> int | None:
    """Return the process id of the living server on `data`, or None: a zombie or a stranger's process is no server."""
    pid = recorded_pid(data)
    if pid is None:
        return None
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return None
    return pid if words[0].endswith(b"postgres") and str(data).encode() in words else None


def recorded_pid(data: Path) -> int | None:
    """Return the process id in the server's lock file, or None without one."""
    lines = _lines(data / "postmaster.pid")
    return int(lines[0]) if lines and lines[0].strip().isdigit() else None


def is_ready(data: Path, pid: int) -> bool:
    """Return whether the server with `pid` has written that it accepts connections (line 8 of its lock file)."""
    lines = _lines(data / "postmaster.pid")
    return len(lines) >= 8 and lines[0].strip() == str(pid) and lines[7].strip() == "ready"


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except FileNotFoundError:
        return []


def _wait_until_gone(data: Path, timeout_seconds: float) -> None:
    deadline = time.monotonic() + timeout_seconds
    while running_server(data) is not None and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)


def _disown(lock: Path) -> None:
    """Put our own id into a dead server's lock file.

    The next server refuses to start while the recorded process lives, be it a zombie or a stranger with the same
    number; its own parent it takes for no rival, and it still checks the shared memory that the file names.
    """
    lines = _lines(lock)
    if not lines:
        lock.unlink(missing_ok=True)
        return
    state = lock.stat()
    lock.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    os.chown(lock, state.st_uid, state.st_gid)

"""A folder that one process has to itself, for as long as it lives."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import IO

from kompetenspass.core.errors import Kind, Problem


def locked(folder: Path, what: str) -> IO[str]:
    """Return the open, locked lock file of the folder, made if it was not there (0700).

    The lock ends with this process, however that ends. Raises Problem `state_folder_not_ours` or `already_running`.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (folder / "lock").open("a")
    except PermissionError as error:
        raise Problem(
            "state_folder_not_ours",
            "The state folder belongs to another user.",
            kind=Kind.UNAVAILABLE,
            remedy=f"Run as the owner of {folder}, or choose another state folder.",
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.close()
        raise Problem(
            "already_running",
            f"Another process runs {what} in this folder.",
            kind=Kind.CONFLICT,
            remedy="Stop the other one first, or choose another state folder.",
        ) from error
    return lock

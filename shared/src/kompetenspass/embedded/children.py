"""Processes of a platform that end with the one that started them, and whose own end is noticed."""

from __future__ import annotations

import asyncio
import os
import shutil
from asyncio.subprocess import Process
from collections.abc import Mapping, Sequence
from pathlib import Path

_STOP_SECONDS = 60.0


def with_parent() -> list[str]:
    """Return the words before a command that end it with this process; none where the system has no such program.

    A parent that is gone before the command asks to be told of it is told of by its number: then nothing begins.
    """
    setpriv, shell = shutil.which("setpriv"), shutil.which("sh")
    if setpriv is None or shell is None:
        return []
    return [setpriv, "--pdeathsig", "KILL", shell, "-c", '[ "$PPID" = "$0" ] && exec "$@"', str(os.getpid())]


class Children:
    """Some processes; `ended` is set when one of them has ended without being asked to.

    They write where this process writes. Ctrl-C does not reach them: they are stopped in order, by `stop`.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: dict[str, Process] = {}
        self._watches: list[asyncio.Task[None]] = []
        self.ended = asyncio.Event()

    async def start(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start one, and return at once."""
        process = await asyncio.create_subprocess_exec(
            *(*with_parent(), *command), env=environment, cwd=self._folder, start_new_session=True
        )
        self._running[name] = process
        self._watches.append(asyncio.create_task(self._watch(process), name=name))

    def ended_one(self) -> str | None:
        """Return the name of one that has ended, None while all run."""
        return next((name for name, process in self._running.items() if process.returncode is not None), None)

    async def stop(self) -> None:
        """Ask all to stop and return when they have; one that takes too long is killed."""
        for watch in self._watches:
            watch.cancel()
        await asyncio.gather(*(_stopped(process) for process in self._running.values()))

    async def _watch(self, process: Process) -> None:
        await process.wait()
        self.ended.set()


async def _stopped(process: Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        await asyncio.wait_for(process.wait(), _STOP_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()

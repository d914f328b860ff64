"""Processes that a measurement starts, what they have used of the processor and memory, and their end."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_CUTIME, _CSTIME, _PPID, _RSS = 13, 14, 1, 21
"""Fields of /proc/PID/stat, counted from the state, which follows the name. Source: proc(5)."""
_SCHEDULED = 2  # the clock of a process that counts what the scheduler gave it
_END_SECONDS = 30.0


async def start(
    command: Sequence[str], environment: Mapping[str, str] | None, output: Path, folder: Path
) -> asyncio.subprocess.Process:
    """Start a program that writes to the end of `output`. Its end is `end`."""
    with output.open("ab") as written:
        return await asyncio.create_subprocess_exec(
            *command, env=environment, cwd=folder, stdout=written, stderr=written, start_new_session=True
        )


async def end(process: asyncio.subprocess.Process, seconds: float = _END_SECONDS) -> None:
    """Ask a program to stop, and make it stop when it has not after so many seconds."""
    if process.returncode is not None:
        return
    process.terminate()
    try:
        await asyncio.wait_for(process.wait(), seconds)
    except TimeoutError:
        process.kill()
        await process.wait()


@contextmanager
def ended_by_signal() -> Iterator[None]:
    """Let SIGTERM cancel the running task, once, so that it ends what it has started before it ends itself."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    cancelled: list[bool] = []

    def cancel() -> None:
        if not cancelled:  # a second one would cancel the ending of what was started
            cancelled.append(task.cancel())

    loop.add_signal_handler(signal.SIGTERM, cancel)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGTERM)


def processor_nanoseconds(pid: int) -> int:
    """Return the processor time of a process until now: of all threads, ended ones too, and of the kernel for them.

    Raises OSError when there is no such process. Source: clock_getcpuclockid(3), and Linux,
    include/linux/posix-timers_types.h for the number of the clock. /proc/PID/stat has it in steps of 10 ms only, and
    the threads' schedstat loses the threads that have ended.
    """
    return time.clock_gettime_ns(~pid << 3 | _SCHEDULED)


def family_seconds(pid: int) -> float:
    """Return the processor time of a process with its children: those that live, and those that have ended.

    Of the last the kernel keeps one sum, in steps of 10 ms; it grows only when one ends.
    """
    fields = _stat(pid)
    ended = (int(fields[_CUTIME]) + int(fields[_CSTIME])) / _TICKS
    alive = processor_nanoseconds(pid) + sum(_of_child(child) for child in children(pid))
    return alive / 1e9 + ended


def resident_mib(pid: int) -> float:
    """Return how much of a process is in memory."""
    return int(_stat(pid)[_RSS]) * _PAGE / 2**20


def children(pid: int) -> list[int]:
    """Return the processes that a process has started and that live."""
    return [other for other, fields in _all() if int(fields[_PPID]) == pid]


def name(pid: int) -> str:
    """Return the name of a process's program."""
    return Path(f"/proc/{pid}/comm").read_text().strip()


def _of_child(pid: int) -> int:
    try:
        return processor_nanoseconds(pid)
    except OSError:  # it has just ended: the parent's account has it next time
        return 0


def _all() -> Iterator[tuple[int, list[str]]]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                yield int(folder.name), _stat(int(folder.name))
            except (FileNotFoundError, ProcessLookupError):
                continue


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()

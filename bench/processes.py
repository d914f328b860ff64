"""Processes that a measurement starts, what they have used of the processor and memory, and their end."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_UTIME, _STIME, _CUTIME, _CSTIME, _PPID, _RSS = 11, 12, 13, 14, 1, 21
"""Fields of /proc/PID/stat, counted from the state, which follows the name. Source: proc(5)."""
_END_SECONDS = 30.0


async def start(
    command: Sequence[str], environment: Mapping[str, str] | None, output: Path, folder: Path
) -> asyncio.subprocess.Process:
    """Start a program that writes to the end of `output`. Its end is `end`."""
    with output.open("ab") as written:
        return await asyncio.create_subprocess_exec(
            *command, env=environment, cwd=folder, stdout=written, stderr=written, start_new_session=True
        )


async def end(process: asyncio.subprocess.Process) -> None:
    """Ask a program to stop, and make it stop when it does not."""
    if process.returncode is not None:
        return
    process.terminate()
    try:
        await asyncio.wait_for(process.wait(), _END_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()


def processor_seconds(pid: int) -> float:
    """Return the processor time of one process: in the program and in the kernel for it."""
    fields = _stat(pid)
    return (int(fields[_UTIME]) + int(fields[_STIME])) / _TICKS


def family_seconds(pid: int) -> float:
    """Return the processor time of a process with its children: those that live, and those that have ended."""
    fields = _stat(pid)
    ended = (int(fields[_CUTIME]) + int(fields[_CSTIME])) / _TICKS
    return processor_seconds(pid) + ended + sum(_of_child(child) for child in children(pid))


def resident_mib(pid: int) -> float:
    """Return how much of a process is in memory."""
    return int(_stat(pid)[_RSS]) * _PAGE / 2**20


def children(pid: int) -> list[int]:
    """Return the processes that a process has started and that live."""
    return [other for other, fields in _all() if int(fields[_PPID]) == pid]


def name(pid: int) -> str:
    """Return the name of a process's program."""
    return Path(f"/proc/{pid}/comm").read_text().strip()


def _of_child(pid: int) -> float:
    try:
        return processor_seconds(pid)
    except (FileNotFoundError, ProcessLookupError):  # it has just ended: the parent's account has it next time
        return 0.0


def _all() -> Iterator[tuple[int, list[str]]]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                yield int(folder.name), _stat(int(folder.name))
            except (FileNotFoundError, ProcessLookupError):
                continue


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()

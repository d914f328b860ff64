"""Whether a process still lives, for tests of what ends with what."""

from __future__ import annotations

from pathlib import Path

from kompetenspass.testing.waiting import until


def ended(pid: int) -> bool:
    """Return whether no such process lives; a dead one that nobody has waited for counts as ended."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return True
    return state.rpartition(")")[2].split()[0] == "Z"


async def until_ended(pid: int) -> None:
    """Return once the process has ended. Raises TimeoutError when it goes on living."""

    async def look() -> bool:
        return ended(pid)

    await until(look)

"""A disk that fills under the log: run as `python -m tests.faults.full_disk FOLDER` in a mount namespace of its own.

The folder becomes a file system of 256 MB in memory, which nobody else sees and which is gone with the process.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import MutableMapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import asyncpg
import structlog

from kompetenspass.embedded.postgres import EmbeddedPostgres
from kompetenspass.embedded.provision import provision
from kompetenspass.testing.processes import until_ended
from kompetenspass.testing.waiting import until
from tests.faults.trial import Trial, trial

SIZE = "256m"
_BLOCK = b"\0" * 65536


class Ballast:
    """A file that takes all the space that there is."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "ballast"

    def fill(self) -> None:
        """Write until nothing is left."""
        for block in (_BLOCK, _BLOCK[:4096]):
            with suppress(OSError), self._path.open("ab", buffering=0) as file:
                while file.write(block):
                    pass
        with suppress(OSError):
            (self._path.with_name("crumb")).write_bytes(b"\0" * 4096)
            raise AssertionError("there is still space")

    def drop(self) -> None:
        """Give the space back."""
        self._path.unlink()
        self._path.with_name("crumb").unlink(missing_ok=True)


async def tables_full(service: Trial, ballast: Ballast, told: list[MutableMapping[str, Any]]) -> None:
    """No table can grow: appends are refused, queries are answered, and after space was made all goes on."""
    ballast.fill()
    writing = asyncio.create_task(service.write(200))

    async def refused() -> bool:
        return bool(service.writers.refused)

    await until(refused)
    status, said = await service.readyz()
    assert (status, said["appender"]) == (200, "refusing"), said
    assert set(service.writers.refused) == {"log_unavailable"}
    assert [line["cause"] for line in told if line["event"] == "appends_refused"] == ["DiskFullError"]
    ballast.drop()
    await writing
    assert (await service.until_ready())["appender"] == "healthy"
    await service.check()


async def journal_full(service: Trial, server: EmbeddedPostgres, ballast: Ballast) -> None:
    """PostgreSQL's own journal cannot go on: the server ends, and is started again once there is space."""
    ballast.fill()
    admin = await asyncpg.connect(server.admin_dsn())
    with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        for _ in range(100):
            await admin.execute("SELECT pg_logical_emit_message(true, '', repeat('x', 1000000))")
    admin.terminate()
    writing = asyncio.create_task(service.write(20))
    assert server.pid is not None
    await until_ended(server.pid)
    assert (await service.readyz())[1]["reasons"] == ["database_unavailable"]
    ballast.drop()
    await server.stop()
    await server.start()
    await writing
    await service.until_ready()
    await service.check()


def mounted(folder: Path) -> Path:
    """Return the folder once it is a small file system of its own."""
    folder.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=755", "tmpfs", str(folder)], check=True)
    return folder


async def main(folder: Path) -> None:
    """Fill the disk in both ways; whatever is not as it should be raises."""
    server, ballast = EmbeddedPostgres(folder / "pg"), Ballast(folder)
    await server.start()
    try:
        await provision(server.admin_dsn())
        with structlog.testing.capture_logs() as told:
            async with trial(server.dsn("wallet")) as service:
                await service.write(10)
                await tables_full(service, ballast, told)
                await journal_full(service, server, ballast)
    finally:
        await server.stop()


if __name__ == "__main__":
    asyncio.run(main(mounted(Path(sys.argv[1]))))

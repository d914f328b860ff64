"""Run by the launcher's tests as a process of its own, to be killed or to step down from root.

Arguments: the folder, the folder of the programs, and what to do: `hang` or `step-down`.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from kompetenspass.embedded.postgres import EmbeddedPostgres
from kompetenspass.embedded.provision import connected

NOBODY = 65534


async def write_a_row(server: EmbeddedPostgres) -> None:
    """Make a table with one row."""
    async with connected(server.admin_dsn()) as admin:
        await admin.execute("CREATE TABLE IF NOT EXISTS kept (id int)")
        await admin.execute("INSERT INTO kept VALUES (1)")


async def main(folder: Path, programs: Path, task: str) -> None:
    """Start a server, write, and say so on a line; then hang until killed, or stop."""
    if task == "step-down":
        await asyncio.to_thread(int)  # the interpreter's own files may be out of reach afterwards
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    server = EmbeddedPostgres(folder, installation=programs)
    await server.start()
    await write_a_row(server)
    print(f"{server.pid} {os.geteuid()}", flush=True)
    if task == "hang":
        await asyncio.Event().wait()
    await server.stop()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]))

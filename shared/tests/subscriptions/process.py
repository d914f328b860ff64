"""A service with subscriptions in a process of its own, to be killed: argv is what `running` is told, as JSON."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from kompetenspass.testing.postgres import Database
from kompetenspass.testing.subscribed import running


async def main() -> None:
    said = json.loads(sys.argv[1])
    sys.path.insert(0, said["path"])
    database = Database(said["dsn"], lambda _: str(said["dsn"]))
    async with running(database, Path(said["folder"]), said["package"], {}, "killed"):
        await asyncio.Event().wait()


asyncio.run(main())

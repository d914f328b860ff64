"""A PostgreSQL of a measurement's own: empty, durable, in a folder that goes away with it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from kompetenspass.embedded.postgres import EmbeddedPostgres


@asynccontextmanager
async def own_database() -> AsyncIterator[EmbeddedPostgres]:
    """Run a server for the length of a block; the folder around its own is free for what else is needed."""
    with tempfile.TemporaryDirectory(prefix="kompetenspass-bench-") as fresh:
        os.chmod(fresh, 0o755)  # noqa: PTH101, S103  the database may run as another account
        cluster = EmbeddedPostgres(Path(fresh) / "postgres")
        await cluster.start()
        try:
            yield cluster
        finally:
            await cluster.stop()

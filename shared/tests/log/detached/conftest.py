"""The wallet's log in partitions of twenty, its tree, and whoever owns it all."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from kompetenspass.log.api import Append
from kompetenspass.log.conformance import draft
from kompetenspass.log.detached.detaching import Detaching
from kompetenspass.log.detached.folder import Detached, WithDetached
from kompetenspass.log.merkle import audit
from kompetenspass.log.merkle.checkpointing import Checkpointing
from kompetenspass.log.merkle.kept import Kept
from kompetenspass.log.merkle.rows import tables_of
from kompetenspass.log.merkle.serving import ServedLog
from kompetenspass.log.merkle.signing import LogSigner
from kompetenspass.log.merkle.store import TreeStore
from kompetenspass.log.partitions import install, partitions
from kompetenspass.log.postgres import PostgresFeed, PostgresLog
from kompetenspass.testing.histories import history
from kompetenspass.testing.postgres import Database
from kompetenspass.web.migrate import upgrade

SIZE = 20
KIND = "any"


@pytest.fixture(scope="session")
def migrations(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service's history that only makes the tables of the tree."""
    root = tmp_path_factory.mktemp("detached")
    with history(root, "detached", "kompetenspass.log.merkle.revisions", "tree") as package:
        yield package


@dataclass
class World:
    """A log that can be detached, and what an operator and an auditor do with it."""

    database: Database
    log: PostgresLog
    store: TreeStore
    signer: LogSigner
    admin: asyncpg.Connection
    root: Path

    @property
    def folder(self) -> Path:
        """Where the detached files go."""
        return self.root / "detached"

    @property
    def files(self) -> Detached:
        """The files that were detached."""
        return Detached(self.folder, "wallet")

    @property
    def detaching(self) -> Detaching:
        """What the command does."""
        return Detaching(self.admin, "wallet", self.signer.verifier, [KIND])

    async def fill(self, events: int, streams: int = 7) -> None:
        """Append events, to several streams in turn, and keep what an auditor keeps."""
        head = await self.log.head()
        for number in range(head, head + events):
            stream = f"s-{number % streams}"
            await self.log.append(Append(stream, len(await self.log.read_stream(stream)), [draft()]))
        await Checkpointing(self.log, self.store, self.signer, rest=0).run()
        await audit.keep(ServedLog(self.store), Kept(self.root / "kept", self.signer.verifier))

    async def close_streams(self) -> None:
        """Let no stream need its beginning: each has a snapshot of its end."""
        await self.admin.execute(
            "INSERT INTO wallet_log.log_snapshot SELECT stream, $1, version, last, '{}' FROM wallet_log.log_stream "
            "ON CONFLICT (stream) DO UPDATE SET version = excluded.version, position = excluded.position",
            KIND,
        )

    async def detach(self, before: int) -> None:
        """Detach what ends before a position."""
        await self.close_streams()
        await self.detaching.detach_before(before, self.folder)

    async def state(self) -> tuple[int, list[str]]:
        """Return the base and the partitions."""
        base = await self.admin.fetchval("SELECT base FROM wallet_log.log_head")
        return base, [each.name for each in await partitions(self.admin, "wallet")]

    async def audited(self) -> audit.Outcome:
        """Hold all rows against what was kept."""
        async with tables_of(self.database.dsn("log_reader"), "wallet") as tables:
            return await audit.verify([WithDetached(self.files, tables)], tables, Kept(self.root / "kept"))

    def feed(self, *, with_files: bool = True) -> PostgresFeed:
        """Return a feed of its own connection."""
        return PostgresFeed("wallet", self.database.dsn("log_reader"), self.files if with_files else None)


@pytest.fixture
async def world(database: Database, migrations: str, tmp_path: Path, engine: AsyncEngine) -> AsyncIterator[World]:
    await upgrade(database.dsn("wallet"), migrations)
    admin = await asyncpg.connect(database.admin_dsn)
    await admin.execute("DROP SCHEMA wallet_log CASCADE")
    await install(admin, "wallet", partition_events=SIZE)
    log = PostgresLog("wallet", database.dsn("wallet"), detached=Detached(tmp_path / "detached", "wallet"))
    await log.start()
    yield World(
        database, log, TreeStore(engine), LogSigner("wallet.example/log", tmp_path / "log.key"), admin, tmp_path
    )
    await log.stop()
    await admin.close()

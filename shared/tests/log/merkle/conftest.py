"""A log in PostgreSQL with its tree, an auditor's folder, and the database's owner, who may do anything."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from kompetenspass.core.ids import uuid7
from kompetenspass.log.api import Append
from kompetenspass.log.conformance import draft
from kompetenspass.log.merkle import audit
from kompetenspass.log.merkle.checkpointing import Checkpointing
from kompetenspass.log.merkle.kept import Kept
from kompetenspass.log.merkle.rows import tables_of
from kompetenspass.log.merkle.serving import ServedLog
from kompetenspass.log.merkle.signing import LogSigner
from kompetenspass.log.merkle.store import TreeStore
from kompetenspass.log.postgres import PostgresLog
from kompetenspass.testing.histories import history
from kompetenspass.testing.postgres import Database
from kompetenspass.web.migrate import upgrade

NAME = "wallet.example/log"


@pytest.fixture(scope="session")
def migrations(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service's history that only makes the tables of the tree."""
    root = tmp_path_factory.mktemp("merkle")
    with history(root, "merkle", "kompetenspass.log.merkle.revisions", "tree") as package:
        yield package


@dataclass
class World:
    """The wallet's log, what makes its tree, and what an auditor does."""

    database: Database
    log: PostgresLog
    store: TreeStore
    signer: LogSigner
    owner: asyncpg.Connection
    folder: Path

    async def append(self, events: int, streams: int = 7) -> None:
        """Append events one by one, to several streams in turn."""
        head = await self.log.head()
        for number in range(head, head + events):
            stream = f"s-{number % streams}"
            await self.log.append(Append(stream, len(await self.log.read_stream(stream)), [draft()]))

    async def checkpoint(self) -> None:
        """Run what the timer runs."""
        await Checkpointing(self.log, self.store, self.signer, rest=0).run()

    async def keep(self, folder: str = "kept") -> audit.Outcome:
        """Do what `audit keep` does."""
        return await audit.keep(ServedLog(self.store), Kept(self.folder / folder, self.signer.verifier))

    async def verify(self, *, beyond: bool = False) -> audit.Outcome:
        """Do what `audit verify` does, with or without what the service serves of later rows."""
        kept = Kept(self.folder / "kept")
        newest = await audit.newest(ServedLog(self.store), kept) if beyond else None
        async with tables_of(self.database.dsn("log_reader"), "wallet") as tables:
            return await audit.verify([tables], tables, kept, newest)

    async def tamper(self, *statements: str) -> None:
        """Change the log behind its triggers, as a superuser can."""
        async with self.owner.transaction():
            await self.owner.execute("SET LOCAL session_replication_role = replica; SET LOCAL search_path = wallet_log")
            for statement in statements:
                await self.owner.execute(statement)
        self.log._pages.forget()  # the service was stopped meanwhile

    async def cut(self, size: int) -> None:
        """Put the log back to what it was at a size, as an older backup does."""
        await self.tamper(
            f"DELETE FROM log WHERE position > {size}",
            f"DELETE FROM log_id WHERE position > {size}",
            "UPDATE log_stream s SET version = (SELECT max(version) FROM log l WHERE l.stream = s.stream)",
        )

    async def recompute(self) -> None:
        """Make tiles and checkpoint anew from the rows as they are, with the service's own key."""
        await self.store.begin(await self.log.epoch())
        await self.checkpoint()

    async def renew_epoch(self) -> UUID:
        """Give the log another epoch, as a restore does, and have it noticed."""
        epoch = uuid7()
        await self.owner.execute("UPDATE wallet_log.log_head SET epoch = $1", epoch)
        await self.log.stop()
        self.log = PostgresLog("wallet", self.database.dsn("wallet"))
        await self.log.start()
        return epoch


@pytest.fixture
async def world(database: Database, migrations: str, tmp_path: Path, engine: AsyncEngine) -> AsyncIterator[World]:
    await upgrade(database.dsn("wallet"), migrations)
    log = PostgresLog("wallet", database.dsn("wallet"))
    await log.start()
    owner = await asyncpg.connect(database.admin_dsn)
    signer = LogSigner(NAME, tmp_path / "log.key")
    made = World(database, log, TreeStore(engine), signer, owner, tmp_path)
    yield made
    await owner.close()
    await made.log.stop()

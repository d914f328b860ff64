"""Bare connections: what was cancelled or refused leaves nothing behind for whoever is next."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import QueuePool

from kompetenspass.embedded.provision import connected
from kompetenspass.log.bare import bare, both
from kompetenspass.testing.postgres import Database
from kompetenspass.web.migrate import engine_of

TURNS = 60  # of the loop: more than a block takes until its COMMIT


@pytest.fixture
async def engine(database: Database) -> AsyncIterator[AsyncEngine]:
    made = engine_of(database.dsn("wallet"), "wallet", pool_size=1)
    async with made.begin() as connection:
        await connection.execute(text("CREATE TABLE notes (note integer)"))
    yield made
    await made.dispose()


async def note(engine: AsyncEngine, number: int, *, refused: bool = False) -> None:
    async with both(engine.execution_options(isolation_level="AUTOCOMMIT")) as (_, driver):
        await driver.execute("INSERT INTO notes VALUES ($1)", number)
        if refused:
            raise ValueError(number)


@pytest.mark.parametrize("refused", [False, True])
async def test_wherever_a_block_is_cancelled_the_next_one_commits(
    engine: AsyncEngine, database: Database, refused: bool
) -> None:
    for turns in range(TURNS):
        cancelled = asyncio.create_task(note(engine, -1, refused=refused))
        for _ in range(turns):
            await asyncio.sleep(0)
        cancelled.cancel()
        await asyncio.gather(cancelled, return_exceptions=True)
        await note(engine, turns)
    async with connected(database.admin_dsn) as admin:
        noted = await admin.fetch("SELECT note FROM wallet.notes WHERE note >= 0 ORDER BY note")
        waiting = await admin.fetchval("SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'")
    assert [row["note"] for row in noted] == list(range(TURNS))
    assert waiting == 0


async def test_wherever_a_statement_is_cancelled_its_connection_comes_back(engine: AsyncEngine) -> None:
    async def one() -> int:
        async with bare(engine) as driver:
            found: int = await driver.fetchval("SELECT 1")
            return found

    for turns in range(TURNS):
        cancelled = asyncio.create_task(one())
        for _ in range(turns):
            await asyncio.sleep(0)
        cancelled.cancel()
        await asyncio.gather(cancelled, return_exceptions=True)
        assert await one() == 1
    assert isinstance(engine.pool, QueuePool)
    assert engine.pool.checkedout() == 0

"""Whoever detaches is killed in the middle: the rows are in the database or in the file, and never in neither."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from kompetenspass.log.detached.attaching import attach
from kompetenspass.log.detached.detaching import Detaching
from kompetenspass.log.merkle.note import Verifier
from kompetenspass.testing.waiting import PATIENCE_SECONDS, until

World = Any
EVENTS = 70


def _detach(dsn: str, verifier: Verifier, folder: Path) -> None:
    async def run() -> None:
        admin = await asyncpg.connect(dsn)
        await Detaching(admin, "wallet", verifier, ["any"]).detach_before(50, folder)

    asyncio.run(run())


def _attach(dsn: str, _verifier: Verifier, folder: Path) -> None:
    async def run() -> None:
        admin = await asyncpg.connect(dsn)
        await attach(admin, "wallet", folder)

    asyncio.run(run())


@asynccontextmanager
async def running(world: World, work: Any) -> AsyncIterator[Any]:
    """Do something in a process of its own, which is killed when the block ends."""
    arguments = (world.database.admin_dsn, world.signer.verifier, world.folder)
    process = multiprocessing.get_context("fork").Process(target=work, args=arguments)
    process.start()
    try:
        yield process
    finally:
        process.kill()
        process.join(PATIENCE_SECONDS)


async def whole(world: World) -> None:
    """Hold the log to be whole: partition or file of every position, whatever the process was doing."""
    feed = world.feed()
    assert [row.position for row in await feed.read(0, 1000)] == list(range(1, EVENTS + 1))
    await feed.stop()
    base, names = await world.state()
    assert names[0] == f"log_p{base + 1}"
    assert (await world.audited()).wrong is None


async def _unfinished(world: World) -> bool:
    return any(world.folder.glob("*.new"))


async def _one_file(world: World) -> bool:
    return any(world.folder.glob("*.json"))


async def _one_gone(world: World) -> bool:
    base: int = (await world.state())[0]
    return base > 0


@pytest.mark.parametrize("reached", [_unfinished, _one_file, _one_gone])
async def test_a_kill_at_any_moment_of_detaching_loses_nothing(world: World, reached: Any) -> None:
    await world.fill(EVENTS)
    await world.close_streams()
    async with running(world, _detach) as process:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while process.is_alive() and not await reached(world):  # noqa: ASYNC110  it has to be met in the act
                await asyncio.sleep(0)
    await whole(world)
    if (await world.state())[0] < 40:
        await world.detach(50)
    await whole(world)
    assert await world.state() == (40, ["log_p41", "log_p61"])


async def test_a_kill_before_the_partition_goes_leaves_it_there_with_its_file(world: World) -> None:
    await world.fill(EVENTS)
    await world.close_streams()
    reader = await asyncpg.connect(world.database.dsn("log_reader"))
    async with reader.transaction():
        await reader.fetch("SELECT 1 FROM wallet_log.log LIMIT 1")
        async with running(world, _detach):
            await until(lambda: world.admin.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"))
        await whole(world)
        assert (await world.state())[0] == 0
        assert len(world.files.parts()) == 1
    await reader.close()
    await world.detach(50)
    await whole(world)


async def test_a_kill_while_a_file_is_attached_leaves_it_detached(world: World) -> None:
    await world.fill(EVENTS)
    await world.detach(50)
    async with world.admin.transaction():
        await world.admin.execute("SELECT 1 FROM wallet_log.log_head FOR UPDATE")
        async with running(world, _attach):
            await until(lambda: world.admin.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"))
    await whole(world)
    await attach(world.admin, "wallet", world.folder)
    await whole(world)
    assert (await world.state())[0] == 20

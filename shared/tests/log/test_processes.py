"""Real processes that share a log: killed, frozen and thawed again, while events come."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from kompetenspass.log.api import Append, Cursor, Part
from kompetenspass.log.bare import bare
from kompetenspass.log.conformance import draft
from kompetenspass.log.cursors import Key, Lane, Layout, advance, all_stands, begin, take
from kompetenspass.log.generations import prepare, transaction
from kompetenspass.log.postgres import PostgresLog
from kompetenspass.log.presence import ALIVE, Presence
from kompetenspass.log.tables import install_runner_tables, schemas
from kompetenspass.testing.postgres import Database
from kompetenspass.testing.waiting import until
from kompetenspass.testing.walking import walked, walking

PARTS, STREAMS = 8, 24
Start = Callable[[], subprocess.Popen[bytes]]


@pytest.fixture
def start(database: Database) -> Iterator[Start]:
    processes = list[subprocess.Popen[bytes]]()

    def started() -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "kompetenspass.testing.walking", database.dsn("wallet")]
        processes.append(subprocess.Popen([*command, database.dsn("log_reader"), str(PARTS)]))
        return processes[-1]

    yield started
    for process in processes:
        process.kill()
        process.wait()


async def append(log: PostgresLog, version: int) -> None:
    """Append an event to each stream, onto a version."""
    for n in range(STREAMS):
        await log.append(Append(f"s-{n}", version, [draft()]))


async def holders(engine: AsyncEngine) -> set[int | None]:
    async with bare(engine) as driver:
        return {s.holder for stands in (await all_stands(driver, "wallet")).values() for s in stands}


async def alive(engine: AsyncEngine) -> set[int]:
    async with bare(engine) as driver:
        return {row["id"] for row in await driver.fetch(ALIVE)}


async def shared(engine: AsyncEngine, processes: int) -> bool:
    """Return whether so many processes are alive, and have all parts among them."""
    there, having = await alive(engine), await holders(engine)
    return len(there) == processes and having == there


async def applied(engine: AsyncEngine, version: int) -> bool:
    """Return whether each stream was applied up to a version, every event once and in its order."""
    return await walked(engine) == {f"s-{n}": (version, 0) for n in range(STREAMS)}


async def test_what_a_killed_process_followed_is_followed_by_the_others(
    start: Start, wallet_log: PostgresLog, engine: AsyncEngine
) -> None:
    await install_runner_tables(engine, "wallet")
    first, _ = start(), start()
    await until(lambda: shared(engine, 2))
    await append(wallet_log, 0)
    first.kill()
    await append(wallet_log, 1)
    await until(lambda: applied(engine, 2))
    await until(lambda: shared(engine, 1))


async def test_what_a_frozen_process_followed_is_followed_by_the_others_and_thawed_it_does_no_harm(
    start: Start, wallet_log: PostgresLog, engine: AsyncEngine
) -> None:
    await install_runner_tables(engine, "wallet")
    first, _ = start(), start()
    await until(lambda: shared(engine, 2))
    await append(wallet_log, 0)
    first.send_signal(signal.SIGSTOP)
    await append(wallet_log, 1)
    await until(lambda: applied(engine, 2))
    await until(lambda: shared(engine, 1))
    first.send_signal(signal.SIGCONT)
    await append(wallet_log, 2)
    await until(lambda: shared(engine, 2))
    await append(wallet_log, 3)
    await until(lambda: applied(engine, 4))


async def test_a_transaction_that_a_frozen_process_left_open_holds_nobody_up(
    start: Start, wallet_log: PostgresLog, engine: AsyncEngine
) -> None:
    """The frozen process is this one's: it has a part, and its row locked, and says nothing any more."""
    await install_runner_tables(engine, "wallet")
    generation = await prepare(engine, "wallet", walking())
    key, epoch = Key("projection", "walking", generation.number), await wallet_log.epoch()
    async with transaction(engine, schemas("wallet")) as connection:
        await begin(connection, "wallet", key, "wallet", Layout(PARTS, "postgres"), epoch)
    frozen, lane = Presence(engine, lambda: "frozen"), Lane(key, "wallet", Part(0, PARTS))
    beat = await frozen.beat()
    driver: Any
    async with bare(engine) as driver:
        opened = await take(driver, "wallet", lane, "postgres", beat.me)
        left = driver.transaction()
        await left.start()
        await advance(driver, "wallet", lane, opened.fence, opened.cursor, Cursor(epoch, 1, None))
        start()
        await append(wallet_log, 0)
        await until(lambda: applied(engine, 1))
        driver.terminate()
    await frozen.leave()

"""PostgreSQL lost under a service: connections ended in mid-transaction, the server killed and started again."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from kompetenspass.embedded.postgres import EmbeddedPostgres
from kompetenspass.embedded.provision import provision
from kompetenspass.log.bare import bare, both
from kompetenspass.log.fates import Fate, fate_of
from kompetenspass.testing.postgres import Database
from kompetenspass.testing.waiting import until
from tests.faults.trial import Trial, holding, trial, waiting_for_locks

_END_ALL = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE datname = current_database() AND usename = 'wallet'
"""
_ONE_OF_THEM = "SELECT pid FROM pg_stat_activity WHERE usename = 'wallet' LIMIT 1"
TIMES = 20


async def test_what_is_ended_in_mid_transaction_is_done_again_and_once(
    service: Trial, database: Database, admin: asyncpg.Connection
) -> None:
    async def stuck(wanted: int) -> list[int]:
        pids = await waiting_for_locks(admin)
        return pids if len(pids) >= wanted else []

    for _ in range(3):
        async with holding(database.admin_dsn, "LOCK TABLE wallet_seeing_g1.seen") as holder:
            await service.write(5)
            await until(lambda: stuck(1))  # the reader, which has moved its cursor
            await holder.execute("SELECT 1 FROM wallet_log.log_head FOR UPDATE")
            writing = asyncio.create_task(service.write(5))
            for pid in await until(lambda: stuck(2)):  # and the appender
                assert await admin.fetchval("SELECT pg_terminate_backend($1)", pid)
        await writing
    assert (await service.until_ready())["appender"] == "healthy"
    await service.check()


async def test_connections_that_are_ended_again_and_again_lose_and_double_nothing(
    service: Trial, admin: asyncpg.Connection
) -> None:
    writing, ended = asyncio.create_task(service.write(100)), 0
    for _ in range(TIMES):
        reached = len(service.writers.stored)

        async def goes_on(since: int = reached) -> bool:
            return writing.done() or len(service.writers.stored) > since + 10

        await until(goes_on)
        ended += await admin.fetchval(_END_ALL)
    await writing
    assert ended > TIMES
    await service.until_ready()
    await service.check()


@asynccontextmanager
async def served(folder: Path) -> AsyncIterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(folder)
    await server.start()
    try:
        await provision(server.admin_dsn())
        yield server
    finally:
        await server.stop()


async def killed(server: EmbeddedPostgres, what: str) -> None:
    """Kill the first process of a server, or one that works for the service: what it had not written is lost."""
    assert server.pid is not None
    pid = server.pid
    if what == "a process of it":
        admin = await asyncpg.connect(server.admin_dsn())
        pid = await admin.fetchval(_ONE_OF_THEM)
        admin.terminate()
    os.kill(pid, signal.SIGKILL)


async def test_a_server_that_is_only_starting_is_an_outage_for_whoever_asks_it() -> None:
    async def refused() -> asyncpg.Connection:
        raise asyncpg.CannotConnectNowError("the database system is starting up")

    engine = create_async_engine("postgresql+asyncpg://", async_creator=refused)
    with pytest.raises(asyncpg.CannotConnectNowError) as told_bare:
        async with bare(engine):
            pass
    with pytest.raises(DBAPIError) as told_both:
        async with both(engine):
            pass
    assert {fate_of(told_bare.value), fate_of(told_both.value)} == {Fate.OUTAGE}


async def answers_unready(service: Trial) -> bool:
    status, said = await service.readyz()
    return status == 503 and said["reasons"] == ["database_unavailable"] and said["cursors"] == []


def all_of(pid: int) -> list[int]:
    """Return a process and its children."""
    return [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]


async def test_a_server_that_is_frozen_is_said_to_be_away_and_gone_on_with(tmp_path: Path) -> None:
    async with served(tmp_path / "pg") as server, trial(server.dsn("wallet")) as service:
        await service.write(5)
        assert server.pid is not None
        frozen = all_of(server.pid)
        for pid in frozen:
            os.kill(pid, signal.SIGSTOP)
        try:
            writing = asyncio.create_task(service.write(5))
            await until(lambda: answers_unready(service))
        finally:
            for pid in frozen:
                os.kill(pid, signal.SIGCONT)
        await writing
        await service.until_ready()
        await service.check()


@pytest.mark.parametrize("what", ["a process of it", "the server"])
async def test_a_server_that_is_killed_and_comes_back_is_used_again_without_a_restart(
    tmp_path: Path, what: str, told: list[MutableMapping[str, Any]]
) -> None:
    async with served(tmp_path / "pg") as server, trial(server.dsn("wallet")) as service:
        for _ in range(2):
            writing = asyncio.create_task(service.write(60))
            reached = len(service.writers.stored)

            async def under_way(since: int = reached) -> bool:
                return len(service.writers.stored) > since + 20

            await until(under_way)
            await killed(server, what)
            if what == "the server":
                await until(lambda: answers_unready(service))
                answers = await service.http.get("/v1/seen"), await service.http.post("/v1/seen")
                assert [answer.status_code for answer in answers] == [503, 503]
                assert [answer.json()["code"] for answer in answers] == ["database_unavailable", "outcome_unknown"]
                await server.stop()
                await server.start()
            await writing
        await service.until_ready()
        await service.check()
    alarms = {line["event"] for line in told if line.get("alarm")}
    assert alarms <= {"appends_refused"}  # that one where the server was away for longer than callers wait

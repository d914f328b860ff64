"""Clocks that jump: the service's, which judges how fresh facts are, and the database's, which dates events."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import asyncpg
import pytest

from kompetenspass.core.clock import system_clock
from kompetenspass.core.errors import Problem
from kompetenspass.testing.postgres import Database
from kompetenspass.testing.waiting import until
from tests.faults.trial import Trial, trial, whole

JUMPS = [timedelta(hours=1), timedelta(hours=-1), timedelta(days=400), timedelta(days=-400)]
_SIGNATURE = "wallet_log.append(integer[], text[], bigint[], uuid[], text[], text[], bytea[])"


class JumpingClock:
    """The machine's clock, set forward or back by somebody."""

    def __init__(self) -> None:
        self.off = timedelta()

    def __call__(self) -> datetime:
        return system_clock() + self.off


@pytest.fixture
def clock() -> JumpingClock:
    return JumpingClock()


@pytest.fixture
async def clocked(database: Database, clock: JumpingClock) -> AsyncIterator[Trial]:
    async with trial(database.dsn("wallet"), clock=clock) as running:
        yield running


async def is_fresh(service: Trial) -> bool:
    try:
        await service.runtime.require_fresh("wallet")
    except Problem as problem:
        if problem.code != "facts_stale":
            raise
        return False
    return True


async def test_after_a_jump_of_the_services_clock_facts_are_fresh_again_at_the_readers_next_look(
    clocked: Trial, clock: JumpingClock
) -> None:
    for jump in JUMPS:
        await clocked.write(5)
        clock.off += jump
        await clocked.write(5)
        await until(lambda: is_fresh(clocked))
    await clocked.until_ready()
    await clocked.check()


@pytest.mark.parametrize("jump", JUMPS, ids=str)
async def test_facts_that_nobody_looks_at_any_more_are_stale_after_a_jump_forward_and_after_one_back(
    clocked: Trial, clock: JumpingClock, jump: timedelta
) -> None:
    await clocked.write(5)
    await until(lambda: is_fresh(clocked))
    await clocked.runtime.readers.stop()
    clock.off += jump
    assert not await is_fresh(clocked)


async def set_clock_of_append(admin: asyncpg.Connection, off: str) -> None:
    """Let the function that dates events see another time: what the database's clock would show it."""
    text = await admin.fetchval(f"SELECT pg_get_functiondef('{_SIGNATURE}'::regprocedure)")
    before, _, rest = text.partition("moment := ")
    _, _, after = rest.partition(";")
    await admin.execute(f"{before}moment := clock_timestamp() + interval '{off}';{after}")


async def test_a_jump_of_the_databases_clock_changes_dates_and_no_order(
    service: Trial, admin: asyncpg.Connection
) -> None:
    await service.write(5)
    for off in ("1 day", "-1 day", "0 s"):
        await set_clock_of_append(admin, off)
        await service.write(5)
    await service.until_ready()
    await service.check()
    dates = [row.recorded for row in await whole(service.runtime.log)]
    assert dates != sorted(dates)

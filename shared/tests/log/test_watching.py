"""Watching: no reader ends, or stands still, without anybody hearing of it; and what hangs is an outage."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import asyncpg
import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from kompetenspass.core.errors import Problem
from kompetenspass.core.ids import uuid7
from kompetenspass.embedded.provision import connected
from kompetenspass.log import postgres, watching
from kompetenspass.log.api import Recorded, Stored
from kompetenspass.log.appender import Appender
from kompetenspass.log.conformance import request
from kompetenspass.log.cursors import Key, Layout, begin
from kompetenspass.log.fates import Fate, fate_of
from kompetenspass.log.generations import transaction
from kompetenspass.log.memory import MemoryLog
from kompetenspass.log.postgres import PostgresFeed, PostgresLog
from kompetenspass.log.readers import Readers
from kompetenspass.log.tables import schemas
from kompetenspass.log.watching import kept
from kompetenspass.testing.postgres import Database
from kompetenspass.testing.waiting import PATIENCE_SECONDS
from kompetenspass.web.migrate import engine_of

World = Any
CURSOR = "SELECT 1 FROM wallet.runner_cursor FOR UPDATE"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "AGAIN_SECONDS", 0)
    monkeypatch.setattr(watching, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(watching, "STALLED_SECONDS", 3.0)  # an idle reader makes a step a second


def named(logs: Sequence[Any], event: str) -> list[Any]:
    return [line for line in logs if line["event"] == event]


@pytest.mark.parametrize("end", [RuntimeError, asyncio.CancelledError])
async def test_what_ends_unasked_is_an_alarm_and_begins_again(end: type[BaseException]) -> None:
    ends = [end(), end()]

    async def run() -> None:
        if ends:
            raise ends.pop()

    with capture_logs() as logs:
        await kept("facts", run)
    assert [(line["reader"], line["alarm"]) for line in named(logs, "reader_ended")] == [("facts", True)] * 2


async def test_what_is_told_to_end_ends_with_what_it_does() -> None:
    begun, over = asyncio.Event(), asyncio.Event()

    async def run() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            over.set()

    keeping = asyncio.create_task(kept("facts", run))
    await begun.wait()
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    assert keeping.cancelled()
    assert over.is_set()


class Ending(MemoryLog):
    """The first reader that waits for it is told to end, and nobody says why."""

    once = True

    async def wait(self, after: int, timeout_seconds: float) -> None:
        task = asyncio.current_task()
        assert task is not None
        if self.once:
            self.once = False
            task.cancel()
        await super().wait(after, timeout_seconds)


async def test_a_reader_whose_task_ended_goes_on_in_another(world: World) -> None:
    world.log = Ending("wallet", world.clock)
    readers: Readers = world.readers()
    with capture_logs() as logs:
        await readers.start()
        await world.until(lambda: nothing_but(not world.log.once))
        await world.append("after it")
        assert await readers.caught_up("wallet", 1, PATIENCE_SECONDS)
    assert await world.rows() == [("after it", 1)]
    assert [line["error"] for line in named(logs, "reader_ended")] == ["CancelledError"]


async def nothing_but(answer: bool) -> bool:
    return answer


class Hanging(MemoryLog):
    """Reading it takes until `answers` is set, once there is something to read."""

    answers: asyncio.Event

    async def read(self, after: int, limit: int) -> Sequence[Recorded]:
        if await self.head():
            await self.answers.wait()
        return await super().read(after, limit)


async def test_a_reader_that_makes_no_step_although_its_log_has_more_is_an_alarm_until_it_goes_on(world: World) -> None:
    world.log = Hanging("wallet", world.clock)
    world.log.answers = asyncio.Event()
    readers: Readers = world.readers()
    with capture_logs() as logs:
        await readers.start()
        await world.append("one")
        await world.until(shown(readers, lambda lag: lag.stalled and lag.lag == 1))
        world.log.answers.set()
        await world.until(shown(readers, lambda lag: not lag.stalled and lag.lag == 0))
    (alarm,) = named(logs, "reader_stalled")
    assert (alarm["reader"], alarm["log"], alarm["position"], alarm["head"]) == ("seeing", "wallet", 0, 1)
    assert any("test_watching.py" in place and place.endswith("read") for place in alarm["waits_in"])
    assert len(named(logs, "reader_goes_on")) == 1


def shown(readers: Readers, holds: Callable[[Any], bool]) -> Callable[[], Awaitable[bool]]:
    async def look() -> bool:
        lags = await readers.lags()
        return any(map(holds, lags))

    return look


async def test_a_cursor_that_a_former_version_left_is_nobodys_lag(world: World) -> None:
    await world.append("one")
    api: Readers = world.readers()
    await api.prepare()
    async with transaction(world.engine, schemas("wallet")) as connection:
        for key in (Key("reaction", "former"), Key("projection", "seeing", 1)):
            await begin(connection, "wallet", key, "wallet", Layout(1, "postgres"), uuid7())
    assert [(lag.reader, lag.lag) for lag in await api.lags()] == [("seeing", 1)]


async def test_a_statement_that_is_not_answered_is_an_outage_that_a_reader_waits_out(
    world: World, database: Database
) -> None:
    world.engine = engine_of(database.dsn("wallet"), "wallet", answer_seconds=2)
    readers: Readers = world.readers()
    with capture_logs() as logs:
        await readers.start()
        await world.until(shown(readers, lambda lag: lag.started))
        async with connected(database.admin_dsn) as admin, admin.transaction():
            await admin.fetch(CURSOR)
            await world.append("held up")
            await world.until(lambda: nothing_but("TimeoutError" in [line.get("error") for line in logs]))
        assert await readers.caught_up("wallet", 1, PATIENCE_SECONDS)
    assert await world.rows() == [("held up", 1)]
    await readers.stop()
    await world.engine.dispose()


async def test_a_transaction_that_was_left_open_holds_nobody_up_for_ever(database: Database) -> None:
    engine = engine_of(database.dsn("wallet"), "wallet", answer_seconds=1)
    lock = "SELECT pg_advisory_xact_lock(7)"
    left = await engine.connect()
    await left.execute(text(lock))
    async with connected(database.admin_dsn) as admin, asyncio.timeout(PATIENCE_SECONDS):
        await admin.execute(lock)
    await left.invalidate()
    await engine.dispose()


async def test_a_log_that_does_not_answer_is_an_outage_too(
    wallet_log: PostgresLog, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await wallet_log.append(request("s"))
    feed = PostgresFeed("wallet", database.dsn("log_reader"))
    async with connected(database.admin_dsn) as admin, admin.transaction():
        await admin.execute("LOCK TABLE wallet_log.log IN ACCESS EXCLUSIVE MODE")
        with monkeypatch.context() as hurried:
            hurried.setattr(postgres, "ANSWER_SECONDS", 0.2)
            with pytest.raises(Problem, match="log_unavailable"):
                await feed.read(0, 10)
    assert len(await feed.read(0, 10)) == 1
    await feed.stop()


class Lost(asyncpg.Connection):  # type: ignore[misc]  # asyncpg has no types
    """A connection of which the driver notices late that it has ended."""

    async def fetch(self, *_arguments: Any, **_options: Any) -> Any:
        self.terminate()
        raise asyncpg.InternalClientError("cannot switch to state 12; protocol is in the failed state")


async def test_what_the_driver_cannot_send_is_no_outage_it_would_be_one_for_ever(database: Database) -> None:
    async with connected(database.admin_dsn) as admin:
        with pytest.raises(asyncpg.DataError, match="invalid input") as refused:
            await admin.fetch("SELECT $1::int", "not a number")
    assert fate_of(refused.value) is Fate.PARK


async def test_a_connection_that_the_driver_lost_is_an_outage_and_the_appender_takes_another(
    database: Database,
) -> None:
    assert fate_of(asyncpg.InternalClientError("not connected")) is Fate.OUTAGE
    classes = [asyncpg.Connection, Lost]

    async def connect() -> Any:
        settings = {"search_path": "wallet_log"}
        return await asyncpg.connect(database.dsn("wallet"), server_settings=settings, connection_class=classes.pop())

    running = Appender(connect, committed=lambda: None)
    running.start()
    assert await running.append(request("s")) == Stored(1, 1)
    assert running.healthy
    await running.stop()
    assert classes == []

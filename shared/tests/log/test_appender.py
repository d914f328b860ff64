"""Group commit: giving up, full queues, draining, and connections that are cut at every point."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest

from kompetenspass.core.errors import Problem
from kompetenspass.log.api import AlreadyStored, Append, Stored
from kompetenspass.log.appender import BATCH_EVENTS, Appender
from kompetenspass.log.conformance import request
from kompetenspass.log.postgres import PostgresLog
from kompetenspass.testing.postgres import Database

SETTINGS = {"search_path": "wallet_log"}


class Wire:
    """A unix socket in front of the server's, which cuts a connection after so many bytes in one direction."""

    def __init__(self, folder: Path, dsn: str) -> None:
        self.socket = folder / ".s.PGSQL.5432"
        self.target = _folder_of(dsn) / ".s.PGSQL.5432"
        self.dsn = f"postgresql://wallet@/{dsn.split('@/')[1].split('?')[0]}?host={folder}&port=5432"
        self.cuts: list[tuple[str, int]] = []  # one per connection, then none is cut
        self.armed = False
        self._open: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Wire:
        self.server = await asyncio.start_unix_server(self._serve, self.socket)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_unix_connection(self.target)
        pumps = [self._pump("to", reader, back), self._pump("from", there, writer)]
        task = asyncio.ensure_future(self._until_one_ends(pumps, (writer, back)))
        self._open.add(task)

    async def _until_one_ends(self, pumps: list[Any], writers: tuple[asyncio.StreamWriter, ...]) -> None:
        tasks = [asyncio.ensure_future(pump) for pump in pumps]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for writer in writers:
                writer.transport.abort()

    async def _pump(self, direction: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            if self.armed and self.cuts and self.cuts[0][0] == direction:
                after = self.cuts[0][1]
                if len(data) >= after:
                    self.cuts.pop(0)
                    writer.write(data[:after])
                    await writer.drain()
                    return
                self.cuts[0] = (direction, after - len(data))
            writer.write(data)
            await writer.drain()


@asynccontextmanager
async def appender(dsn: str, **options: Any) -> AsyncIterator[Appender]:
    """Run an appender that has its first connection already: what a deadline of a test measures is not the machine."""
    ready = [await asyncpg.connect(dsn, server_settings=SETTINGS)]

    async def connect() -> asyncpg.Connection:
        return ready.pop() if ready else await asyncpg.connect(dsn, server_settings=SETTINGS)

    running = Appender(connect, committed=lambda: None, **options)
    running.start()
    yield running
    await running.stop()
    for unused in ready:
        unused.terminate()


@asynccontextmanager
async def held(database: Database) -> AsyncIterator[None]:
    """Keep every append waiting for the head."""
    admin = await asyncpg.connect(database.admin_dsn)
    async with admin.transaction():
        await admin.execute("SELECT 1 FROM wallet_log.log_head FOR UPDATE")
        yield
    await admin.close()


CUTS = [("to", n) for n in (0, 40, 200, 320, 500, 900)] + [("from", n) for n in (0, 5, 40, 100, 150, 180)]


@pytest.mark.parametrize("cut", CUTS, ids=lambda cut: f"{cut[0]}-{cut[1]}")
async def test_a_connection_lost_at_any_point_loses_and_doubles_nothing(
    database: Database, wallet_log: PostgresLog, tmp_path: Path, cut: tuple[str, int]
) -> None:
    async with Wire(tmp_path, database.dsn("wallet")) as wire, appender(wire.dsn) as running:
        await running.append(request("first"))
        wire.cuts, wire.armed = [cut, cut], True
        wanted = [request("a"), request("a", 1), request("b", events=2)]
        answers = await asyncio.gather(*(running.append(r) for r in wanted))
    assert len(wire.cuts) < 2, "nothing was cut"
    rows = await wallet_log.read(1, 10)
    at = {row.id: row.position for row in rows}
    assert [getattr(answer, "position", None) for answer in answers] == [at[r.drafts[-1].id] for r in wanted]
    assert sorted(at) == sorted(draft.id for r in wanted for draft in r.drafts)
    assert [row.position for row in rows] == [2, 3, 4, 5]


async def test_an_answer_that_never_comes_is_an_unknown_outcome(
    database: Database, wallet_log: PostgresLog, tmp_path: Path
) -> None:
    wanted = request("s")
    async with Wire(tmp_path, database.dsn("wallet")) as wire, appender(wire.dsn, deadline_seconds=0.3) as running:
        wire.cuts, wire.armed = [("from", 0)] * 1000, True
        assert await _code(running, wanted) == "outcome_unknown"
        assert running.healthy
    assert await wallet_log.append(wanted) in (AlreadyStored(1), Stored(1, 1))
    assert await wallet_log.head() == 1


async def test_a_log_that_cannot_be_reached_stored_nothing(tmp_path: Path) -> None:
    nowhere = f"postgresql://wallet@/none?host={tmp_path}"
    running = Appender(lambda: asyncpg.connect(nowhere), committed=lambda: None, deadline_seconds=0.1)
    running.start()
    assert await _code(running, request("s")) == "log_unavailable"
    assert running.healthy
    await running.stop()


async def test_a_caller_that_gave_up_in_time_leaves_nothing(database: Database, wallet_log: PostgresLog) -> None:
    async with held(database):
        taken = await _handed_in(wallet_log, request("taken"))
        queued = await _handed_in(wallet_log, request("queued"))
        queued.cancel()
    await taken
    await wallet_log.append(request("later"))
    assert [row.stream for row in await wallet_log.read(0, 10)] == ["taken", "later"]


async def test_a_caller_that_gave_up_too_late_is_stored(database: Database, wallet_log: PostgresLog) -> None:
    async with held(database):
        taken = await _handed_in(wallet_log, request("taken"))
        taken.cancel()
    await wallet_log.append(request("later"))
    assert [row.stream for row in await wallet_log.read(0, 10)] == ["taken", "later"]


async def test_a_full_queue_refuses(database: Database) -> None:
    async with appender(database.dsn("wallet"), queue_limit=1) as running:
        async with held(database):
            taken = await _handed_in(running, request("taken"))
            queued = await _handed_in(running, request("queued"))
            assert await _code(running, request("s")) == "log_unavailable"
        await asyncio.gather(taken, queued)


async def test_whoever_waits_past_the_deadline_is_told_that_nothing_was_stored(
    database: Database, wallet_log: PostgresLog
) -> None:
    async with appender(database.dsn("wallet"), deadline_seconds=0.2) as running, held(database):
        full = request("taken", events=BATCH_EVENTS)  # the other is queued at the same moment, and not sent with it
        taken, queued = (asyncio.create_task(running.append(wanted)) for wanted in (full, request("queued")))
        codes = [await _code_of(taken), await _code_of(queued)]
    assert codes == ["outcome_unknown", "log_unavailable"]
    assert "queued" not in {row.stream for row in await wallet_log.read(0, 10)}


async def test_stopping_commits_what_was_handed_in(database: Database, wallet_log: PostgresLog) -> None:
    async with appender(database.dsn("wallet")) as running:
        async with held(database):
            waiting = [await _handed_in(running, request(f"s-{n}")) for n in range(3)]
            stopping = asyncio.create_task(running.stop())
            await asyncio.sleep(0)
            assert await _code(running, request("late")) == "log_unavailable"
        await stopping
        assert [await task for task in waiting] == [Stored(1, 1), Stored(2, 1), Stored(3, 1)]


async def test_an_appender_that_died_is_not_healthy_and_answers_everyone(database: Database) -> None:
    admin = await asyncpg.connect(database.admin_dsn)
    await admin.execute("REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA wallet_log FROM wallet")
    await admin.close()
    running = Appender(
        lambda: asyncpg.connect(database.dsn("wallet"), server_settings=SETTINGS), committed=lambda: None
    )
    running.start()
    assert running.healthy
    assert await _code(running, request("s")) == "outcome_unknown"
    await running.stop()
    assert not running.healthy
    assert await _code(running, request("s")) == "log_unavailable"


async def _handed_in(log: Appender | PostgresLog, wanted: Append) -> asyncio.Task[Any]:
    """Return the waiting caller, once the appender has had its turns to take what it can."""
    task = asyncio.create_task(log.append(wanted))
    for _ in range(10):
        await asyncio.sleep(0)
    return task


async def _code(log: Appender, wanted: Append) -> str:
    return await _code_of(asyncio.create_task(log.append(wanted)))


async def _code_of(task: asyncio.Task[Any]) -> str:
    with pytest.raises(Problem) as refused:
        await task
    return refused.value.code


def _folder_of(dsn: str) -> Path:
    return Path(parse_qs(urlsplit(dsn).query)["host"][0])

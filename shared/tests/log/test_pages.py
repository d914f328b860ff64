"""Pages: readers at one place share what was read, nothing grows, and nobody is told an end that nobody looked for."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import asyncpg
import pytest

from kompetenspass.core.ids import uuid7
from kompetenspass.log.api import Recorded
from kompetenspass.log.conformance import request
from kompetenspass.log.pages import GROWTH, REMEMBERED, Pages
from kompetenspass.log.partitions import renew_epoch
from kompetenspass.log.postgres import PostgresFeed, PostgresLog
from kompetenspass.log.waking import Bell, heard
from kompetenspass.testing.clock import NOON
from kompetenspass.testing.postgres import Database


class Source:
    """A log of so many events; it counts what is asked of it, and lets others have a turn before it answers."""

    def __init__(self, events: int) -> None:
        self.rows = [Recorded(n, "s", n, uuid7(), "t", NOON, "") for n in range(1, events + 1)]
        self.asked: list[tuple[int, int]] = []
        self.away = False
        self._bell = Bell()

    async def asked_for(self, after: int, limit: int) -> None:
        """Return once the last question is this one."""
        while self.asked[-1] != (after, limit):
            assert await heard(self._bell.hearing, 5)

    async def select(self, after: int, limit: int) -> Sequence[Recorded]:
        self.asked.append((after, limit))
        self._bell.ring()
        if self.away:
            raise OSError
        found = self.rows[after : after + limit]
        await asyncio.sleep(0)
        return found


def unasked() -> None:
    """Of a log that nobody rewrites, nobody is told that it was."""
    raise AssertionError


async def test_readers_at_one_place_share_the_rows_and_what_is_asked() -> None:
    source = Source(20)
    pages = Pages(source.select, unasked)
    await pages.read(9, 11)
    source.asked.clear()
    read = await asyncio.gather(*(pages.read(15, 500) for _ in range(35)))
    assert [row.position for row in read[0]] == [16, 17, 18, 19, 20]
    assert all(mine is its for rows in read for mine, its in zip(rows, read[0], strict=True))
    assert len(source.asked) <= 2


async def test_a_page_that_is_full_is_given_out_again_without_asking() -> None:
    source = Source(600)
    pages = Pages(source.select, unasked)
    first = await pages.read(0, 500)
    source.asked.clear()
    assert await pages.read(0, 500) == first
    assert source.asked == []


async def test_the_end_is_said_only_by_what_was_asked_after_the_call() -> None:
    source = Source(3)
    pages = Pages(source.select, unasked)
    assert len(await pages.read(0, 10)) == 3
    source.rows += Source(4).rows[3:]
    assert [row.position for row in await pages.read(0, 10)] == [1, 2, 3, 4]
    under_way = asyncio.create_task(pages.read(0, 10))
    await source.asked_for(3, GROWTH + 1)
    source.rows += Source(5).rows[4:]  # after that one was asked
    assert [row.position for row in await pages.read(0, 10)] == [1, 2, 3, 4, 5]
    await under_way


async def test_what_another_put_in_its_place_meanwhile_does_not_hide_the_end() -> None:
    source, may = Source(7), asyncio.Event()

    async def select(after: int, limit: int) -> Sequence[Recorded]:
        rows = await source.select(after, limit)
        if limit == GROWTH + 1:
            await may.wait()
        return rows

    pages = Pages(select, unasked)
    assert len(await pages.read(3, 2)) == 2
    source.rows += Source(8).rows[7:]
    growing = asyncio.create_task(pages.read(5, 10))
    await source.asked_for(4, GROWTH + 1)
    assert len(await pages.read(0, 7)) == 7
    may.set()
    assert [row.position for row in await growing] == [6, 7, 8]


@pytest.mark.parametrize("limit", [1, 7, 501])
async def test_no_more_is_remembered_than_the_bound_and_all_is_read_in_order(limit: int) -> None:
    source = Source(3 * REMEMBERED + 17)
    pages = Pages(source.select, unasked)
    seen: list[int] = []
    while rows := await pages.read(len(seen), limit):
        seen += [row.position for row in rows]
    assert seen == [row.position for row in source.rows]
    source.asked.clear()
    await pages.read(len(seen) - REMEMBERED - 1, 1)
    assert source.asked


async def test_whoever_is_behind_what_is_remembered_reads_for_himself() -> None:
    source = Source(5000)
    pages = Pages(source.select, unasked)
    for after in range(3000, 5000, 500):
        await pages.read(after, 500)
    assert [row.position for row in await pages.read(10, 3)] == [11, 12, 13]
    source.asked.clear()
    assert (await pages.read(4500, 500))[-1].position == 5000
    assert source.asked == []


async def test_what_is_longer_than_what_may_be_remembered_is_read_past_it() -> None:
    source = Source(5000)
    pages = Pages(source.select, unasked)
    for _ in range(2):
        assert len(await pages.read(0, 2000)) == 2000
    assert source.asked == [(0, 2000)] * 2


async def test_a_failure_is_of_those_who_asked_and_the_next_asks_again() -> None:
    source = Source(5)
    pages = Pages(source.select, unasked)
    await pages.read(0, 5)
    source.away = True
    with pytest.raises(OSError):
        await pages.read(0, 10)
    source.away = False
    assert len(await pages.read(0, 10)) == 5


@pytest.mark.parametrize("events", [2, 5, 6])
async def test_where_another_event_stands_at_the_end_all_is_forgotten_and_told(events: int) -> None:
    source, told = Source(5), list[str]()
    pages = Pages(source.select, lambda: told.append("another log"))
    await pages.read(0, 10)
    source.rows = Source(events).rows
    read = await asyncio.gather(*(pages.read(0, 10) for _ in range(3)))
    assert all(list(rows) == source.rows for rows in read)
    assert told == ["another log"]


async def test_a_log_that_is_rewritten_while_it_is_followed_is_another_one(
    database: Database, wallet_log: PostgresLog
) -> None:
    await wallet_log.append(request("s", events=3))
    before, epoch = await wallet_log.read(0, 10), await wallet_log.epoch()
    await _rewrite(database)
    after = await wallet_log.read(0, 10)
    assert not {row.id for row in before} & {row.id for row in after}
    assert await wallet_log.epoch() != epoch


async def test_after_a_restore_nothing_of_the_former_log_is_given_out(
    database: Database, wallet_log: PostgresLog
) -> None:
    feed = PostgresFeed("wallet", database.dsn("log_reader"))
    await wallet_log.append(request("s", events=3))
    before, epoch = await feed.read(0, 10), await feed.epoch()
    await _restore_another(database)
    after = await feed.read(0, 10)
    assert [row.position for row in after] == [1, 2]
    assert not {row.id for row in before} & {row.id for row in after}
    assert await feed.epoch() != epoch
    await feed.stop()


async def _rewrite(database: Database, *and_then: str) -> None:
    """Put other events where the log's are, under another epoch."""
    admin = await asyncpg.connect(database.admin_dsn)
    await admin.execute("SET session_replication_role = replica")
    await admin.execute("DELETE FROM wallet_log.log WHERE position = 3")
    await admin.execute("UPDATE wallet_log.log SET id = gen_random_uuid()")
    await renew_epoch(admin, "wallet")
    for statement in and_then:
        await admin.execute(statement)
    await admin.close()


async def _restore_another(database: Database) -> None:
    """Do as a restore does: all connections end as well."""
    await _rewrite(
        database,
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename IN ('log_reader', 'wallet')",
    )

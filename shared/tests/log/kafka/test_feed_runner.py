"""The runner behind a KafkaFeed: every event applied once, by several processes, through outages; and unparking."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, Text, Uuid, func, select
from sqlalchemy.dialects.postgresql import insert

from kompetenspass.events.wallet import CredentialReceived
from kompetenspass.log.api import Append, Recorded
from kompetenspass.log.conformance import draft
from kompetenspass.log.kafka.connecting import Connecting
from kompetenspass.log.kafka.feed import KafkaFeed
from kompetenspass.log.project import Poison, Projection
from kompetenspass.log.readers import Readers
from kompetenspass.log.writing import Writing
from kompetenspass.testing.clock import FixedClock
from kompetenspass.testing.kafka.feeding import QUICK_MILLISECONDS
from kompetenspass.testing.waiting import until

Stage = Any
ROWS = MetaData()
SEEN = Table(
    "seen", ROWS, Column("account_id", Uuid, primary_key=True), Column("digest", Text), Column("times", Integer)
)
REFUSED: set[str] = set()


async def see(writing: Writing, recorded: Recorded) -> None:
    event = recorded.event
    assert isinstance(event, CredentialReceived)
    if event.digest in REFUSED:
        raise Poison
    first = insert(SEEN).values(account_id=event.account_id, digest=event.digest, times=1)
    again = first.on_conflict_do_update(index_elements=["account_id"], set_={"times": SEEN.c.times + 1})
    await writing.execute(again)


@pytest.fixture
async def process(stage: Stage) -> AsyncIterator[Callable[[], Readers]]:
    """Make readers that follow the stage's log by Kafka, as each process of a service does."""
    REFUSED.clear()
    running: list[tuple[Readers, KafkaFeed]] = []

    def made() -> Readers:
        connecting = Connecting(
            bootstrap_servers=stage.kafka.bootstrap, security="PLAINTEXT", request_timeout_seconds=5
        )
        feed = KafkaFeed("wallet", connecting, stage.partitions, wait_milliseconds=QUICK_MILLISECONDS)
        readers = Readers("wallet", stage.engine, {"wallet": feed}, FixedClock())
        readers.project(Projection("seeing", 1, ("wallet",), metadata=ROWS, handlers={CredentialReceived: see}))
        running.append((readers, feed))
        return readers

    yield made
    for readers, feed in running:
        await readers.stop()
        await feed.stop()


async def seen(stage: Stage) -> tuple[int, int]:
    """Return how many events have been applied, and how often in all."""
    async with stage.engine.connect() as connection:
        row = (await connection.execute(select(func.count(), func.sum(SEEN.c.times)).select_from(SEEN))).one()
        return row[0], row[1] or 0


async def test_two_processes_apply_each_event_once_through_an_outage(
    stage: Stage, process: Callable[[], Readers]
) -> None:
    stage.make_topics()
    first, second = process(), process()
    async with stage.running(stage.relay()):
        await first.start()
        await second.start()
        for _ in range(3):
            await stage.append(200)
            await stage.cut_lease()
        stage.kafka.down()
        await stage.append(200)
        stage.kafka.up()
        await until(lambda: _has(stage, 800))
    assert await seen(stage) == (800, 800)


async def _has(stage: Stage, events: int) -> bool:
    return (await seen(stage))[0] == events


async def test_what_was_parked_is_found_again_and_applied(stage: Stage, process: Callable[[], Readers]) -> None:
    stage.make_topics()
    REFUSED.add("bad")
    readers = process()
    async with stage.running(stage.relay()):
        await stage.append(40)
        await stage.log.append(Append("bad", 0, [draft(digest="bad"), draft()]))
        await readers.start()
        await until(lambda: _has(stage, 40))

        async def is_parked() -> bool:
            return len(await readers.parked.list()) == 2

        await until(is_parked)
        REFUSED.clear()
        assert await readers.parked.retry("seeing") == 2
        await until(lambda: _has(stage, 42))
    assert await seen(stage) == (42, 42)

"""The relay: everything, in order, through outages; watermarks; and an end that leaves nothing half told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from kompetenspass.core.errors import Problem
from kompetenspass.core.ids import uuid7
from kompetenspass.events.envelope import Actor, Context, seal
from kompetenspass.events.registry import CredentialRevoked, RoleWithdrawn
from kompetenspass.log.api import Append
from kompetenspass.log.kafka.headers import Watermark
from kompetenspass.log.kafka.relay import Relay
from kompetenspass.log.memory import MemoryLog
from kompetenspass.log.parts import part_of
from kompetenspass.log.postgres import PostgresLog
from kompetenspass.testing.clock import NOON, FixedClock
from kompetenspass.testing.kafka.clients import QUICK
from kompetenspass.testing.kafka.mock import Failure, Request
from kompetenspass.testing.kafka.records import records_of
from kompetenspass.testing.waiting import until

MOMENT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
Stage = Any


async def test_ten_thousand_events_arrive_once_in_the_order_of_their_streams(stage: Stage) -> None:
    stage.partitions = 8
    stage.make_topics()
    await stage.append(10_000, streams=500)
    relay = stage.relay()
    async with stage.running(relay):
        await stage.until_sent()

        async def level() -> bool:
            return bool(relay.lag == 0)

        await until(level)
    rows = await stage.rows()
    assert await stage.kept() == rows
    for part, said in enumerate(await stage.said()):
        events = [one.recorded for one in said if not isinstance(one, Watermark)]
        assert events == [row for row in rows if part_of(row.stream, 8) == part]


async def test_what_is_appended_later_follows(stage: Stage, wallet_log: PostgresLog) -> None:
    stage.make_topics()
    stage.log = wallet_log
    async with stage.running(stage.relay()):
        for _ in range(3):
            await stage.append(50)
            await stage.until_sent()
    assert await stage.kept() == list(await stage.rows())


async def test_it_goes_on_where_it_stopped(stage: Stage) -> None:
    stage.make_topics()
    for fence in (1, 2, 3):
        await stage.append(100)
        async with stage.running(stage.relay()):
            await stage.until_sent()
        newest = [one for said in await stage.said() for one in said if one.fence == fence]
        assert len([one for one in newest if not isinstance(one, Watermark)]) == 100
    assert await stage.kept() == await stage.rows()


async def test_watermarks_say_how_far_the_log_is_in_every_partition(stage: Stage) -> None:
    stage.make_topics()
    await stage.append(5, streams=1)
    async with stage.running(stage.relay(clock=FixedClock())):
        await stage.until_sent()

        async def marked() -> bool:
            last = [said[-1] for said in await stage.said() if said]
            return len(last) == 4 and all(
                isinstance(one, Watermark) and (one.position, one.ended_at) == (5, NOON) for one in last
            )

        await until(marked)
        before = [len(said) for said in await stage.said()]

        async def marked_again() -> bool:
            return all(len(said) > count for said, count in zip(await stage.said(), before, strict=True))

        await until(marked_again)  # although nothing happens


async def test_a_watermark_in_the_middle_of_the_way_says_no_time(stage: Stage) -> None:
    stage.make_topics()
    await stage.append(1500)
    async with stage.running(stage.relay()):
        await stage.until_sent()
    marks = [one for said in await stage.said() for one in said if isinstance(one, Watermark)]
    assert {one.ended_at for one in marks if one.position < 1500} == {None}
    assert any(one.position == 1000 for one in marks)


async def test_the_public_gets_what_it_may_see_and_nothing_else(stage: Stage) -> None:
    stage.log = MemoryLog("registry", FixedClock())
    stage.make_topics("registry")
    context = Context(Actor("org:rise", "scheme_owner"), MOMENT, "c")
    for number in range(40):
        role = RoleWithdrawn(org_id=f"org:{number}", role="issuer", withdrawn_from=MOMENT, reason_code="ended")
        await stage.log.append(Append(f"org-{number % 7}", number // 7, [seal(uuid7(), role, context)]))
        revoked = CredentialRevoked(
            credential_id=uuid7(), copies=(), reason_code="fraud", effective_from=MOMENT, void_ab_initio=True
        )
        await stage.log.append(Append(f"status-{number}", 0, [seal(uuid7(), revoked, context)]))
    async with stage.running(stage.relay()):
        await stage.until_sent()
    topic = "kompetenspass.registry.public"
    found = await records_of(topic, 4, bootstrap_servers=stage.kafka.bootstrap, **QUICK)
    shown = [row for row in await stage.rows() if row.stream.startswith("org-")]
    for part, records in enumerate(found):
        wanted = [(row.stream.encode(), b"%d" % row.position) for row in shown if part_of(row.stream, 4) == part]
        assert [(record.key, dict(record.headers)["ce_position"]) for record in records] == wanted
        assert not any({"epoch", "fence", "ce_traceparent"} & dict(record.headers).keys() for record in records)


async def test_while_kafka_is_away_events_wait_and_the_lag_says_how_many(stage: Stage) -> None:
    stage.make_topics()
    await stage.append(300)
    relay = stage.relay()
    async with stage.running(relay):
        await stage.until_sent()
        stage.kafka.down()
        await stage.append(700)

        async def lags() -> bool:
            return bool(relay.lag)

        await until(lags)
        assert await stage.position() == 300
        stage.kafka.up()
        await stage.until_sent()
    assert await stage.kept() == await stage.rows()


async def test_a_failed_batch_is_sent_again_by_a_new_producer_from_the_cursor(stage: Stage) -> None:
    stage.make_topics()
    await stage.append(3000)
    stage.kafka.fail(Request.PRODUCE, Failure.TOPIC_AUTHORIZATION_FAILED)
    async with stage.running(stage.relay(batch_bytes=20_000)):
        await stage.until_sent()
    assert stage.steps.count("opened") == 2
    assert await stage.kept() == await stage.rows()


async def test_it_begins_when_kafka_does(stage: Stage) -> None:
    stage.make_topics()
    await stage.append(10)
    stage.kafka.down()
    async with stage.running(stage.relay()):

        async def tried() -> bool:
            return "taken" in stage.steps

        await until(tried)
        stage.kafka.up()
        await stage.until_sent()
    assert await stage.kept() == await stage.rows()


async def test_told_to_stop_while_kafka_is_away_it_stops(stage: Stage) -> None:
    stage.make_topics()
    async with stage.running(stage.relay()):

        async def serves() -> bool:
            return "confirmed" in stage.steps

        await until(serves)
        stage.kafka.down()
        await stage.append(10)

        async def is_sending() -> bool:
            return bool(stage.steps[-1] == "sending")

        await until(is_sending)
    stage.kafka.up()
    assert await stage.position() == 0
    assert await stage.kept() == []


async def test_one_that_takes_over_is_not_ready_before_it_sends(stage: Stage) -> None:
    stage.make_topics()
    taken, go_on = asyncio.Event(), asyncio.Event()

    async def at(step: str) -> None:
        if step == "taken":
            taken.set()
            await go_on.wait()

    first, second = stage.relay(), stage.relay(at=at)
    async with stage.running(first) as stopping:
        await until(does(first, "sends"))
        async with stage.running(second):
            await until(does(second, "waits"))
            assert second.is_ready
            stopping.set()
            await taken.wait()
            assert not second.is_ready
            go_on.set()
            await until(does(second, "sends"))


def does(relay: Relay, what: str) -> Callable[[], Awaitable[bool]]:
    async def look() -> bool:
        return relay.doing == what

    return look


async def test_topics_with_other_partitions_end_the_relay(stage: Stage) -> None:
    stage.make_topics()
    stage.partitions = 5
    with pytest.raises(Problem, match="kafka_topics_differ"):
        await stage.relay().run(asyncio.Event())

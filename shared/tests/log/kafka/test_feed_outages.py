"""KafkaFeed while brokers fail: it says so, goes on when they are back, and loses nothing; and behind a real relay."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from kompetenspass.core.errors import Kind, Problem
from kompetenspass.log.api import Cursor, Part, Recorded
from kompetenspass.log.kafka.connecting import Connecting
from kompetenspass.log.kafka.feed import KafkaFeed
from kompetenspass.testing.kafka.feeding import QUICK_MILLISECONDS, Topic, known, read_all, read_on, read_through
from kompetenspass.testing.kafka.mock import Failure, MockKafka, Request
from kompetenspass.testing.waiting import until

Stage = Any


@pytest.fixture
def two() -> Iterator[MockKafka]:
    with MockKafka(2) as mock:
        yield mock


def topic_in(kafka: MockKafka, copies: int = 1) -> Topic:
    connecting = Connecting(bootstrap_servers=kafka.bootstrap, security="PLAINTEXT", request_timeout_seconds=5)
    topic = Topic(connecting)
    kafka.create_topic(topic.name, topic.partitions, copies)
    return topic


async def is_unavailable(feed: KafkaFeed, part: Part, cursor: Cursor) -> bool:
    """Return whether the feed says that Kafka is away, so that whoever follows it waits."""
    try:
        await feed.page(part, cursor, 500)
    except Problem as problem:
        return problem.kind is Kind.UNAVAILABLE
    return False


async def test_while_kafka_is_away_it_says_so_and_goes_on_afterwards(kafka: MockKafka) -> None:
    topic, part = topic_in(kafka), Part(0, 4)
    await topic.append(200)
    await topic.send(0, 100)
    async with topic.feed() as feed:
        before, cursor = await read_on(feed, part, topic.begin(), 100)
        kafka.down()
        await until(lambda: is_unavailable(feed, part, cursor))
        assert await is_unavailable(feed, part, cursor)
        with pytest.raises(Problem) as refused:
            await feed.head()
        assert refused.value.kind is Kind.UNAVAILABLE
        kafka.up()
        await topic.send(100)
        after, _ = await read_on(feed, part, cursor, 200)
        assert [*before, *after] == (await read_on(feed, part, topic.begin(), 200))[0]
        assert await read_all(feed, 4, topic.begin(), 200) == await topic.log.read(0, 200)


async def test_started_while_kafka_is_away_it_says_so_and_begins_when_it_is_back(kafka: MockKafka) -> None:
    topic = topic_in(kafka)
    await topic.append(50)
    await topic.send()
    kafka.down()
    async with topic.feed() as feed:
        with pytest.raises(Problem) as refused:
            await feed.start()
        assert refused.value.kind is Kind.UNAVAILABLE
        kafka.up()
        await until(lambda: known(feed))
        assert await read_all(feed, 4, topic.begin(), 50) == await topic.log.read(0, 50)


async def test_what_a_broker_refuses_for_a_moment_is_asked_again(kafka: MockKafka) -> None:
    topic = topic_in(kafka)
    await topic.append(400)
    await topic.send()
    async with topic.feed() as feed:
        await feed.start()
        kafka.fail(Request.FETCH, Failure.NOT_LEADER, Failure.REQUEST_TIMED_OUT, Failure.NOT_LEADER)
        kafka.fail(Request.LIST_OFFSETS, Failure.NOT_LEADER)
        assert await read_all(feed, 4, topic.begin(150), 400) == await topic.log.read(150, 400)


async def test_without_the_right_to_read_it_says_so(kafka: MockKafka) -> None:
    topic, part = topic_in(kafka), Part(1, 4)
    await topic.append(100)
    await topic.send()
    async with topic.feed() as feed:
        await feed.start()
        kafka.fail(Request.FETCH, Failure.TOPIC_AUTHORIZATION_FAILED)
        with pytest.raises(Problem, match="log_unavailable") as refused:
            await feed.page(part, topic.begin(), 500)
        assert refused.value.detail == "TopicAuthorizationFailedError"
        assert (await read_on(feed, part, topic.begin(), 100))[1].position == 100


async def test_another_leader_is_followed(two: MockKafka) -> None:
    topic = topic_in(two, copies=2)
    for partition in range(4):
        two.lead(topic.name, partition, 1)
    await topic.append(200)
    await topic.send(0, 100)
    async with topic.feed() as feed:
        read = [await read_on(feed, Part(number, 4), topic.begin(), 100) for number in range(4)]
        for partition in range(4):
            two.lead(topic.name, partition, 2)
        two.down(1)
        await topic.send(100)
        for number, (rows, cursor) in enumerate(read):
            found, _ = await read_through(feed, Part(number, 4), cursor, 200)
            read[number] = ([*rows, *found], cursor)
    rows = sorted((row for found, _ in read for row in found), key=lambda row: row.position)
    assert rows == await topic.log.read(0, 200)


@asynccontextmanager
async def following(stage: Stage, until_position: int) -> AsyncIterator[asyncio.Future[Sequence[Recorded]]]:
    """Read all parts of the stage's log as they come, up to a position, for the length of a block."""
    connecting = Connecting(bootstrap_servers=stage.kafka.bootstrap, security="PLAINTEXT", request_timeout_seconds=5)
    feed = KafkaFeed("wallet", connecting, stage.partitions, wait_milliseconds=QUICK_MILLISECONDS)

    async def part(number: int) -> list[Recorded]:
        begin = Cursor(await stage.log.epoch(), 0, None)
        return (await read_through(feed, Part(number, stage.partitions), begin, until_position))[0]

    async def read() -> Sequence[Recorded]:
        parts = await asyncio.gather(*(part(number) for number in range(stage.partitions)))
        return sorted((row for rows in parts for row in rows), key=lambda row: row.position)

    reading = asyncio.create_task(read())
    try:
        yield reading
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        await feed.stop()


async def test_behind_relays_that_lose_their_lease_each_event_comes_once(stage: Stage) -> None:
    stage.make_topics()
    async with following(stage, 1500) as reading, stage.running(stage.relay()), stage.running(stage.relay()):
        for _ in range(5):
            await stage.append(300)
            await stage.cut_lease()
        assert await reading == await stage.rows()


async def test_behind_a_relay_through_an_outage_each_event_comes_once(stage: Stage) -> None:
    stage.make_topics()
    async with following(stage, 600) as reading, stage.running(stage.relay()):
        await stage.append(300)
        await stage.until_sent()
        stage.kafka.down()
        await stage.append(300)
        stage.kafka.up()
        assert await reading == await stage.rows()

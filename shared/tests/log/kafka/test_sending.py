"""One producer: order within a partition, batches as full as they may be, and an end without sending what waits."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError, TopicAuthorizationFailedError

from kompetenspass.log.kafka.headers import Message
from kompetenspass.log.kafka.load import Line
from kompetenspass.log.kafka.records import Record, record_of
from kompetenspass.log.kafka.sending import sending
from kompetenspass.log.steps import nothing_at
from kompetenspass.testing.kafka.clients import QUICK, fresh_topic
from kompetenspass.testing.kafka.mock import Failure, MockKafka, Request
from kompetenspass.testing.kafka.records import records_of
from kompetenspass.testing.waiting import until

BATCH_BYTES = 2_000


def arguments(kafka: MockKafka) -> dict[str, Any]:
    return {"bootstrap_servers": kafka.bootstrap, "request_timeout_ms": 5_000}


def records(values: Sequence[bytes]) -> list[Record]:
    return [record_of(Message(b"k", value, [("h", b"1")], 1_700_000_000_000)) for value in values]


async def values_in(kafka: MockKafka, topic: str, partitions: int = 1) -> list[list[bytes]]:
    found = await records_of(topic, partitions, bootstrap_servers=kafka.bootstrap, **QUICK)
    return [[record.value for record in part] for part in found]


async def test_what_does_not_fit_into_a_batch_goes_with_the_next(mock_kafka: MockKafka) -> None:
    topic, values = fresh_topic(), [b"%03d" % number * 100 for number in range(50)]
    mock_kafka.create_topic(topic, 1)
    confirmed: list[str] = []

    async def note(step: str) -> None:
        confirmed.append(step)

    async with sending(arguments(mock_kafka), BATCH_BYTES, note) as sender:
        assert await sender.send({Line(topic, 0): records(values)}) == {Line(topic, 0): 49}
    assert len(confirmed) == 10  # five records of a little more than 300 bytes in each
    assert await values_in(mock_kafka, topic) == [values]


async def test_a_record_larger_than_a_batch_goes_alone(mock_kafka: MockKafka) -> None:
    topic, values = fresh_topic(), [b"small", b"x" * 10 * BATCH_BYTES, b"y" * 10 * BATCH_BYTES, b"small"]
    mock_kafka.create_topic(topic, 1)
    async with sending(arguments(mock_kafka), BATCH_BYTES, nothing_at) as sender:
        await sender.send({Line(topic, 0): records(values)})
    assert await values_in(mock_kafka, topic) == [values]


async def test_all_partitions_are_confirmed_together(mock_kafka: MockKafka) -> None:
    topic = fresh_topic()
    mock_kafka.create_topic(topic, 8)
    wanted = [[b"%d-%d" % (part, number) for number in range(200)] for part in range(8)]
    load = {Line(topic, part): records(values) for part, values in enumerate(wanted)}
    async with sending(arguments(mock_kafka), BATCH_BYTES, nothing_at) as sender:
        assert set((await sender.send(load)).values()) == {199}
        assert set((await sender.send(load)).values()) == {399}
    assert await values_in(mock_kafka, topic, 8) == [values + values for values in wanted]


async def test_a_refused_batch_is_raised_and_nothing_of_its_partition_follows(kafka: MockKafka) -> None:
    topic = fresh_topic()
    kafka.create_topic(topic, 1)
    kafka.fail(Request.PRODUCE, Failure.TOPIC_AUTHORIZATION_FAILED)
    async with sending(arguments(kafka), BATCH_BYTES, nothing_at) as sender:
        with pytest.raises(TopicAuthorizationFailedError):
            await sender.send({Line(topic, 0): records([b"v" * 500] * 20)})
    assert await values_in(kafka, topic) == [[]]


async def test_what_is_refused_for_a_moment_is_stored_once_and_in_order(kafka: MockKafka) -> None:
    topic, values = fresh_topic(), [b"%03d" % number * 100 for number in range(50)]
    kafka.create_topic(topic, 1)
    kafka.fail(Request.PRODUCE, Failure.NOT_ENOUGH_REPLICAS, Failure.REQUEST_TIMED_OUT, Failure.NOT_LEADER)
    async with sending(arguments(kafka), BATCH_BYTES, nothing_at) as sender:
        await sender.send({Line(topic, 0): records(values)})
    assert await values_in(kafka, topic) == [values]


async def test_after_the_end_nothing_that_waited_is_sent(kafka: MockKafka) -> None:
    topic = fresh_topic()
    kafka.create_topic(topic, 1)
    async with sending(arguments(kafka), BATCH_BYTES, nothing_at) as sender:
        await sender.send({Line(topic, 0): records([b"before"])})
        kafka.down()
        waiting = asyncio.create_task(sender.send({Line(topic, 0): records([b"meanwhile"])}))

        async def is_queued() -> bool:
            return bool(sender._producer._message_accumulator._batches)

        await until(is_queued)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    kafka.up()
    assert await values_in(kafka, topic) == [[b"before"]]


async def test_without_a_broker_it_says_so_at_once(kafka: MockKafka) -> None:
    kafka.down()
    with pytest.raises(KafkaConnectionError):
        async with sending(arguments(kafka), BATCH_BYTES, nothing_at):
            pass

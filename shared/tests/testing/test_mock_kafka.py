"""The mock cluster: records come back, faults on demand, and an end with its parent."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest
from aiokafka.errors import KafkaConnectionError

from kompetenspass.core.errors import Problem
from kompetenspass.testing.kafka.clients import QUICK, consume, fresh_topic, produce, producing
from kompetenspass.testing.kafka.mock import Failure, MockKafka, Request
from kompetenspass.testing.processes import until_ended

PARENT = """
import time
from kompetenspass.testing.kafka.mock import MockKafka
print(MockKafka().start().pid, flush=True)
time.sleep(600)
"""


@pytest.fixture
def own() -> Iterator[MockKafka]:
    """A cluster that this test may break."""
    with MockKafka() as mock:
        yield mock


async def test_records_come_back_in_order(mock_kafka: MockKafka) -> None:
    topic, values = fresh_topic(), [b"%d" % number for number in range(100)]
    mock_kafka.create_topic(topic, 3)
    await produce(topic, values, partition=2, bootstrap_servers=mock_kafka.bootstrap)
    assert await consume(topic, 100, partition=2, bootstrap_servers=mock_kafka.bootstrap, **QUICK) == values


async def test_a_topic_has_the_partitions_that_were_asked_for(mock_kafka: MockKafka) -> None:
    topic = fresh_topic()
    mock_kafka.create_topic(topic, 7)
    async with producing(bootstrap_servers=mock_kafka.bootstrap) as producer:
        assert await producer.partitions_for(topic) == set(range(7))


def test_a_topic_that_is_there_is_refused(mock_kafka: MockKafka) -> None:
    topic = fresh_topic()
    mock_kafka.create_topic(topic, 1)
    with pytest.raises(Problem, match="mock_kafka_refused") as refused:
        mock_kafka.create_topic(topic, 1)
    assert "TOPIC_ALREADY_EXISTS" in refused.value.detail


async def test_what_is_sent_while_the_broker_is_down_arrives_once_it_is_up(own: MockKafka) -> None:
    topic = fresh_topic()
    own.create_topic(topic, 1)
    async with producing(bootstrap_servers=own.bootstrap) as producer:
        await producer.send_and_wait(topic, b"before", partition=0)
        own.down()
        waiting = asyncio.ensure_future(producer.send_and_wait(topic, b"meanwhile", partition=0))
        with pytest.raises(KafkaConnectionError):
            await produce(topic, [b"by another"], bootstrap_servers=own.bootstrap)
        assert not waiting.done()
        own.up()
        await waiting
    assert await consume(topic, 2, bootstrap_servers=own.bootstrap, **QUICK) == [b"before", b"meanwhile"]


async def test_a_slow_broker_answers_later(own: MockKafka) -> None:
    topic, loop = fresh_topic(), asyncio.get_running_loop()
    own.create_topic(topic, 1)
    async with producing(bootstrap_servers=own.bootstrap) as producer:
        await producer.send_and_wait(topic, b"quick", partition=0)
        own.slow(400)
        asked = loop.time()
        await producer.send_and_wait(topic, b"slow", partition=0)
        assert loop.time() - asked > 0.3
        own.slow(0)


async def test_a_refused_request_is_sent_again_and_stored_once(own: MockKafka) -> None:
    topic = fresh_topic()
    own.create_topic(topic, 1)
    own.fail(Request.PRODUCE, Failure.NOT_ENOUGH_REPLICAS, Failure.NOT_LEADER)
    await produce(topic, [b"first", b"second"], bootstrap_servers=own.bootstrap)
    assert await consume(topic, 2, bootstrap_servers=own.bootstrap, **QUICK) == [b"first", b"second"]


async def test_errors_that_are_forgiven_do_not_come(own: MockKafka) -> None:
    topic = fresh_topic()
    own.create_topic(topic, 1)
    own.fail(Request.PRODUCE, *[Failure.TOPIC_AUTHORIZATION_FAILED] * 10)
    own.forgive(Request.PRODUCE)
    await produce(topic, [b"accepted"], bootstrap_servers=own.bootstrap)


async def test_another_broker_leads_a_partition_when_told_so() -> None:
    with MockKafka(brokers=3) as mock:
        topic = fresh_topic()
        mock.create_topic(topic, 1, copies=3)
        for broker in (3, 1, 2):
            mock.lead(topic, 0, broker)
            await produce(topic, [b"%d" % broker], bootstrap_servers=mock.bootstrap)
        assert await consume(topic, 3, bootstrap_servers=mock.bootstrap, **QUICK) == [b"3", b"1", b"2"]
        with pytest.raises(Problem, match="mock_kafka_refused"):
            mock.lead("nobody.made.it", 0, 9)


def test_it_ends_with_its_parent_however_that_ends() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
    asyncio.run(until_ended(pid))


def test_one_that_was_killed_or_stopped_says_so(own: MockKafka) -> None:
    assert own.pid is not None
    os.kill(own.pid, signal.SIGKILL)
    with pytest.raises(Problem, match="mock_kafka_ended"):
        own.down()
    own.stop()
    with pytest.raises(Problem, match="not_running"):
        own.up()

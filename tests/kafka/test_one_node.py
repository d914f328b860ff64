"""The real broker: what was acknowledged stays, through a stop, a crash and the death of whoever started it."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from kompetenspass.core.errors import Problem
from kompetenspass.embedded.kafka.broker import EmbeddedKafka
from kompetenspass.testing.kafka.clients import at, consume, create_topic, fresh_topic, produce, producing
from kompetenspass.testing.kafka.real import START_SECONDS, running
from kompetenspass.testing.processes import ended, until_ended

pytestmark = pytest.mark.long

VALUES = [b"%d" % number for number in range(50)]
COMMAND = [sys.executable, "-m", "kompetenspass.embedded", "kafka", "--folder"]


def kafka_in(folder: Path) -> EmbeddedKafka:
    return EmbeddedKafka(folder, start_timeout_seconds=START_SECONDS)


def pid_in(folder: Path) -> int:
    return int((folder / "node-1" / "node.pid").read_text())


async def test_records_come_back_in_order(real_kafka: str) -> None:
    topic = fresh_topic()
    await create_topic(topic, partitions=3, **at(real_kafka))
    await produce(topic, VALUES, partition=2, **at(real_kafka))
    assert await consume(topic, len(VALUES), partition=2, **at(real_kafka)) == VALUES


def test_a_restart_finds_data_and_ports_again_and_meanwhile_nobody_else_starts(tmp_path: Path) -> None:
    topic = fresh_topic()
    with running(kafka_in(tmp_path), pytest.skip) as kafka:
        address = at(kafka.bootstrap)
        asyncio.run(create_topic(topic, **address))
        asyncio.run(produce(topic, VALUES, **address))
        with pytest.raises(Problem, match="already_running"):
            asyncio.run(kafka_in(tmp_path).start())
    with running(kafka_in(tmp_path), pytest.skip) as kafka:
        assert kafka.bootstrap == address["bootstrap_servers"]
        assert asyncio.run(consume(topic, len(VALUES), **address)) == VALUES


def test_after_a_crash_every_acknowledged_record_is_there_and_a_producer_goes_on(tmp_path: Path) -> None:
    with running(kafka_in(tmp_path), pytest.skip) as kafka:
        asyncio.run(crash_between_records(kafka))


async def crash_between_records(kafka: EmbeddedKafka) -> None:
    topic, address = fresh_topic(), at(kafka.bootstrap)
    await create_topic(topic, **address)
    async with producing(**address) as producer:
        for value in VALUES:
            await producer.send_and_wait(topic, value, partition=0)
        kafka.node(1).kill()
        assert kafka.node(1).pid is None
        await kafka.node(1).start()
        await producer.send_and_wait(topic, b"after", partition=0)
    assert await consume(topic, len(VALUES) + 1, **address) == [*VALUES, b"after"]


def test_a_frozen_broker_answers_once_it_thaws(tmp_path: Path) -> None:
    with running(kafka_in(tmp_path), pytest.skip) as kafka:
        asyncio.run(freeze_between_records(kafka))


async def freeze_between_records(kafka: EmbeddedKafka) -> None:
    topic, address = fresh_topic(), at(kafka.bootstrap)
    await create_topic(topic, **address)
    async with producing(**address) as producer:
        await producer.send_and_wait(topic, b"before", partition=0)
        kafka.node(1).freeze()
        waiting = asyncio.ensure_future(producer.send_and_wait(topic, b"meanwhile", partition=0))
        done, _ = await asyncio.wait([waiting], timeout=1)
        assert not done
        kafka.node(1).thaw()
        await waiting
    assert await consume(topic, 2, **address) == [b"before", b"meanwhile"]


@pytest.mark.usefixtures("real_kafka")  # so that Kafka is fetched, or the reason told why it cannot be
def test_the_command_tells_its_address_and_ends_when_asked(tmp_path: Path) -> None:
    with subprocess.Popen([*COMMAND, str(tmp_path)], stdout=subprocess.PIPE, text=True) as command:
        assert command.stdout is not None
        name, _, bootstrap = command.stdout.readline().strip().partition("=")
        assert name == "KAFKA_BOOTSTRAP_SERVERS"
        asyncio.run(create_topic(fresh_topic(), **at(bootstrap)))
        command.send_signal(signal.SIGTERM)
        assert command.wait(START_SECONDS) == 0
    assert ended(pid_in(tmp_path))


@pytest.mark.usefixtures("real_kafka")
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the next start ends it")
def test_it_dies_with_its_parent_and_the_next_start_finds_its_data(tmp_path: Path) -> None:
    topic = fresh_topic()
    with subprocess.Popen([*COMMAND, str(tmp_path)], stdout=subprocess.PIPE, text=True) as command:
        assert command.stdout is not None
        address = at(command.stdout.readline().strip().partition("=")[2])
        asyncio.run(create_topic(topic, **address))
        asyncio.run(produce(topic, VALUES, **address))
        command.kill()
    asyncio.run(until_ended(pid_in(tmp_path)))
    with running(kafka_in(tmp_path), pytest.skip):
        assert asyncio.run(consume(topic, len(VALUES), **address)) == VALUES

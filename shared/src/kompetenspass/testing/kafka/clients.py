"""What tests do with a Kafka, mock or real: topics, records, and signing in."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import for_code

from kompetenspass.core.ids import uuid7
from kompetenspass.embedded.kafka.broker import EmbeddedKafka
from kompetenspass.embedded.kafka.users import MECHANISM
from kompetenspass.testing.waiting import PATIENCE_SECONDS

QUICK = {"fetch_max_wait_ms": 5}
"""For consumers of the mock cluster, which does not wake a fetch that waits."""

_REQUEST_MILLISECONDS = 10_000  # a frozen node holds a client so long


def fresh_topic(prefix: str = "test.") -> str:
    """Return a name that no other test has."""
    return f"{prefix}{uuid7()}"


def at(bootstrap: str) -> dict[str, Any]:
    """Return the settings of an aiokafka client that comes by the open listener."""
    return {"bootstrap_servers": bootstrap}


def signing_in(kafka: EmbeddedKafka, name: str, password: str) -> dict[str, Any]:
    """Return the settings of an aiokafka client that comes by the secured listener."""
    return {
        "bootstrap_servers": kafka.secured_bootstrap,
        "security_protocol": "SASL_SSL",
        "ssl_context": ssl.create_default_context(cafile=str(kafka.root_path)),
        "sasl_mechanism": MECHANISM,
        "sasl_plain_username": name,
        "sasl_plain_password": password,
    }


async def create_topic(name: str, *, partitions: int = 1, copies: int = 1, **settings: Any) -> None:
    """Make a topic on a real Kafka. Raises KafkaError: the admin client itself returns what was refused."""
    async with _administering(**settings) as admin:
        answer = await admin.create_topics([NewTopic(name, partitions, copies)])
    for _, code, message in answer.topic_errors:
        if code:
            raise for_code(code)(message)


async def find_topic(name: str, **settings: Any) -> None:
    """Return if the topic is there to be seen. Raises KafkaError; a consumer would wait for one that is not."""
    async with _administering(**settings) as admin:
        (topic,) = await admin.describe_topics([name])
    if topic["error_code"]:
        raise for_code(topic["error_code"])(name)


@asynccontextmanager
async def _administering(**settings: Any) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(**settings)
    try:
        await admin.start()
        yield admin
    finally:
        await admin.close()


async def leader_of(topic: str, **settings: Any) -> int:
    """Return which node leads the first partition of a topic on a real Kafka. Raises KafkaError."""
    async with _administering(**settings) as admin:
        (found,) = await admin.describe_topics([topic])
    return next(int(one["leader"]) for one in found["partitions"] if one["partition"] == 0)


async def produce(topic: str, values: Iterable[bytes], *, partition: int = 0, **settings: Any) -> None:
    """Send values one after the other, each acknowledged by all in-sync nodes. Raises KafkaError."""
    async with producing(**settings) as producer:
        for value in values:
            await producer.send_and_wait(topic, value, partition=partition)


@asynccontextmanager
async def producing(**settings: Any) -> AsyncIterator[AIOKafkaProducer]:
    """Run an idempotent producer for the length of a block."""
    sending = {"enable_idempotence": True, "request_timeout_ms": _REQUEST_MILLISECONDS}
    producer = AIOKafkaProducer(**(sending | settings))
    try:
        await producer.start()
        yield producer
    finally:
        await producer.stop()


async def consume(topic: str, count: int, *, partition: int = 0, **settings: Any) -> list[bytes]:
    """Return the first `count` values of a partition. Raises KafkaError, and TimeoutError when there are fewer."""
    reading = {"auto_offset_reset": "none", "enable_auto_commit": False, "request_timeout_ms": _REQUEST_MILLISECONDS}
    consumer = AIOKafkaConsumer(**(reading | settings))
    try:
        await consumer.start()
        consumer.assign([TopicPartition(topic, partition)])
        consumer.seek(TopicPartition(topic, partition), 0)
        async with asyncio.timeout(PATIENCE_SECONDS):
            return [(await consumer.getone()).value for _ in range(count)]
    finally:
        await consumer.stop()

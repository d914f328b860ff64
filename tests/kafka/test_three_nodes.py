"""Three nodes of the real broker: one may fail, and nothing that was acknowledged by all is lost."""

from __future__ import annotations

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition

from kompetenspass.embedded.kafka.broker import EmbeddedKafka
from kompetenspass.testing.kafka.clients import at, consume, create_topic, fresh_topic, producing
from kompetenspass.testing.waiting import until

pytestmark = pytest.mark.long


async def leader_of(topic: str, producer: AIOKafkaProducer, *, other_than: int = 0) -> int:
    """Return the broker that leads the topic's only partition, once there is one and it is another."""

    async def look() -> int | None:
        metadata = await producer.client.fetch_all_metadata()
        leader = metadata.leader_for_partition(TopicPartition(topic, 0))
        return leader if leader in {1, 2, 3} - {other_than} else None

    leader = await until(look)
    assert leader is not None
    return leader


async def test_a_killed_leader_is_replaced_and_comes_back_with_what_it_missed(three_nodes: EmbeddedKafka) -> None:
    topic, address = fresh_topic(), at(three_nodes.bootstrap)
    await create_topic(topic, copies=3, **address)
    sent = [b"%d" % number for number in range(300)]
    async with producing(acks="all", **address) as producer:
        await send(producer, topic, sent[:100])
        first = await leader_of(topic, producer)
        three_nodes.node(first).kill()
        await send(producer, topic, sent[100:200])
        await leader_of(topic, producer, other_than=first)
        await three_nodes.node(first).start()
        await send(producer, topic, sent[200:])
    assert await consume(topic, len(sent), **address) == sent


async def test_a_frozen_leader_is_replaced(three_nodes: EmbeddedKafka) -> None:
    topic, address = fresh_topic(), at(three_nodes.bootstrap)
    await create_topic(topic, copies=3, **address)
    async with producing(acks="all", **address) as producer:
        await send(producer, topic, [b"before"])
        frozen = await leader_of(topic, producer)
        three_nodes.node(frozen).freeze()
        await send(producer, topic, [b"meanwhile"])
        three_nodes.node(frozen).thaw()
    assert await consume(topic, 2, **address) == [b"before", b"meanwhile"]


async def send(producer: AIOKafkaProducer, topic: str, values: list[bytes]) -> None:
    for value in values:
        await producer.send_and_wait(topic, value, partition=0)

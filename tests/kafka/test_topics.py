"""Topics on a real broker: made as the settings say, checked, and refused where they are otherwise."""

from __future__ import annotations

from typing import Any

import pytest

from kompetenspass.core.errors import Problem
from kompetenspass.core.ids import uuid7
from kompetenspass.log.kafka.connecting import Connecting
from kompetenspass.log.kafka.topics import Shape, Topics

pytestmark = pytest.mark.long


def topics(bootstrap: str, owner: str, **shape: Any) -> Topics:
    connecting = Connecting(bootstrap_servers=bootstrap, security="PLAINTEXT")
    return Topics(connecting, owner, Shape(**{"partitions": 3, "replication": 1, "min_insync_replicas": 1} | shape))


@pytest.fixture
def owner() -> str:
    """An owner that no other test has; it has nothing public."""
    return f"o{uuid7().hex}"


async def test_topics_are_made_once_and_are_as_they_should_be(real_kafka: str, owner: str) -> None:
    made = topics(real_kafka, owner, retention_hours=48, max_message_bytes=2_000_000)
    with pytest.raises(Problem, match="kafka_topics_missing"):
        await made.check()
    assert await made.make() == [f"kompetenspass.{owner}.internal"]
    assert await made.make() == []
    await made.check()
    await made.check_partitions()


async def test_other_partitions_are_refused_with_a_remedy(real_kafka: str, owner: str) -> None:
    await topics(real_kafka, owner).make()
    for ask in (topics(real_kafka, owner, partitions=4).check, topics(real_kafka, owner, partitions=4).make):
        with pytest.raises(Problem, match="kafka_topics_differ") as refused:
            await ask()
        assert "keeps it for life" in refused.value.remedy


async def test_every_other_setting_is_named(real_kafka: str, owner: str) -> None:
    await topics(real_kafka, owner).make()
    with pytest.raises(Problem, match="kafka_topics_differ") as refused:
        await topics(real_kafka, owner, retention_hours=1, max_message_bytes=70_000).check()
    name = f"kompetenspass.{owner}.internal"
    assert refused.value.members["differences"] == [
        f"{name} has retention.ms=-1, not 3600000",
        f"{name} has max.message.bytes=1048588, not 70000",
    ]
    assert "kafka-configs" in refused.value.remedy


async def test_more_copies_than_nodes_are_refused(real_kafka: str, owner: str) -> None:
    with pytest.raises(Problem, match="kafka_refused: Kafka refused: InvalidReplicationFactorError"):
        await topics(real_kafka, owner, replication=3).make()

"""The topics of an owner: their names, how they are to be, and what is said when they are not."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from kompetenspass.core.errors import Problem
from kompetenspass.log.kafka.connecting import Connecting
from kompetenspass.log.kafka.topics import Found, Shape, Topics, differences, names_of
from kompetenspass.testing.kafka.mock import MockKafka

SHAPE = Shape(partitions=8, replication=3, retention_hours=48)


def test_an_owner_has_a_public_topic_only_if_it_has_something_public() -> None:
    assert names_of("catalog") == ["kompetenspass.catalog.internal", "kompetenspass.catalog.public"]
    assert names_of("registry") == ["kompetenspass.registry.internal", "kompetenspass.registry.public"]
    for owner in ("issuance", "verification", "wallet"):
        assert names_of(owner) == [f"kompetenspass.{owner}.internal"]


def test_records_stay_for_ever_unless_another_time_is_set() -> None:
    assert Shape().configuration() == {
        "cleanup.policy": "delete",
        "retention.ms": "-1",
        "retention.bytes": "-1",
        "min.insync.replicas": "2",
        "max.message.bytes": "1048588",
        "unclean.leader.election.enable": "false",
    }
    assert SHAPE.configuration()["retention.ms"] == "172800000"


def test_what_cannot_be_kept_is_refused() -> None:
    with pytest.raises(ValidationError, match="larger than replication"):
        Shape(replication=1)
    with pytest.raises(ValidationError):
        Shape(partitions=0)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, []),
        ({"partitions": 9}, ["t has 9 partitions, not 8"]),
        ({"replication": 1}, ["t is on 1 nodes, not on 3"]),
        ({"configuration": SHAPE.configuration() | {"retention.ms": "1"}}, ["t has retention.ms=1, not 172800000"]),
        (
            {"configuration": SHAPE.configuration() | {"min.insync.replicas": "1", "segment.ms": "5"}},
            ["t has min.insync.replicas=1, not 2"],
        ),
    ],
)
def test_every_difference_is_named(change: dict[str, Any], said: list[str]) -> None:
    found: dict[str, Any] = {"partitions": 8, "replication": 3, "configuration": SHAPE.configuration()}
    assert differences("t", SHAPE, Found(**found | change)) == said


def topics(kafka: MockKafka, owner: str, partitions: int) -> Topics:
    connecting = Connecting(bootstrap_servers=kafka.bootstrap, security="PLAINTEXT", request_timeout_seconds=5)
    return Topics(connecting, owner, Shape(partitions=partitions, replication=1, min_insync_replicas=1))


async def test_the_right_number_of_partitions_is_accepted_and_another_refused(kafka: MockKafka) -> None:
    for name in names_of("catalog"):
        kafka.create_topic(name, 6)
    await topics(kafka, "catalog", 6).check_partitions()
    with pytest.raises(Problem, match="kafka_topics_differ") as refused:
        await topics(kafka, "catalog", 5).check_partitions()
    assert refused.value.members["differences"] == [f"{name} has 6 partitions, not 5" for name in names_of("catalog")]
    assert "keeps it for life" in refused.value.remedy


async def test_a_missing_topic_is_named_and_not_made_by_looking(
    kafka: MockKafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kompetenspass.log.kafka.topics._PAUSES", (0.01,))
    kafka.create_topic("kompetenspass.catalog.internal", 2)
    for _ in range(2):
        with pytest.raises(Problem, match="kafka_topics_missing") as refused:
            await topics(kafka, "catalog", 2).check_partitions()
        assert refused.value.members["topics"] == ["kompetenspass.catalog.public"]
        assert "topics make" in refused.value.remedy


async def test_a_kafka_that_does_not_answer_is_said_to_be_unavailable(
    kafka: MockKafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kompetenspass.log.kafka.topics._PAUSES", (0.01,))
    kafka.down()
    with pytest.raises(Problem, match="kafka_unavailable"):
        await topics(kafka, "catalog", 2).check()

"""The secured listener of the real broker: a password over TLS, and no more than one has a right to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    KafkaConnectionError,
    TopicAuthorizationFailedError,
)

from kompetenspass.core.errors import Problem
from kompetenspass.embedded.kafka.broker import EmbeddedKafka
from kompetenspass.embedded.kafka.users import User
from kompetenspass.testing.kafka.clients import consume, create_topic, find_topic, fresh_topic, produce, signing_in
from kompetenspass.testing.kafka.real import START_SECONDS, running

pytestmark = pytest.mark.long

READER = User("reader", "the reader's, with a comma]", reads=("open.",))
WRITER = User("writer", "the writer's", writes=("open.", "closed."))
ADMINISTRATOR = User("administrator", "the administrator's", administers=True)


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedKafka]:
    """A broker with three users."""
    users = (READER, WRITER, ADMINISTRATOR)
    folder = tmp_path_factory.mktemp("secured")
    kafka = EmbeddedKafka(folder, secured=True, users=users, start_timeout_seconds=START_SECONDS)
    with running(kafka, pytest.skip):
        yield kafka


def of(kafka: EmbeddedKafka, user: User) -> dict[str, Any]:
    return signing_in(kafka, user.name, user.password)


async def filled(kafka: EmbeddedKafka, prefix: str) -> str:
    """Return a topic that the administrator has made, and the writer written to."""
    topic = fresh_topic(prefix)
    await create_topic(topic, **of(kafka, ADMINISTRATOR))
    await produce(topic, [b"one", b"two"], **of(kafka, WRITER))
    return topic


async def test_with_the_right_password_one_reads_and_with_a_wrong_one_gets_nothing(kafka: EmbeddedKafka) -> None:
    topic = await filled(kafka, "open.")
    assert await consume(topic, 2, **of(kafka, READER)) == [b"one", b"two"]
    with pytest.raises(KafkaConnectionError):
        await consume(topic, 2, **signing_in(kafka, READER.name, "a guess"))
    with pytest.raises(KafkaConnectionError):
        await consume(topic, 2, **signing_in(kafka, "nobody", READER.password))


async def test_without_tls_one_gets_nothing(kafka: EmbeddedKafka) -> None:
    topic = await filled(kafka, "open.")
    with pytest.raises(KafkaConnectionError):
        await consume(topic, 2, **of(kafka, READER) | {"security_protocol": "SASL_PLAINTEXT", "ssl_context": None})


async def test_a_reader_reads_the_topics_that_it_may_and_no_others(kafka: EmbeddedKafka) -> None:
    closed = await filled(kafka, "closed.")
    assert await consume(closed, 2, bootstrap_servers=kafka.bootstrap) == [b"one", b"two"]
    await find_topic(await filled(kafka, "open."), **of(kafka, READER))
    with pytest.raises(TopicAuthorizationFailedError):
        await find_topic(closed, **of(kafka, READER))


async def test_a_reader_does_not_write_and_a_writer_does_not_read(kafka: EmbeddedKafka) -> None:
    topic = await filled(kafka, "open.")
    with pytest.raises(ClusterAuthorizationFailedError):  # it gets no producer's id: for that one writes some topic
        await produce(topic, [b"three"], **of(kafka, READER))
    with pytest.raises(TopicAuthorizationFailedError):
        await produce(topic, [b"three"], **of(kafka, READER), enable_idempotence=False)
    with pytest.raises(TopicAuthorizationFailedError):
        await consume(topic, 2, **of(kafka, WRITER))


async def test_nobody_but_an_administrator_makes_topics(kafka: EmbeddedKafka) -> None:
    with pytest.raises(TopicAuthorizationFailedError):
        await create_topic(fresh_topic("open."), **of(kafka, WRITER))


async def test_a_reader_uses_the_groups_that_bear_its_name_and_no_others(kafka: EmbeddedKafka) -> None:
    topic = await filled(kafka, "open.")
    assert len(await consume(topic, 2, group_id="reader.a", **of(kafka, READER))) == 2
    with pytest.raises(GroupAuthorizationFailedError):
        await consume(topic, 2, group_id="another.a", **of(kafka, READER))


async def test_a_folder_made_with_these_users_is_refused_to_others(kafka: EmbeddedKafka) -> None:
    await kafka.stop()
    with pytest.raises(Problem, match="kafka_folder_differs"):
        await EmbeddedKafka(kafka.folder, secured=True, users=(READER,)).start()
    await kafka.start()
    topic = await filled(kafka, "open.")
    assert await consume(topic, 2, **of(kafka, READER)) == [b"one", b"two"]

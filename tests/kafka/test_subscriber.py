"""Somebody who is not of the platform reads the public events: by another client, with a password over TLS.

librdkafka is a client of its own, and goes by nothing but the address, the user, and the published schemas.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from confluent_kafka import Consumer, KafkaError, Message
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from contract.generated import FOLDER
from contract.values import CONTEXT, example_of, stream_template
from kompetenspass.core.clock import system_clock
from kompetenspass.core.ids import uuid7
from kompetenspass.embedded.kafka.broker import EmbeddedKafka
from kompetenspass.embedded.kafka.users import User
from kompetenspass.events.audiences import reaches
from kompetenspass.events.codec import EVENTS
from kompetenspass.events.envelope import seal
from kompetenspass.log.api import Append, Recorded
from kompetenspass.log.kafka.connecting import Connecting
from kompetenspass.log.kafka.relay import Relay
from kompetenspass.log.kafka.tables import TABLES
from kompetenspass.log.kafka.topics import Shape, Topics, topic_of
from kompetenspass.log.memory import MemoryLog
from kompetenspass.testing.kafka.real import START_SECONDS, running
from kompetenspass.testing.postgres import Database
from kompetenspass.testing.waiting import PATIENCE_SECONDS, until

pytestmark = pytest.mark.long

OWNERS = ("catalog", "registry")
SHAPE = Shape(partitions=3, replication=1, min_insync_replicas=1)
NATION = User("nation", "the nation's, with a comma", reads=tuple(topic_of(owner, "public") for owner in OWNERS))
RELAY = User("relay", "the relay's", writes=("kompetenspass.",))
OPERATOR = User("operator", "the operator's", administers=True)


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedKafka]:
    """A broker with those three users."""
    folder = tmp_path_factory.mktemp("subscribed")
    kafka = EmbeddedKafka(folder, secured=True, users=(NATION, RELAY, OPERATOR), start_timeout_seconds=START_SECONDS)
    with running(kafka, pytest.skip):
        yield kafka


@pytest.fixture
def signed_in(kafka: EmbeddedKafka, tmp_path: Path) -> Any:
    """How a user of the platform comes to the broker: as its settings say, with the password in a file."""

    def of(user: User) -> Connecting:
        file = tmp_path / user.name
        file.write_text(user.password)
        return Connecting(
            bootstrap_servers=kafka.secured_bootstrap, user=user.name, password_file=file, ca_file=kafka.root_path
        )

    return of


async def sent(owner: str, database: Database, signed_in: Any) -> list[Recorded]:
    """Send an event of every type of an owner, by the relay; return those that the public may see something of."""
    log = MemoryLog(owner, system_clock)
    for event in (one for one in EVENTS.values() if one.owner() == owner):
        given = example_of(event)
        stream = f"{stream_template(event).format(**given.model_dump())}"
        version = len(await log.read_stream(stream))
        await log.append(Append(stream, version, [seal(uuid7(), given, CONTEXT)]))
    await Topics(signed_in(OPERATOR), owner, SHAPE).make()
    engine = create_async_engine(database.dsn("wallet").replace("postgresql:", "postgresql+asyncpg:", 1))
    await relayed(log, engine, signed_in(RELAY))
    return [row for row in await log.read(0, 1000) if reaches(EVENTS[row.type], "public")]


async def relayed(log: MemoryLog, engine: AsyncEngine, connecting: Connecting) -> None:
    async with engine.begin() as connection:
        await connection.run_sync(TABLES.create_all)
    relay, stopping = Relay(log, engine, connecting, SHAPE, source=f"https://{log.owner}.example"), asyncio.Event()

    async def is_sent() -> bool:
        return (await relay.measured()).lag == 0

    running_relay = asyncio.create_task(relay.run(stopping))
    await until(is_sent)
    stopping.set()
    await running_relay
    await engine.dispose()


class Subscriber:
    """A client of librdkafka that reads a topic from its beginning."""

    def __init__(self, kafka: EmbeddedKafka, topic: str, password: str) -> None:
        self.refused: list[KafkaError] = []
        self._consumer = Consumer(
            {
                "bootstrap.servers": kafka.secured_bootstrap,
                "security.protocol": "SASL_SSL",
                "sasl.mechanism": "SCRAM-SHA-512",
                "sasl.username": NATION.name,
                "sasl.password": password,
                "ssl.ca.location": str(kafka.root_path),
                "group.id": f"{NATION.name}.{uuid7()}",
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
                "error_cb": self.refused.append,
                "log_level": 0,
            }
        )
        self._consumer.subscribe([topic])

    async def read(self, count: int) -> list[Message]:
        """Return so many records, or fewer where the broker refuses something first."""
        found: list[Message] = []
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while len(found) < count and not self.refused:
                    for message in await asyncio.to_thread(self._consumer.consume, count, 0.1):
                        error = message.error()
                        (self.refused.append(error) if error else found.append(message))
        finally:
            self._consumer.close()
        return found


def schema_named_in(headers: dict[str, Any]) -> Any:
    name = headers["ce_dataschema"].decode().rpartition("/")[2]
    return json.loads((FOLDER / "events" / name).read_text("utf-8"))


@pytest.mark.parametrize("owner", OWNERS)
async def test_every_event_is_as_the_published_schema_says_and_a_wrong_password_gets_none(
    owner: str, kafka: EmbeddedKafka, database: Database, signed_in: Any
) -> None:
    shown, topic = await sent(owner, database, signed_in), topic_of(owner, "public")
    records = await Subscriber(kafka, topic, NATION.password).read(len(shown))
    assert {dict(record.headers() or [])["ce_id"] for record in records} == {str(row.id).encode() for row in shown}
    for record in records:
        headers: dict[str, Any] = dict(record.headers() or [])
        value = record.value()
        assert value is not None
        jsonschema.Draft202012Validator(schema_named_in(headers)).validate(json.loads(value))
        assert record.key() == headers["ce_partitionkey"]
    guessing = Subscriber(kafka, topic, "a guess")
    assert await guessing.read(1) == []
    assert guessing.refused[0].code() in {KafkaError._AUTHENTICATION, KafkaError._ALL_BROKERS_DOWN}
    curious = Subscriber(kafka, topic_of(owner, "internal"), NATION.password)
    assert await curious.read(1) == []
    assert curious.refused[0].code() == KafkaError.TOPIC_AUTHORIZATION_FAILED

"""Kafka away, slow, frozen and repeating itself, under a service that follows another's log by it."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from kompetenspass.core.errors import Problem
from kompetenspass.embedded.kafka.broker import EmbeddedKafka
from kompetenspass.embedded.provision import connected
from kompetenspass.log.kafka.connecting import Connecting
from kompetenspass.log.kafka.lease import rewind
from kompetenspass.log.kafka.load import Loading
from kompetenspass.log.kafka.sending import BATCH_BYTES, sending
from kompetenspass.log.kafka.topics import Topics, topic_of
from kompetenspass.log.steps import nothing_at
from kompetenspass.testing.kafka.mock import MockKafka
from kompetenspass.testing.kafka.real import START_SECONDS, running
from kompetenspass.testing.postgres import Database
from kompetenspass.testing.waiting import until
from kompetenspass.web.migrate import engine_of
from tests.faults.carried import Carried, carried
from tests.faults.stages import OWNER, PARTITIONS, READER, SHAPE, Play
from tests.faults.trial import whole

TOPIC = topic_of(OWNER, "internal")
SLOW_MILLISECONDS = 400
RUNBOOK = Path(__file__).parents[2] / "docs" / "runbooks" / "kafka-lost.md"


@pytest.fixture
def kafka() -> Iterator[MockKafka]:
    """A cluster of this test's own, to be broken."""
    with MockKafka() as mock:
        mock.create_topic(TOPIC, PARTITIONS)
        yield mock


@pytest.fixture
async def service(database: Database, kafka: MockKafka) -> AsyncIterator[Carried]:
    async with carried(database, kafka.bootstrap) as made:
        yield made


def connecting_to(bootstrap: str) -> Connecting:
    return Play("", "", "", "", bootstrap).connecting


async def is_fresh(service: Carried) -> bool:
    return not await service.is_stale()


async def gone_and_back(service: Carried, go: Callable[[], None], come: Callable[[], None]) -> None:
    """Let Kafka be away while the log grows: what is known is served, what must be fresh is refused; then all comes."""
    go()
    try:
        await asyncio.gather(service.append(60), until(service.relay_lags))
        await until(service.is_out_of_reach)
        await until(service.is_stale)
    finally:
        come()
    await service.check()
    await until(lambda: is_fresh(service))

    async def is_all_sent() -> bool:
        return not await service.relay_lags()

    await until(is_all_sent)


async def test_while_the_broker_is_away_the_service_answers_and_says_what_it_does_not_know(
    service: Carried, kafka: MockKafka
) -> None:
    await gone_and_back(service, kafka.down, kafka.up)


async def test_a_frozen_broker_is_as_one_that_is_away(service: Carried, kafka: MockKafka) -> None:
    def tell(number: signal.Signals) -> None:
        assert kafka.pid is not None
        os.kill(kafka.pid, number)

    await gone_and_back(service, lambda: tell(signal.SIGSTOP), lambda: tell(signal.SIGCONT))


async def test_a_slow_broker_makes_events_late_and_nothing_else(service: Carried, kafka: MockKafka) -> None:
    kafka.slow(SLOW_MILLISECONDS)
    await asyncio.gather(service.append(100), until(service.relay_lags))
    await service.check()
    kafka.slow(0)
    await service.append(20)
    await service.check()


async def sent_again(service: Carried, bootstrap: str, *, fence: int) -> None:
    """Send all of the log once more, as a relay that does not know that it was sent."""
    rows, epoch = await whole(service.log), await service.log.epoch()
    loading = Loading(TOPIC, None, PARTITIONS, "https://owner.example", epoch, fence)
    async with sending(connecting_to(bootstrap).arguments(), BATCH_BYTES, nothing_at) as sender:
        await sender.send(loading.load(rows))


@pytest.mark.parametrize("fence", [0, 1], ids=["by a relay that is over", "by the relay"])
async def test_what_comes_twice_or_late_is_dropped(service: Carried, kafka: MockKafka, fence: int) -> None:
    for _ in range(3):
        await sent_again(service, kafka.bootstrap, fence=fence)
        await service.append(30)
        await sent_again(service, kafka.bootstrap, fence=fence)
        await service.check()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[EmbeddedKafka]:
    """A real broker of this test's own."""
    with running(EmbeddedKafka(tmp_path / "kafka", start_timeout_seconds=START_SECONDS), pytest.skip) as made:
        yield made


async def stopped(broker: EmbeddedKafka) -> None:
    await broker.node(1).stop()
    await broker.node(1).start()


async def crashed(broker: EmbeddedKafka) -> None:
    broker.node(1).kill()
    await broker.node(1).start()


@pytest.mark.long
@pytest.mark.parametrize("fault", [stopped, crashed], ids=lambda fault: fault.__name__)
async def test_a_broker_that_begins_again_is_gone_on_with(
    database: Database, broker: EmbeddedKafka, fault: Callable[[EmbeddedKafka], Awaitable[None]]
) -> None:
    await Topics(connecting_to(broker.bootstrap), OWNER, SHAPE).make()
    async with carried(database, broker.bootstrap) as service:
        growing = asyncio.create_task(service.growing())
        await fault(broker)
        growing.cancel()
        with suppress(asyncio.CancelledError):
            await growing
        await service.check()


async def topics_lost(database: Database, broker: EmbeddedKafka) -> None:
    """Do what the runbook says where the topics are gone, all but its last step."""
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap)
    await admin.start()
    await admin.delete_topics([TOPIC])
    await admin.close()
    engine, topics = engine_of(database.dsn(OWNER), OWNER), Topics(connecting_to(broker.bootstrap), OWNER, SHAPE)
    await until(lambda: is_gone(topics))
    await until(lambda: made_again(topics))
    await rewind(engine, OWNER)
    await engine.dispose()


async def is_gone(topics: Topics) -> bool:
    try:
        await topics.check_partitions()
    except Problem as problem:
        return problem.code == "kafka_topics_missing"
    return False


async def made_again(topics: Topics) -> bool:
    try:
        await topics.make()
    except Problem:  # not every part of the broker knows of it yet
        return False
    return True


async def says_halted(service: Carried) -> bool:
    status, cursor = await service.readyz()
    return status == 503 and bool(cursor.get("halted"))


@pytest.mark.long
async def test_after_the_topics_were_lost_readers_halt_and_go_on_once_their_places_are_sought_anew(
    database: Database, broker: EmbeddedKafka
) -> None:
    await Topics(connecting_to(broker.bootstrap), OWNER, SHAPE).make()
    async with carried(database, broker.bootstrap):
        pass
    await topics_lost(database, broker)
    # a topic that is filled again before it is looked at hides that it is another one
    async with carried(database, broker.bootstrap, sends=False) as service:
        await until(lambda: says_halted(service))
    async with connected(database.admin_dsn) as admin:
        (statement,) = re.findall(r"`(UPDATE [^`]+)`", RUNBOOK.read_text())
        await admin.execute(statement.replace("<service>", READER).replace("<owner>", OWNER))
    async with carried(database, broker.bootstrap) as service:
        await service.append(30)
        await service.check()

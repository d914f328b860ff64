"""Kafka for the laptop: a broker that is already there or one of its own, the topics, and a relay for each log.

Where all services share a process, the relays are tasks of that process: five more processes would take longer to start
and hold more memory than all else. Where each service is a process, so is each relay, as it is where it is deployed.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from kompetenspass.core.errors import Kind, Problem
from kompetenspass.embedded.children import Children
from kompetenspass.embedded.kafka.broker import EmbeddedKafka
from kompetenspass.embedded.kafka.copied import DSN, copied_of_other_logs, forget, something_copied
from kompetenspass.embedded.servers import not_started
from kompetenspass.log.kafka.feed import KafkaFeed
from kompetenspass.log.kafka.topics import Topics
from kompetenspass.web.relaying import KafkaSettings, kafka_prefix, relay_until
from kompetenspass.web.settings import Kafka, ServiceSettings
from services.laptop.five import FOLLOWS

PARTITIONS = 2
"""Of each topic on a laptop: more than one, so that what holds for parts is seen there too."""


_COPIED_SECONDS = 240.0
_POLL_SECONDS = 0.1


class _Given(BaseSettings):
    """The broker that is already there, if any: `KAFKA_BOOTSTRAP_SERVERS`; `KAFKA_REPLICATION`: on how many nodes."""

    model_config = SettingsConfigDict(frozen=True, env_ignore_empty=True, env_prefix="KAFKA_")

    bootstrap_servers: str | None = None
    replication: int = Field(default=1, ge=1, le=9)


async def broker(folder: Path, dsn: DSN, stack: AsyncExitStack, say: Callable[[str], object]) -> Kafka:
    """Return how to come to Kafka; one of its own, in `folder`, lasts as long as `stack`, and is nothing but a copy.

    Raises Problem `java_missing`, `maven_missing` or another of the embedded Kafka, each with a remedy.
    """
    given = _Given()
    bootstrap, replication = given.bootstrap_servers, given.replication
    if bootstrap is None:
        say("Starting Kafka (the first time, Maven fetches it: a minute or so)")
        await _drop_what_is_no_copy(folder, dsn, say)
        embedded = EmbeddedKafka(folder)
        stack.push_async_callback(embedded.stop)
        await embedded.start()
        bootstrap, replication = embedded.bootstrap, 1
    return Kafka(
        bootstrap_servers=bootstrap,
        security="PLAINTEXT",
        partitions=PARTITIONS,
        replication=replication,
        min_insync_replicas=max(1, replication - 1),  # one may be away
    )


async def _drop_what_is_no_copy(folder: Path, dsn: DSN, say: Callable[[str], object]) -> None:
    """Begin anew after a restore of the database, and where the folder was removed."""
    is_there = await asyncio.to_thread(folder.exists)
    if await (copied_of_other_logs(dsn) if is_there else something_copied(dsn)):
        say("Kafka begins anew: what was copied to it is not there, or is not of these logs")
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        await forget(dsn)


async def make_topics(kafka: Kafka) -> None:
    """Make the topics of every service that are missing, and check all. Raises Problem."""
    for service in FOLLOWS:
        await Topics(kafka, service, kafka).make()


async def until_copied(kafka: Kafka, ended: Callable[[], str | None]) -> None:
    """Return once each topic says of which log it is a copy: readers find it there, and need not wait and say so.

    Raises Problem `not_started` for a relay that has ended, or one that sends nothing.
    """
    for owner in FOLLOWS:
        feed = KafkaFeed(owner, kafka, kafka.partitions)
        try:
            async with asyncio.timeout(_COPIED_SECONDS):
                while not await _is_known(feed):
                    if (gone := ended()) is not None:
                        raise not_started(gone)
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError as error:
            raise not_started(f"{owner} relay") from error
        finally:
            await feed.stop()


async def _is_known(feed: KafkaFeed) -> bool:
    try:
        await feed.epoch()
    except Problem as problem:
        if problem.kind is not Kind.UNAVAILABLE:
            raise
        return False
    return True


class Relays:
    """The relays of all logs as tasks of this process; `ended` is set when one of them has ended by itself."""

    def __init__(self, settings: Mapping[str, ServiceSettings]) -> None:
        self._settings = settings
        self._stopping = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self.ended = asyncio.Event()

    def start(self) -> None:
        """Begin to send."""
        for name, settings in self._settings.items():
            relay = relay_until(self._stopping, settings, told_to_relay(settings))
            self._tasks.append(asyncio.create_task(relay, name=f"{name} relay"))
            self._tasks[-1].add_done_callback(lambda _task: self.ended.set())

    def ended_one(self) -> str | None:
        """Return the name of one that has ended, None while all send."""
        return next((task.get_name() for task in self._tasks if task.done()), None)

    async def stop(self) -> None:
        """Finish what is under way. Raises Problem for what ended a relay before."""
        self._stopping.set()
        for end in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(end, BaseException):
                raise end


async def start_relays(children: Children, environment: Mapping[str, str], services: Iterable[str]) -> None:
    """Start a relay of each log as a process of its own."""
    for service in services:
        await children.start(f"{service} relay", [sys.executable, "-m", f"services.{service}", "relay"], environment)


def told_to_relay(settings: ServiceSettings) -> KafkaSettings:
    """Return what a service's relay is told, besides where it answers."""
    assert settings.kafka is not None
    return KafkaSettings(_env_prefix=kafka_prefix(settings.service), **settings.kafka.model_dump())

"""The logs of other services, by the transport that one setting chooses; nobody else needs to know which it is."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Protocol, get_args

from kompetenspass.core.clock import Clock
from kompetenspass.events.codec import EVENTS
from kompetenspass.log.api import Feed, Transport
from kompetenspass.log.detached.folder import Detached
from kompetenspass.log.postgres import PostgresFeed
from kompetenspass.web.settings import Kafka, ServiceSettings


class ForeignFeed(Feed, Protocol):
    """A feed that is opened and closed."""

    async def start(self) -> None:
        """Connect."""

    async def stop(self) -> None:
        """Disconnect."""


def foreign_feeds(settings: ServiceSettings, clock: Clock) -> dict[str, ForeignFeed]:
    """Return the feed of each log that another service owns and this one may follow; nothing is opened."""
    return _by(settings.transport, settings, clock)


def by_every_transport(settings: ServiceSettings, clock: Clock) -> dict[str, dict[Transport, ForeignFeed]]:
    """Return the feeds of each foreign log, by each transport that the settings know: for a change from one to another.

    Nothing is opened. By PostgreSQL there are those that `feed_dsns` names, by Kafka all, where it is set.
    """
    feeds: dict[str, dict[Transport, ForeignFeed]] = {}
    for transport in get_args(Transport):
        for owner, feed in _by(transport, settings, clock).items():
            feeds.setdefault(owner, {})[transport] = feed
    return feeds


def detached_of(settings: ServiceSettings, owner: str) -> Detached | None:
    """Return the files of what was detached of a log, None where no folder is named."""
    return Detached(settings.detached_dir, owner) if settings.detached_dir else None


async def started(feeds: dict[str, ForeignFeed], settings: ServiceSettings, stack: AsyncExitStack) -> None:
    """Open the feeds for as long as `stack` lasts; by Kafka each opens when it is read, whoever answers by then."""
    for feed in feeds.values():
        stack.push_async_callback(feed.stop)
        if settings.transport == "postgres":
            await feed.start()


def _by(transport: Transport, settings: ServiceSettings, clock: Clock) -> dict[str, ForeignFeed]:
    if transport == "postgres":
        return {
            owner: PostgresFeed(owner, dsn, detached_of(settings, owner)) for owner, dsn in settings.feed_dsns.items()
        }
    return _by_kafka(settings.service, settings.kafka, clock) if settings.kafka else {}


def _by_kafka(service: str, kafka: Kafka, clock: Clock) -> dict[str, ForeignFeed]:
    from kompetenspass.log.kafka.feed import KafkaFeed  # here: its client costs whoever imports it time and memory

    owners = {event.owner() for event in EVENTS.values()} - {service}
    return {owner: KafkaFeed(owner, kafka, kafka.partitions, clock=clock) for owner in sorted(owners)}

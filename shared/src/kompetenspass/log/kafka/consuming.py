"""One consumer of a topic, all its partitions by hand: those that nobody reads are paused.

It has no group, and never goes anywhere by itself (`auto_offset_reset` is none): each partition is read from an offset
that was said. All of that is settled before it may fetch anything: what is assigned and then waited for, goes astray.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Self

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from kompetenspass.core.errors import Kind, Problem
from kompetenspass.log.kafka.connecting import Connecting
from kompetenspass.log.kafka.window import Entry, entry_of

WAIT_MILLISECONDS = 250
"""How long a broker holds a question that it has no answer to."""

_PATIENCE = 2  # requests that may fail one after the other until a consumer is given up


def unavailable(why: str) -> Problem:
    """Return what a reader is told while Kafka does not answer."""
    return Problem(
        "log_unavailable",
        "The log cannot be read from Kafka at the moment.",
        kind=Kind.UNAVAILABLE,
        remedy="Try again in a moment.",
        detail=why,
        headers={"Retry-After": "1"},
    )


class Consumer:
    """A consumer that runs. Its methods raise KafkaError, or Problem `log_unavailable`."""

    def __init__(self, consumer: Any, topic: str, partitions: int, patience_seconds: float) -> None:
        self.patience_seconds = patience_seconds
        self._consumer = consumer
        self._lines = [TopicPartition(topic, number) for number in range(partitions)]
        self._looking = asyncio.Lock()

    @classmethod
    async def opened(
        cls,
        connecting: Connecting,
        topic: str,
        partitions: int,
        wait_milliseconds: int,
        check: Callable[[], Awaitable[object]],
    ) -> Self:
        """Connect, and let the topic be checked before it is asked for: some clusters make what they are asked for.

        Raises Problem `log_unavailable`, `kafka_settings_unusable`, and what `check` raises.
        """
        consumer = AIOKafkaConsumer(
            **connecting.arguments(),
            auto_offset_reset="none",
            enable_auto_commit=False,
            fetch_max_wait_ms=wait_milliseconds,
        )
        patience_seconds = connecting.request_timeout_seconds
        try:
            async with asyncio.timeout(_PATIENCE * patience_seconds):
                await consumer.start()
            await check()
        except BaseException as error:
            await _stopped(consumer)
            if isinstance(error, (KafkaError, TimeoutError)):
                raise unavailable(type(error).__name__) from error
            raise
        made = cls(consumer, topic, partitions, patience_seconds)
        made._settle()
        return made

    def _settle(self) -> None:
        """Assign, and say of each partition where it stands and that it rests; nothing else happens in between."""
        self._consumer.assign(self._lines)
        for line in self._lines:
            self._consumer.seek(line, 0)
        self._consumer.pause(*self._lines)

    async def close(self) -> None:
        """Disconnect."""
        await _stopped(self._consumer)

    def go(self, partition: int, offset: int) -> None:
        """Begin to fetch a partition from an offset on."""
        self._consumer.seek(self._lines[partition], offset)
        self._consumer.resume(self._lines[partition])

    def rest(self, partition: int) -> None:
        """Fetch a partition no more. What was fetched is dropped by the seeking: else the others would wait for it."""
        self._consumer.pause(self._lines[partition])
        self._consumer.seek(self._lines[partition], 0)

    def answered(self, partition: int) -> object:
        """Return what is another whenever a broker has answered for a partition."""
        return self._consumer.last_poll_timestamp(self._lines[partition])

    def end(self, partition: int) -> int:
        """Return the offset after the last record of a partition, as the broker's last answer said it."""
        return self._consumer.highwater(self._lines[partition]) or 0

    async def records(self, partition: int, limit: int, timeout_seconds: float) -> Sequence[Any]:
        """Return the next records of a partition, none if there are none within the time."""
        line, milliseconds = self._lines[partition], int(timeout_seconds * 1000)
        found = await self._consumer.getmany(line, timeout_ms=milliseconds, max_records=limit)
        return list(found.get(line, ()))

    async def look(self, partition: int, offset: int, limit: int) -> Sequence[Entry]:
        """Return up to `limit` records from an offset on, at least one: for offsets at which there is one.

        Not for a consumer on which the partition is read as well. Raises NotOurs.
        """
        async with self._looking:
            self.go(partition, offset)
            try:
                found = await self.records(partition, limit, self.patience_seconds)
            finally:
                self.rest(partition)
        if not found:
            raise unavailable("no answer")
        return [entry_of(record) for record in found]

    async def bounds(self) -> Mapping[int, tuple[int, int]]:
        """Return of each partition the offset of its first record, and that after its last."""
        begins = await self._consumer.beginning_offsets(self._lines)
        ends = await self._consumer.end_offsets(self._lines)
        return {line.partition: (begins[line], ends[line]) for line in self._lines}


async def _stopped(consumer: Any) -> None:
    """Stop a consumer. One that was about to try again ends by an error or a cancellation, and leaves its client."""
    ending = asyncio.create_task(consumer.stop())
    await asyncio.wait([ending])
    if ending.cancelled() or ending.exception() is not None:
        await consumer._client.close()

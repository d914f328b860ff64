"""The same records, made already, by producers as one uses them: one at a time, and the client makes the batches."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from aiokafka import AIOKafkaProducer
from confluent_kafka import Producer

from kompetenspass.log.kafka.headers import Message
from kompetenspass.log.kafka.sending import BATCH_BYTES

LINGER_MILLISECONDS = 5
_FLUSH_SECONDS = 120.0
_QUEUED = 100_000


class BySend:
    """aiokafka, `send` in a loop: as it comes, or with batches as large as the relay's that wait for a moment."""

    def __init__(self, bootstrap: str, *, tuned: bool) -> None:
        further = {"linger_ms": LINGER_MILLISECONDS, "max_batch_size": BATCH_BYTES} if tuned else {}
        self._producer = AIOKafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=True, **further)

    async def start(self) -> None:
        """Connect."""
        await self._producer.start()

    async def stop(self) -> None:
        """Disconnect."""
        await self._producer.stop()

    async def send(self, topic: str, messages: Sequence[Message]) -> None:
        """Return when all are confirmed."""
        send = self._producer.send
        sent = [
            await send(topic, value, key=key, headers=headers, timestamp_ms=timestamp)
            for key, value, headers, timestamp in messages
        ]
        await asyncio.gather(*sent)


class ByConfluent:
    """librdkafka: what it costs when it is not Python that makes the batches."""

    def __init__(self, bootstrap: str) -> None:
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "enable.idempotence": True,
                "linger.ms": LINGER_MILLISECONDS,
                "batch.size": BATCH_BYTES,
                "partitioner": "murmur2_random",
                "queue.buffering.max.messages": _QUEUED,
                "queue.buffering.max.kbytes": 1 << 20,
            }
        )

    async def send(self, topic: str, messages: Sequence[Message]) -> None:
        """Return when all are confirmed. Raises RuntimeError where one is not."""
        await asyncio.to_thread(self._sent, topic, messages)

    def _sent(self, topic: str, messages: Sequence[Message]) -> None:
        confirmed = 0

        def note(error: object, _message: object) -> None:
            nonlocal confirmed
            confirmed += error is None

        for key, value, headers, timestamp in messages:
            while True:
                with suppress(BufferError):
                    self._producer.produce(
                        topic, value, key=key, headers=[*headers], timestamp=timestamp or 0, on_delivery=note
                    )
                    break
                self._producer.poll(0.01)
            self._producer.poll(0)
        self._producer.flush(_FLUSH_SECONDS)
        if confirmed != len(messages):
            raise RuntimeError(f"{confirmed} of {len(messages)} were confirmed")

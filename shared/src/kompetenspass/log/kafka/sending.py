"""One producer of Kafka: sends loads, each partition's records strictly in order, and all partitions at a time.

It is idempotent: what it sends again after a lost answer is stored once. That holds within one producer and for batches
that are the same; so the batches are made here, and after a batch that failed one begins again with a new producer.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaProducer

from kompetenspass.core.clock import system_clock
from kompetenspass.log.kafka.batches import batches_of
from kompetenspass.log.kafka.load import Line, Load
from kompetenspass.log.kafka.records import Record
from kompetenspass.log.steps import At

BATCH_BYTES = 256 * 1024
START_SECONDS = 30.0
_KEPT = 8 << 20
"""What the C library is shown once, so that it keeps what was freed, up to twice as much, for the next page.

aiokafka makes eight copies of a request of two megabytes. The library takes blocks of that size from the system anew
each time, a page fault for every 4 kB, until a larger one was freed: that is a fifth of an event's processor time. The
block is never touched and takes no memory; another C library may pass over it. Source: mallopt(3), M_MMAP_THRESHOLD.
"""


class Sender:
    """A producer that runs. Its methods raise KafkaError, after which it sends nothing of the load any more."""

    def __init__(self, producer: Any, batch_bytes: int, at: At) -> None:
        self._producer, self._batch_bytes, self._at = producer, batch_bytes, at

    async def send(self, load: Load) -> Mapping[Line, int | None]:
        """Return the offset of each partition's last record, None where the broker does not know it any more.

        All records are confirmed by all in-sync nodes then. It waits as long as brokers may come back.
        """
        tasks = {line: asyncio.create_task(self._in_order(line, records)) for line, records in load.items()}
        try:
            await asyncio.wait(tasks.values(), return_when=asyncio.FIRST_EXCEPTION)
            for task in tasks.values():
                if task.done() and (error := task.exception()):
                    raise error
            return {line: task.result() for line, task in tasks.items()}
        finally:
            for task in tasks.values():
                task.cancel()
            await asyncio.gather(*tasks.values(), return_exceptions=True)

    async def _in_order(self, line: Line, records: Sequence[Record]) -> int | None:
        """Send one partition's records, a batch only when the one before is confirmed."""
        last: int | None = None
        now = int(system_clock().timestamp() * 1000)
        for batch in batches_of(records, self._batch_bytes, now):
            confirmed = await (await self._producer.send_batch(batch, line.topic, partition=line.partition))
            last = confirmed.offset + batch.record_count() - 1 if confirmed.offset >= 0 else None
            await self._at("batch")
        return last


@asynccontextmanager
async def sending(arguments: Mapping[str, Any], batch_bytes: int, at: At) -> AsyncIterator[Sender]:
    """Run a producer for the length of a block. Raises KafkaError, or TimeoutError when no broker gives it an id.

    After the block nothing is sent: what was on its way has been answered or given up, what still waited is dropped.
    """
    bytearray(_KEPT)
    producer = AIOKafkaProducer(**arguments, enable_idempotence=True, acks="all", max_batch_size=batch_bytes)
    try:
        async with asyncio.timeout(START_SECONDS):
            await producer.start()
        yield Sender(producer, batch_bytes, at)
    finally:
        await _end(producer)


async def _end(producer: Any) -> None:
    """End a producer without sending what waits, which its own `stop` would do, for as long as it takes."""
    producer._closed = True
    try:
        await producer._sender.close()
    finally:
        await producer.client.close()

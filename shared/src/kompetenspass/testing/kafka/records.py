"""What stands in a topic, and what a reader keeps of it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from kompetenspass.log.api import Recorded
from kompetenspass.log.kafka.headers import Carried, Watermark, carried
from kompetenspass.testing.waiting import PATIENCE_SECONDS

_POLL_MILLISECONDS = 50


async def records_of(topic: str, partitions: int, **settings: Any) -> list[list[Any]]:
    """Return the records that each partition of a topic has now, in order. Raises KafkaError, TimeoutError."""
    consumer = AIOKafkaConsumer(auto_offset_reset="none", enable_auto_commit=False, **settings)
    lines = [TopicPartition(topic, number) for number in range(partitions)]
    found: dict[TopicPartition, list[Any]] = {line: [] for line in lines}
    try:
        await consumer.start()
        consumer.assign(lines)
        for line in lines:
            consumer.seek(line, 0)
        ends = await consumer.end_offsets(lines)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while any(len(found[line]) < ends[line] for line in lines):
                for line, some in (await consumer.getmany(timeout_ms=_POLL_MILLISECONDS)).items():
                    found[line] += some
    finally:
        await consumer.stop()
    return [found[line] for line in lines]


def said_in(records: Sequence[Any]) -> list[Carried | Watermark]:
    """Return what the records of one partition of an internal topic say. Raises NotOurs."""
    return [carried(record.value, record.headers) for record in records]


def kept(said: Sequence[Carried | Watermark]) -> list[Recorded]:
    """Return the events that a reader of one partition keeps.

    Raises AssertionError where a watermark has promised what then still came.
    """
    fence, reached, found = 0, 0, list[Recorded]()
    promised = 0
    for one in said:
        if one.fence < fence:
            continue
        fence = one.fence
        if isinstance(one, Watermark):
            promised = max(promised, one.position)
        elif one.recorded.position > reached:
            reached = one.recorded.position
            assert reached > promised, "an event came after the watermark that said it had come"
            found.append(one.recorded)
    return found

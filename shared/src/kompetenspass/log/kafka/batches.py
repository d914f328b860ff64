"""Batches of records as Kafka's brokers take them, in the place of those that aiokafka fills record by record.

Source: Apache Kafka, message format, record batch of version 2.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

from aiokafka.record.util import calc_crc32c

from kompetenspass.log.kafka.records import Record, varint

_BEFORE = struct.Struct(">qiibI")
_CHECKED = struct.Struct(">hiqqqhii")  # with this begins what the checksum is of
_CHECKED_FROM = _BEFORE.size
_ROOM = bytes(_BEFORE.size + _CHECKED.size)
_MAGIC, _NO_LEADER_EPOCH, _NO_ATTRIBUTES = 2, -1, 0
_LENGTH_FOLLOWS = 12  # the base offset and the length itself
_LARGEST_DELTAS = 21  # length, attributes, timestamp and offset of a record, at most


class Batch:
    """Records for one partition, of which there are no more to come; aiokafka's producer asks it as it asks its own."""

    def __init__(self, records: Sequence[Record], now: int) -> None:
        self._times = [now if timestamp is None else timestamp for timestamp, _ in records]
        self._bytes = bytearray().join([_ROOM, *_placed(records, self._times)])
        self._producer = (-1, -1, -1)

    def record_count(self) -> int:
        """Return how many records there are."""
        return len(self._times)

    def size(self) -> int:
        """Return how many bytes it has."""
        return len(self._bytes)

    def closed(self) -> bool:
        """Return that nothing is added to it."""
        return True

    def close(self) -> None:
        """Do nothing: it is closed."""

    def _set_producer_state(self, producer_id: int, producer_epoch: int, base_sequence: int) -> None:
        self._producer = (producer_id, producer_epoch, base_sequence)

    def _build(self) -> bytearray:
        """Return the bytes; of so many of them no more copies are made than must be."""
        count, first, made = len(self._times), self._times[0], self._bytes
        _CHECKED.pack_into(
            made, _CHECKED_FROM, _NO_ATTRIBUTES, count - 1, first, max(self._times), *self._producer, count
        )
        with memoryview(made) as all_of_it:
            checksum = calc_crc32c(all_of_it[_CHECKED_FROM:])
        _BEFORE.pack_into(made, 0, 0, len(made) - _LENGTH_FOLLOWS, _NO_LEADER_EPOCH, _MAGIC, checksum)
        return made


def _placed(records: Sequence[Record], times: Sequence[int]) -> Iterator[bytes]:
    """Yield the records with their lengths, and how far they are from the first: in time, and in offset."""
    first = times[0]
    for offset, ((_, body), time) in enumerate(zip(records, times, strict=True)):
        deltas = b"\0" + varint(time - first) + varint(offset)
        yield varint(len(deltas) + len(body))
        yield deltas
        yield body


def batches_of(records: Sequence[Record], limit: int, now: int) -> Iterator[Batch]:
    """Yield batches as full as `limit` bytes let them be; a record that is larger has one to itself.

    `now`: milliseconds since 1970, for records that have no time of their own.
    """
    waiting, size = list[Record](), len(_ROOM)
    for record in records:
        more = len(record.body) + _LARGEST_DELTAS
        if waiting and size + more > limit:
            yield Batch(waiting, now)
            waiting, size = [], len(_ROOM)
        waiting.append(record)
        size += more
    if waiting:
        yield Batch(waiting, now)

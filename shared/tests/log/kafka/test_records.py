"""Records and batches: byte for byte what aiokafka writes, and the quick way says what the slow one says."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from aiokafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder
from hypothesis import given, settings
from hypothesis import strategies as st

from kompetenspass.core.ids import uuid7
from kompetenspass.events.envelope import Actor, Context, seal
from kompetenspass.events.registry import RoleWithdrawn
from kompetenspass.log.api import Recorded
from kompetenspass.log.kafka.batches import Batch, batches_of
from kompetenspass.log.kafka.headers import Message, internal_message
from kompetenspass.log.kafka.records import Record, internal_record, record_of, varint
from kompetenspass.testing.events import recorded

PLACE: dict[str, Any] = {"source": "https://owner.example", "epoch": UUID(int=14), "fence": 2**40}
MOMENT = datetime(2026, 11, 21, 9, 30, 0, 123456, tzinfo=UTC)
NOW = 1_763_717_400_000
MISLEADING = '"occurred_at":"2020-01-01T00:00:00.000000Z","traceparent":"no","type":"no"'

names = st.text(max_size=20)
messages = st.builds(
    Message,
    key=st.none() | st.binary(max_size=300),
    value=st.binary(max_size=20_000),
    headers=st.lists(st.tuples(names, st.binary(max_size=200)), max_size=5),
    timestamp=st.none() | st.integers(0, 2**45),
)


def by_aiokafka(written: Sequence[Message]) -> bytes:
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, 0, 1 << 30)
    for offset, (key, value, headers, timestamp) in enumerate(written):
        builder.append(offset, NOW if timestamp is None else timestamp, key, value, headers)
    builder.set_producer_state(77, 3, 5)
    return bytes(builder.build())


def by_us(records: Sequence[Record]) -> bytes:
    batch = Batch(records, NOW)
    batch._set_producer_state(77, 3, 5)
    built = bytes(batch._build())
    assert len(built) == batch.size()
    assert built == batch._build()  # as it is sent again
    return built


@given(st.lists(messages, min_size=1, max_size=4))
@settings(deadline=None)
def test_a_batch_is_byte_for_byte_the_one_that_aiokafka_makes(written: list[Message]) -> None:
    assert by_us([record_of(message) for message in written]) == by_aiokafka(written)


@given(st.lists(recorded(), min_size=1, max_size=3))
@settings(deadline=None)
def test_an_event_is_the_record_of_its_message(rows: list[Recorded]) -> None:
    written = [internal_message(row, **PLACE) for row in rows]
    assert by_us([internal_record(row, **PLACE) for row in rows]) == by_aiokafka(written)


@given(st.integers(-(2**62), 2**62))
def test_any_number_is_written_so_that_it_is_read_again(number: int) -> None:
    written, read = varint(number), 0
    for place, byte in enumerate(written):
        read |= (byte & 0x7F) << 7 * place
    assert (read >> 1) ^ -(read & 1) == number
    assert all(byte & 0x80 for byte in written[:-1])


def row_of(data: str) -> Recorded:
    return Recorded(1, "org-a", 1, UUID(int=1), "registry.RoleWithdrawn.v1", MOMENT, data)


def sealed(text: str) -> str:
    event = RoleWithdrawn(org_id=text, role="issuer", withdrawn_from=MOMENT, reason_code=text)
    return seal(uuid7(), event, Context(Actor(text, text), MOMENT, text, text, None, text)).data


def test_texts_that_look_like_members_of_the_envelope_do_not_mislead() -> None:
    row = row_of(sealed(MISLEADING))
    assert internal_record(row, **PLACE) == record_of(internal_message(row, **PLACE))


def test_bytes_that_another_has_written_are_read_all_the_same() -> None:
    members = json.loads(sealed("x"))
    for data in (json.dumps(members, indent=1), json.dumps(dict(reversed(members.items())), separators=(",", ":"))):
        row = row_of(data)
        assert internal_record(row, **PLACE) == record_of(internal_message(row, **PLACE))


@pytest.mark.parametrize("broken", ["", "{}", "[]", sealed("x")[:50]])
def test_broken_bytes_are_refused(broken: str) -> None:
    with pytest.raises(ValueError):
        internal_record(row_of(broken), **PLACE)


@given(st.lists(st.integers(0, 400), max_size=30), st.integers(100, 1000))
@settings(deadline=None)
def test_batches_hold_every_record_in_order_and_no_more_than_they_may(sizes: list[int], limit: int) -> None:
    records = [Record(NOW, record_of(Message(None, b"x" * size, [], NOW)).body) for size in sizes]
    batches = list(batches_of(records, limit, NOW))
    assert sum(batch.record_count() for batch in batches) == len(records)
    assert all(batch.size() <= limit or batch.record_count() == 1 for batch in batches)
    read = [len(record.value or b"") for batch in batches for record in DefaultRecordBatch(batch._build())]
    assert read == sizes

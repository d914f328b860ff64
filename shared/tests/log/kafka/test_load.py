"""What a page becomes: records by partition, in the order of the log, and watermarks behind them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from aiokafka.record.default_records import DefaultRecordBatch

from kompetenspass.core.errors import Problem
from kompetenspass.core.ids import uuid7
from kompetenspass.events.envelope import SYSTEM, Context, seal
from kompetenspass.events.registry import RoleWithdrawn
from kompetenspass.log.api import Recorded
from kompetenspass.log.kafka.batches import batches_of
from kompetenspass.log.kafka.headers import Watermark, carried
from kompetenspass.log.kafka.load import Line, Loading
from kompetenspass.log.kafka.records import Record
from kompetenspass.log.parts import part_of

MOMENT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
LOADING = Loading(internal="in", public="out", partitions=3, source="https://owner.example", epoch=UUID(int=1), fence=4)


def read(records: list[Record]) -> list[Any]:
    """Return what a client of Kafka reads where these records are sent."""
    return [one for batch in batches_of(records, 1 << 20, 0) for one in DefaultRecordBatch(batch._build())]


def row(position: int, stream: str, event_type: str = "") -> Recorded:
    event = RoleWithdrawn(org_id="org:a", role="issuer", withdrawn_from=MOMENT, reason_code="ended")
    draft = seal(uuid7(), event, Context(SYSTEM, MOMENT, "c"))
    return Recorded(position, stream, 1, draft.id, event_type or draft.type, MOMENT, draft.data)


def test_records_stand_in_the_partition_of_their_stream_in_the_order_of_the_log() -> None:
    rows = [row(number, f"org-{number % 10}") for number in range(1, 101)]
    load = LOADING.load(rows)
    for part in range(3):
        wanted = [one.position for one in rows if part_of(one.stream, 3) == part]
        for topic in ("in", "out"):
            sent = [int(dict(one.headers)["ce_position"]) for one in read(load.get(Line(topic, part), []))]
            assert sent == wanted


def test_a_watermark_stands_behind_the_records_of_every_internal_partition() -> None:
    load = LOADING.load([row(9, "org-a")])
    LOADING.mark(load, 9, MOMENT)
    assert {line.partition for line in load if line.topic == "in"} == {0, 1, 2}
    for line, records in load.items():
        if line.topic == "in":
            last = read(records)[-1]
            assert carried(last.value, last.headers) == Watermark(9, UUID(int=1), 4, MOMENT)
    assert len(load[Line("in", part_of("org-a", 3))]) == 2
    assert len(load[Line("out", part_of("org-a", 3))]) == 1


def test_an_event_that_is_not_known_is_not_sent_since_nobody_knows_who_may_see_it() -> None:
    with pytest.raises(Problem, match="relay_event_unreadable") as refused:
        LOADING.load([row(1, "org-a"), row(2, "org-a", "registry.Later.v9")])
    assert refused.value.members == {"position": 2, "type": "registry.Later.v9"}

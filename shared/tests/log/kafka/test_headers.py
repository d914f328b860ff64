"""Events as Kafka records: back without loss, the public part only for the public, and watermarks."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings

from kompetenspass.core.digest import canonical_json
from kompetenspass.events.audiences import reaches
from kompetenspass.events.codec import EVENTS
from kompetenspass.log.api import Recorded
from kompetenspass.log.kafka.headers import (
    WATERMARK,
    Carried,
    NotOurs,
    Watermark,
    carried,
    internal_message,
    public_message,
    watermark_message,
)
from kompetenspass.testing.events import recorded

SOURCE = "https://owner.example"
EPOCH = UUID("0199a2c0-0000-7000-8000-00000000000e")
EXAMPLES = sorted((Path(__file__).parents[4] / "docs" / "generated" / "events" / "examples").glob("*.json"))
MOMENT = datetime(2026, 11, 21, 9, 30, 0, 123456, tzinfo=UTC)


def example(path: Path) -> tuple[Recorded, dict[str, Any]]:
    """Return a committed example as the log holds it, and what each audience gets of it."""
    shown = json.loads(path.read_text("utf-8"))
    internal = shown["internal"]
    row = Recorded(
        int(internal["position"]),
        internal["subject"],
        int(internal["streamversion"]),
        UUID(internal["id"]),
        internal["type"],
        datetime.fromisoformat(internal["recordedtime"]),
        canonical_json(internal["data"]).decode(),
    )
    return row, shown


@pytest.mark.parametrize("path", EXAMPLES, ids=[path.stem for path in EXAMPLES])
def test_every_example_comes_back_as_it_was(path: Path) -> None:
    row, _ = example(path)
    message = internal_message(row, source=SOURCE, epoch=EPOCH, fence=7)
    assert message.key == row.stream.encode()
    assert message.value == row.data.encode()
    assert carried(message.value, message.headers) == Carried(row, EPOCH, 7)


def test_there_is_an_example_of_every_event() -> None:
    assert {path.stem for path in EXAMPLES} == EVENTS.keys()


@given(recorded())
@settings(deadline=None)
def test_any_event_comes_back_as_it_was(row: Recorded) -> None:
    message = internal_message(row, source=SOURCE, epoch=EPOCH, fence=2**40)
    assert carried(message.value, message.headers) == Carried(row, EPOCH, 2**40)
    assert message.timestamp == int(row.recorded.timestamp() * 1000)


@pytest.mark.parametrize("path", EXAMPLES, ids=[path.stem for path in EXAMPLES])
def test_the_public_record_is_what_the_example_shows_to_the_public(path: Path) -> None:
    row, shown = example(path)
    message = public_message(row, source=shown["internal"]["source"])
    assert (message is not None) == reaches(EVENTS[row.type], "public")
    if message is None:
        return
    assert json.loads(message.value) == shown["public"]["data"]
    assert message.key == shown["public"]["partitionkey"].encode()
    attributes = {name.removeprefix("ce_"): value.decode() for name, value in message.headers}
    attributes["datacontenttype"] = attributes.pop("content-type")
    assert attributes == {name: value for name, value in shown["public"].items() if name != "data"}


@pytest.mark.parametrize("ended_at", [MOMENT, None])
def test_a_watermark_comes_back_as_it_was(ended_at: datetime | None) -> None:
    mark = Watermark(5_000_000_000, EPOCH, 3, ended_at)
    message = watermark_message(mark)
    assert (message.key, message.value) == (None, b"")
    assert dict(message.headers)[WATERMARK] == b"5000000000"
    assert carried(message.value, message.headers) == mark


def test_a_watermark_is_no_cloudevent() -> None:
    assert not any(name.startswith("ce_") for name, _ in watermark_message(Watermark(1, EPOCH, 3)).headers)


def test_a_record_of_somebody_else_is_not_taken_for_one_of_ours() -> None:
    row, _ = example(EXAMPLES[0])
    value, headers = internal_message(row, source=SOURCE, epoch=EPOCH, fence=1)[1:3]
    for name in ("epoch", "fence", "ce_type", "ce_position", "ce_subject", "ce_streamversion", "ce_id"):
        with pytest.raises(NotOurs):
            carried(value, [kept for kept in headers if kept[0] != name])
    broken: list[tuple[str, bytes | None]] = [("fence", b"x"), ("epoch", None), ("ce_recordedtime", b"yesterday")]
    for header in [*broken, ("ce_id", b"1")]:
        with pytest.raises(NotOurs):
            carried(value, [*headers, header])
    for no_text in (None, b"\xff"):
        with pytest.raises(NotOurs):
            carried(no_text, headers)
    with pytest.raises(NotOurs):
        carried(b"{}", [])

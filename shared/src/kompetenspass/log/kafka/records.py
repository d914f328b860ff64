"""Records as Kafka stores them, made at once from a row of the log: a relay makes one for every event. Pure.

Going by `internal_message`, and writing its headers one by one, costs three times as much.
Source: Apache Kafka, message format, record batch of version 2: what a record holds behind its two deltas.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

from kompetenspass.core.clock import rfc3339
from kompetenspass.events.cloudevents import JSON, schema_url
from kompetenspass.log.api import Recorded
from kompetenspass.log.kafka.headers import Message, internal_message, milliseconds

_MOMENT = "2026-11-21T09:30:00.000000Z"
_OCCURRED, _TRACE, _NO_TRACE, _TYPE = b'"occurred_at":', b'"traceparent":', b"null", b',"type":"'
_HEADERS = 14  # of an event without a trace
_SHORT = 1 << 14


class Record(NamedTuple):
    """A record without its place in a batch; `timestamp` in milliseconds since 1970, None is when it is sent."""

    timestamp: int | None
    body: bytes


class _Same(NamedTuple):
    """What all events of a type have in common, as it stands between what differs."""

    to_id: bytes
    to_time: bytes
    to_key: bytes
    end: bytes


def varint(number: int) -> bytes:
    """Return a number as Kafka writes it: zigzag, seven bits a byte."""
    return _VARINTS[number] if 0 <= number < _SHORT else _varint(number)


def _varint(number: int) -> bytes:
    left, written = (number << 1) ^ (number >> 63), bytearray()
    while left > 0x7F:
        written.append(left & 0x7F | 0x80)
        left >>= 7
    written.append(left)
    return bytes(written)


_VARINTS = [_varint(number) for number in range(_SHORT)]


def _sized(value: bytes | None) -> bytes:
    return varint(-1) if value is None else varint(len(value)) + value


def record_of(message: Message) -> Record:
    """Return any message as a record."""
    parts = [_sized(message.key), _sized(message.value), varint(len(message.headers))]
    parts += (_sized(name.encode()) + _sized(value) for name, value in message.headers)
    return Record(message.timestamp, b"".join(parts))


def internal_record(recorded: Recorded, *, source: str, epoch: UUID, fence: int) -> Record:
    """Return what `internal_message` is as a record. Raises ValueError."""
    position, stream, version, event_id, event_type, taken, text = recorded
    data = text.encode()
    found = _surroundings(data)
    if found is None:
        return record_of(internal_message(recorded, source=source, epoch=epoch, fence=fence))
    occurred_at, traceparent = found
    same, key = _same(event_type, source, epoch, fence), _sized(stream.encode())
    parts = (
        key,
        varint(len(data)),
        data,
        varint(_HEADERS + bool(traceparent)),
        same.to_id,
        str(event_id).encode(),
        same.to_time,
        occurred_at,
        same.to_key,
        key,
        _POSITION,
        _sized(b"%d" % position),
        _RECORDED,
        rfc3339(taken).encode(),
        _SUBJECT,
        key,
        _VERSION,
        _sized(b"%d" % version),
        _TRACEPARENT + _sized(traceparent) if traceparent else b"",
        same.end,
    )
    return Record(milliseconds(recorded), b"".join(parts))


def _surroundings(data: bytes) -> tuple[bytes, bytes | None] | None:
    """Return when an event happened and in which trace, as its stored bytes have it; None where others wrote them.

    They are canonical JSON: the members stand in the order of their names, and a quotation mark within a text has a
    backslash before it. So the first `"occurred_at":` and the last `"traceparent":` are those of the envelope.
    """
    start, trace, after = data.find(_OCCURRED) + len(_OCCURRED) + 1, data.rfind(_TRACE), data.rfind(_TYPE)
    end, said = start + len(_MOMENT), data[trace + len(_TRACE) : after]
    if not end <= trace < after or data[end - 1 : end + 1] != b'Z"':
        return None
    return data[start:end], None if said == _NO_TRACE else said[1:-1]


def _header(name: str, length: int | None = None) -> bytes:
    """Return a header up to its value, whose length is known or follows."""
    return _sized(name.encode()) + (b"" if length is None else varint(length))


def _headers(said: Sequence[tuple[str, str]]) -> bytes:
    return b"".join(_header(name) + _sized(value.encode()) for name, value in said)


_POSITION, _SUBJECT, _VERSION = _header("ce_position"), _header("ce_subject"), _header("ce_streamversion")
_RECORDED, _TRACEPARENT = _header("ce_recordedtime", len(_MOMENT)), _header("ce_traceparent")


@lru_cache(256)
def _same(event_type: str, source: str, epoch: UUID, fence: int) -> _Same:
    schema = schema_url(source, event_type, "internal")
    return _Same(
        _headers([("ce_specversion", "1.0")]) + _header("ce_id", len(str(epoch))),
        _headers([("ce_source", source), ("ce_type", event_type)]) + _header("ce_time", len(_MOMENT)),
        _headers([("content-type", JSON), ("ce_dataschema", schema)]) + _header("ce_partitionkey"),
        _headers([("epoch", str(epoch)), ("fence", str(fence))]),
    )

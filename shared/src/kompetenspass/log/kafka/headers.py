"""Events as Kafka records and back, without loss, and the watermarks between them.

A record of an internal topic has the stream as its key, the stored bytes as its value, and as headers the attributes of
the CloudEvent: `ce_position`, `ce_recordedtime` and `ce_streamversion` among them. Beside those stand `epoch`, that of
the log, and `fence`: each relay that takes the log over has a larger one. A reader drops, partition by partition, an
event at or below the last position that it has: a relay that begins again sends once more what nobody confirmed. Who
begins somewhere in a partition, behind events that it lacks, drops as well every record whose fence is smaller than one
that it has seen: a relay sent it that did not yet know of its successor. Our own readers begin nowhere else than where
they lack nothing; `window` says why no fence concerns them then.

A watermark says that all events of its partition up to a position stand before it, and, where it has a time, that the
log ended there at that time. It is no event and no CloudEvent: the shorter it is, the more of them there may be. A
record of a public topic is what anyone may see of an event, and nothing else.
Sources: CloudEvents 1.0.2; its binding for Kafka, section 3.2 (binary mode).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

from asyncpg.pgproto import pgproto

from kompetenspass.core.clock import rfc3339
from kompetenspass.events.cloudevents import cloud_event
from kompetenspass.log.api import Recorded

WATERMARK, ENDED = "watermark", "ended"
"""The headers of a watermark beside `epoch` and `fence`: its position, and when the log ended there."""

Headers = list[tuple[str, bytes]]


class NotOurs(ValueError):
    """A record that no relay has sent: a header is missing, or does not hold what it should."""


class Message(NamedTuple):
    """A record to be sent; `timestamp` in milliseconds since 1970 is when the log took the event, None is now."""

    key: bytes | None
    value: bytes
    headers: Headers
    timestamp: int | None


class Carried(NamedTuple):
    """An event as it came by Kafka."""

    recorded: Recorded
    epoch: UUID
    fence: int


@dataclass(frozen=True, slots=True)
class Watermark:
    """All events of the partition up to `position` stand before it; at `ended_at` the log had none after `position`."""

    position: int
    epoch: UUID
    fence: int
    ended_at: datetime | None = None


def internal_message(recorded: Recorded, *, source: str, epoch: UUID, fence: int) -> Message:
    """Return the record of an event for the internal topic; `source`: the base URL of the owner. Raises ValueError."""
    made = cloud_event(recorded, "internal", source=source)
    assert made is not None  # the platform sees every event
    place = [("epoch", str(epoch).encode()), ("fence", b"%d" % fence)]
    return Message(made.key.encode(), made.data, made.kafka_headers() + place, milliseconds(recorded))


def public_message(recorded: Recorded, *, source: str) -> Message | None:
    """Return the record of an event for the public topic, None where it has nothing to show.

    Raises UnknownEventType, or ValueError for broken bytes.
    """
    made = cloud_event(recorded, "public", source=source)
    return Message(made.key.encode(), made.data, made.kafka_headers(), milliseconds(recorded)) if made else None


def milliseconds(recorded: Recorded) -> int:
    """Return when the log took an event, in milliseconds since 1970."""
    return int(recorded.recorded.timestamp() * 1000)


def watermark_message(mark: Watermark) -> Message:
    """Return the record of a watermark: headers, without key and value."""
    said = {WATERMARK: str(mark.position), "epoch": str(mark.epoch), "fence": str(mark.fence)}
    if mark.ended_at is not None:
        said[ENDED] = rfc3339(mark.ended_at)
    return Message(None, b"", [(name, value.encode()) for name, value in said.items()], None)


def carried(value: bytes | None, headers: Sequence[tuple[str, bytes | None]]) -> Carried | Watermark:
    """Return what a record of an internal topic says. Raises NotOurs, which does not show it."""
    said: dict[str, Any] = dict(headers)
    try:
        place = _place(said["epoch"], said["fence"])
        if WATERMARK in said:
            ended_at = datetime.fromisoformat(said[ENDED].decode()) if ENDED in said else None
            return Watermark(int(said[WATERMARK]), *place, ended_at)
        return Carried(_recorded(said, value), *place)
    except (AttributeError, KeyError, TypeError, ValueError) as error:  # the first and the third for what is None
        raise NotOurs("a record that no relay has sent") from error


@lru_cache(256)
def _place(epoch: bytes, fence: bytes) -> tuple[UUID, int]:
    """Return what is the same for all records of one relay."""
    return UUID(epoch.decode()), int(fence)


def _recorded(said: dict[str, Any], value: Any) -> Recorded:
    """Return the event. A reader does this for every event of a log: hence the id by asyncpg, which makes it in C."""
    return Recorded(
        int(said["ce_position"]),
        said["ce_subject"].decode(),
        int(said["ce_streamversion"]),
        pgproto.UUID(said["ce_id"].decode()),
        said["ce_type"].decode(),
        datetime.fromisoformat(said["ce_recordedtime"].decode()),
        value.decode(),
    )

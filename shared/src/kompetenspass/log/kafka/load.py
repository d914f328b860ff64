"""What a page of a log becomes: for each partition of each topic its records, in the order of the log. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from kompetenspass.core.errors import Kind, Problem
from kompetenspass.events.codec import UnknownEventType
from kompetenspass.log.api import Recorded
from kompetenspass.log.kafka.headers import Watermark, public_message, watermark_message
from kompetenspass.log.kafka.records import Record, internal_record, record_of
from kompetenspass.log.parts import part_of


class Line(NamedTuple):
    """One partition of one topic."""

    topic: str
    partition: int


Load = dict[Line, list[Record]]


@dataclass(frozen=True, slots=True)
class Loading:
    """Makes loads of one log for one holder of its lease; `public` is None where the owner has nothing public."""

    internal: str
    public: str | None
    partitions: int
    source: str
    epoch: UUID
    fence: int

    def load(self, rows: Sequence[Recorded]) -> Load:
        """Return the records of some rows. Raises Problem `relay_event_unreadable`, which stops the relay."""
        inside, shown = defaultdict[int, list[Record]](list), defaultdict[int, list[Record]](list)
        for row in rows:
            try:
                record = internal_record(row, source=self.source, epoch=self.epoch, fence=self.fence)
                inside[part_of(row.stream, self.partitions)].append(record)
                if self.public and (message := public_message(row, source=self.source)) and message.key is not None:
                    shown[part_of(message.key.decode(), self.partitions)].append(record_of(message))
            except (UnknownEventType, ValueError) as error:
                raise _unreadable(row) from error
        made = {Line(self.internal, partition): records for partition, records in inside.items()}
        return made | {Line(self.public or "", partition): records for partition, records in shown.items()}

    def mark(self, load: Load, position: int, ended_at: datetime | None) -> None:
        """Add a watermark to each partition of the internal topic."""
        record = record_of(watermark_message(Watermark(position, self.epoch, self.fence, ended_at)))
        for partition in range(self.partitions):
            load.setdefault(Line(self.internal, partition), []).append(record)


def _unreadable(row: Recorded) -> Problem:
    return Problem(
        "relay_event_unreadable",
        "The relay does not know what an event of the log holds, and so not who may see it.",
        kind=Kind.CONFLICT,
        remedy="Run the version of the platform that the service runs; if it does, verify the log.",
        members={"position": row.position, "type": row.type},
    )

"""What has arrived in a topic, as a reader by the rules of the relay sees it, and as one that goes by event ids."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from bench.of_relay.ground import SHAPE, TOPIC
from bench.report import Condition
from kompetenspass.log.api import Recorded
from kompetenspass.log.kafka.headers import Carried
from kompetenspass.testing.kafka.records import kept, records_of, said_in


@dataclass
class Arrived:
    """Counts over all partitions. `doubled`: events that a reader by the rules would take twice."""

    sent: int = 0
    kept: int = 0
    doubled: int = 0
    reordered: int = 0
    ids: set[UUID] = field(default_factory=set)

    def conditions(self, size: int, how: str) -> list[Condition]:
        """Return what must hold when `size` events were sent."""
        again = f"{self.sent - size:,} were sent again"
        return [
            Condition(f"{how}: no event is lost", len(self.ids) == self.kept == size, f"{len(self.ids):,} of {size:,}"),
            Condition(f"{how}: none is doubled for a reader", self.doubled == 0, f"{self.doubled}; {again}"),
            Condition(f"{how}: the order of each stream is kept", self.reordered == 0, f"{self.reordered} not"),
        ]


async def arrived(bootstrap: str) -> Arrived:
    """Return what the topic holds now."""
    found = Arrived()
    for records in await records_of(TOPIC, SHAPE.partitions, bootstrap_servers=bootstrap):
        said, versions = said_in(records), dict[str, int]()
        found.sent += sum(isinstance(one, Carried) for one in said)
        for row in kept(said):
            _look(row, found, versions)
    return found


def _look(row: Recorded, found: Arrived, versions: dict[str, int]) -> None:
    found.kept += 1
    found.doubled += row.id in found.ids
    found.reordered += row.version != versions.get(row.stream, 0) + 1
    found.ids.add(row.id)
    versions[row.stream] = row.version

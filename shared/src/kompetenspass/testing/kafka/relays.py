"""A model of relays and of one partition that they fill: they crash anywhere, and some learn late of a successor."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from hypothesis import strategies as st

from kompetenspass.log.api import Recorded
from kompetenspass.log.kafka.window import Entry
from kompetenspass.testing.clock import NOON

EPOCH = UUID(int=7)
PAGE = 6
SLOTS = 3

Action = tuple[str, int, int]
"""What happens, to which of the relays, and how much of it."""

actions: st.SearchStrategy[list[Action]] = st.lists(
    st.tuples(
        st.sampled_from(["append", "take", "load", "send", "send", "confirm", "confirm"]),
        st.integers(0, SLOTS - 1),
        st.integers(1, 9),
    ),
    max_size=120,
)


def event(position: int) -> Recorded:
    """Return the event at a position of the model's log."""
    return Recorded(position, f"s-{position % 3}", position, UUID(int=position), "t", NOON, "{}")


@dataclass
class _Relay:
    fence: int
    position: int
    load: list[Entry] = field(default_factory=list)
    until: int = 0
    busy: bool = False
    ahead: tuple[int, bool] | None = None


@dataclass
class Partition:
    """One partition of a topic, `records`; every third position of the log is of another partition."""

    records: list[Entry] = field(default_factory=list)
    head: int = 0
    position: int = 0
    fence: int = 0
    relays: dict[int, _Relay] = field(default_factory=dict)

    @property
    def events(self) -> Sequence[Recorded]:
        """What belongs into the partition by now."""
        return [event(position) for position in range(1, self.head + 1) if position % 3]

    def act(self, action: Action) -> None:
        """Let something happen, if it can."""
        name, slot, amount = action
        if name == "append":
            self.head += amount
        elif name == "take":
            self.fence += 1
            self.relays[slot] = _Relay(self.fence, self.position)
        elif slot in self.relays:
            getattr(self, f"_{name}")(self.relays[slot], amount)

    def finish(self) -> None:
        """Let one more relay send all that is left; then the log rests, and is marked twice more."""
        rounds = 3 + self.head // PAGE
        for action in [("take", 0, 1), *[("load", 0, 1), ("send", 0, 2 * PAGE), ("confirm", 0, 1)] * rounds]:
            self.act(action)

    def _load(self, relay: _Relay, amount: int) -> None:
        """A page of the log: only for who has the lease. Some have no watermark. After a full one it has read ahead."""
        if relay.busy or relay.fence != self.fence:
            return
        until, is_full = relay.ahead or self._read(relay.position)
        relay.ahead = self._read(until) if is_full else None
        rows = [event(position) for position in range(relay.position + 1, until + 1) if position % 3]
        ended_at = None if is_full else NOON
        relay.load = [_entry(relay.fence, row.position, row) for row in rows]
        if amount % 3 or not rows:
            relay.load.append(_entry(relay.fence, until, None, ended_at))
        relay.until, relay.busy = until, True

    def _read(self, after: int) -> tuple[int, bool]:
        until = min(self.head, after + PAGE)
        return until, until == after + PAGE

    def _send(self, relay: _Relay, amount: int) -> None:
        """Records of the page arrive, even from a relay that is over."""
        arrived, relay.load = relay.load[:amount], relay.load[amount:]
        self.records += [entry._replace(offset=len(self.records) + n) for n, entry in enumerate(arrived)]

    def _confirm(self, relay: _Relay, _amount: int) -> None:
        """The page was confirmed whole: the cursor moves, unless another has the lease."""
        if not relay.busy or relay.load:
            return
        relay.busy = False
        if relay.fence == self.fence:
            relay.position = self.position = relay.until


def _entry(fence: int, position: int, row: Recorded | None, ended_at: datetime | None = None) -> Entry:
    return Entry(0, position, EPOCH, fence, row, ended_at)


def played(happened: Iterable[Action]) -> Partition:
    """Return a partition after some actions, finished."""
    partition = Partition()
    for action in happened:
        partition.act(action)
    partition.finish()
    return partition

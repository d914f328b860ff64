"""A stretch of one partition as it was read: what a reader gets of it after its cursor. Pure.

The one rule that a cursor keeps: every event of the partition that stands before its offset has a position that is not
above its own. So a reader takes an event if its position is above all that it has, and drops it otherwise:

- A relay sends a partition's events in order and one after the other, from where all before was confirmed. So whichever
  relay an event came from, all before it in the partition stand before it: none is lost, and a repeat is dropped.
- The same holds for a relay that was slow to learn of its successor: what it sends is what the log has, and comes after
  its own. Its fence is smaller, and need not be looked at: neither for events nor for watermarks. It would have to be
  by a reader that began anywhere in the partition, behind events that it lacks; `places` lets nobody begin there.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import islice
from operator import attrgetter
from typing import Any, NamedTuple
from uuid import UUID

from kompetenspass.log.api import Cursor, LogDiffers, Page, Recorded
from kompetenspass.log.kafka.headers import Carried, carried

BEHIND = 1000
"""How many records are kept for readers that come a little later."""

AHEAD = 1000
"""How many records may wait for the reader that is furthest; more are not asked for."""

ENDED = timedelta(seconds=12)
"""For how long a watermark's word that the log ended there is passed on: one comes every ten seconds at the least."""

SKEW = timedelta(seconds=3)
"""How far the relay's clock may be ahead of the reader's."""


class Entry(NamedTuple):
    """A record and its offset. Without `recorded` it is a watermark, and `ended_at` is when the log ended there."""

    offset: int
    position: int
    epoch: UUID
    fence: int
    recorded: Recorded | None
    ended_at: datetime | None


def entry_of(record: Any) -> Entry:
    """Return what a consumer's record says. Raises NotOurs."""
    said = carried(record.value, record.headers)
    if isinstance(said, Carried):
        recorded, epoch, fence = said
        return Entry(record.offset, recorded.position, epoch, fence, recorded, None)
    return Entry(record.offset, said.position, said.epoch, said.fence, None, said.ended_at)


_offset = attrgetter("offset")


class Window:
    """Records of a partition from `start` to before `next`, as far as they are remembered."""

    def __init__(self, start: int) -> None:
        self.start = self.next = self._wanted = start
        self._entries: list[Entry] = []

    @property
    def is_full(self) -> bool:
        """Whether so much waits for its readers that no more should be read."""
        return len(self._entries) - self._index(self._wanted) >= AHEAD

    @property
    def newest(self) -> Entry | None:
        """The last record, if one is remembered."""
        return self._entries[-1] if self._entries else None

    def add(self, entries: Iterable[Entry]) -> None:
        """Add records that follow, and forget those that are far behind what was asked for."""
        self._entries += entries
        if self._entries:
            self.next = self._entries[-1].offset + 1
        surplus = self._index(self._wanted) - BEHIND
        if surplus > 0:
            del self._entries[:surplus]
            self.start = self._entries[0].offset

    def page(self, cursor: Cursor, limit: int, now: datetime) -> Page:
        """Return what follows a cursor whose offset stands in the window. Raises LogDiffers.

        It has `ended` if the newest record is a watermark by which the log ended at its position not long ago; one from
        the future, of a relay whose clock is wrong, says nothing.
        """
        assert cursor.offset is not None  # whoever asks has found the place
        first = self._index(cursor.offset)
        if first:
            _check(self._entries[first - 1], cursor)
        rows, after = _followed(islice(self._entries, first, None), cursor, limit)
        assert after.offset is not None  # as above
        self._wanted = max(self._wanted, after.offset)
        ended_at = self._ended_at(after.position) if after.offset == self.next else None
        if ended_at is None or not now - ENDED <= ended_at <= now + SKEW:
            return Page(rows, after, ended=False)
        return Page(rows, after, ended=True, ended_at=ended_at)

    def _ended_at(self, position: int) -> datetime | None:
        last = self.newest
        return last.ended_at if last is not None and last.position >= position else None

    def _index(self, offset: int) -> int:
        return bisect_left(self._entries, offset, key=_offset)


def _check(before: Entry, cursor: Cursor) -> None:
    """Raise LogDiffers unless what stands before a cursor may have been read by whoever stored it."""
    if before.epoch != cursor.epoch:
        raise LogDiffers("log_has_another_epoch")
    if before.position > cursor.position or _contradicts(before, cursor):
        raise LogDiffers("log_has_another_event")


def _contradicts(entry: Entry, cursor: Cursor) -> bool:
    """Return whether at the cursor's position there is another event than the one that was read there."""
    known, row = cursor.event_id, entry.recorded
    return known is not None and row is not None and row.position == cursor.position and row.id != known


def _followed(entries: Iterable[Entry], cursor: Cursor, limit: int) -> tuple[Sequence[Recorded], Cursor]:
    """Return the events that are new after a cursor, at most `limit`, and the cursor after them."""
    rows: list[Recorded] = []
    epoch, position, event_id, offset = cursor.epoch, cursor.position, cursor.event_id, cursor.offset
    for entry in entries:
        its_offset, its_position, its_epoch, _, row, _ = entry
        if its_epoch is not epoch:
            if its_epoch != epoch:
                raise LogDiffers("log_has_another_epoch")
            epoch = its_epoch  # the same one for all that are read
        offset = its_offset + 1
        if its_position <= position:
            if _contradicts(entry, cursor):
                raise LogDiffers("log_has_another_event")
        elif row is None:
            position, event_id = its_position, None
        else:
            position, event_id = its_position, row.id
            rows.append(row)
            if len(rows) == limit:
                break
    return rows, Cursor(epoch, position, event_id, offset)

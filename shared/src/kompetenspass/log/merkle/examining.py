"""Examining rows one by one against what is known of them, and saying in which way the first wrong one is wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal
from uuid import UUID

from kompetenspass.log.api import Recorded
from kompetenspass.log.merkle.tree import Frontier, row_hash

Way = Literal["changed", "removed", "inserted", "reordered", "disagreeing"]
KnownLeaf = Callable[[int], bytes | None]
KnownIds = Mapping[UUID, tuple[int, bytes]]
_REACH = 100_000  # positions that a row is looked for in, when it is not at its own


@dataclass(frozen=True, slots=True)
class Wrong:
    """The first position that is not as it was, in which way, and how it shows. No word of the row itself.

    `by_leaf`: another row stands there than the one whose hash is known; `way_of` says more about it.
    """

    position: int
    way: Way
    shows: str
    by_leaf: bool = False

    def __str__(self) -> str:
        """Return the sentence that is printed."""
        return f"position {self.position}: {self.way} ({self.shows})"


class Examination:
    """Takes the rows of a log in order. `roots`: what checkpoints say of the tree's root at some sizes."""

    def __init__(self, known: KnownLeaf, known_size: int, roots: Mapping[int, Set[bytes]]) -> None:
        self._known = known
        self._known_size = known_size
        self._roots = roots
        self._tree = Frontier()
        self._streams: dict[str, tuple[int, int]] = {}

    @property
    def size(self) -> int:
        """How many rows were taken, which is the last one's position."""
        return self._tree.size

    def take(self, row: Recorded, ids: KnownIds | None) -> Wrong | None:
        """Return what is wrong with the next row, or None. `ids`: what `log_id` has, None where it is not at hand."""
        position = self._tree.size + 1
        if row.position > position:
            return Wrong(position, "removed", f"the next row stands at {row.position}")
        if row.position < position:
            return Wrong(position, "inserted", f"a row for position {row.position} follows position {position - 1}")
        leaf, known = row_hash(row), self._known(position)
        if known is not None and leaf != known:
            return Wrong(position, "changed", "the row is not the one whose hash is known", by_leaf=True)
        self._tree.append(leaf)
        return self._version_wrong(row) or self._id_wrong(row, ids) or self._root_wrong()

    def ended(self) -> Wrong | None:
        """Return what is wrong if there are no more rows."""
        if self.size < self._known_size:
            return Wrong(self.size + 1, "removed", "the log ends before it")
        return None

    def unlisted_wrong(self) -> Wrong | None:
        """Return the first event of the streams that `stream_wrong` was not asked about: `log_stream` has none such."""
        position = min((position for _, position in self._streams.values()), default=None)
        return None if position is None else Wrong(position, "inserted", "log_stream does not know its stream")

    def stream_wrong(self, stream: str, version: int) -> Wrong | None:
        """Return what is wrong if the table `log_stream` has this version of a stream; each is asked about once."""
        found, position = self._streams.pop(stream, (0, self.size))
        if found == version:
            return None
        way: Way = "removed" if found < version else "inserted"
        return Wrong(position, way, f"the last of its stream has version {found}, log_stream says {version}")

    def _version_wrong(self, row: Recorded) -> Wrong | None:
        last, _ = self._streams.get(row.stream, (0, 0))
        self._streams[row.stream] = (row.version, row.position)
        if row.version == last + 1:
            return None
        way: Way = "removed" if row.version > last else "inserted"
        return Wrong(row.position, way, f"version {row.version} of its stream follows version {last}")

    def _id_wrong(self, row: Recorded, ids: KnownIds | None) -> Wrong | None:
        if ids is None:
            return None
        if row.id not in ids:
            return Wrong(row.position, "inserted", "log_id does not know the event")
        position, digest = ids[row.id]
        if position != row.position:
            return Wrong(row.position, "reordered", f"log_id has the event at position {position}")
        if digest != sha256(row.data.encode()).digest():
            return Wrong(row.position, "changed", "log_id has another digest of the data")
        return None

    def _root_wrong(self) -> Wrong | None:
        signed = self._roots.get(self.size)
        if signed is None or signed == {self._tree.root()}:
            return None
        return Wrong(self.size, "disagreeing", f"a checkpoint of {self.size} events has another root than these rows")


def way_of(window: Sequence[Recorded], known: KnownLeaf) -> Wrong:
    """Return in which way the first row of a window is not the one whose hash is known.

    The rows are hashed as if they stood elsewhere, and as if their streams had a row more or less: what then has a
    known hash was moved from there. What fits nowhere was changed.
    """
    first, place = window[0], window[0].position
    stands_at = next((row.position for row in window[1:] if _was(row, place, known(place))), None)
    was_at = next((q for q in range(place + 1, place + _REACH) if _was(first, q, known(q))), None)
    if stands_at and was_at:
        return Wrong(place, "reordered", f"its row stands at {stands_at}, that of {was_at} in its place")
    if stands_at:
        return Wrong(place, "inserted", f"its row stands at {stands_at}")
    if was_at is None:
        return Wrong(place, "changed", "the row is not the one whose hash is known, and fits nowhere else")
    if len(window) > 1 and row_hash(window[1]) == known(place + 1):
        return Wrong(place, "reordered", f"the row of {was_at} stands in its place")
    return Wrong(place, "removed", f"the row of {was_at} stands in its place, and what follows it has moved up")


def _was(row: Recorded, position: int, leaf: bytes | None) -> bool:
    """Return whether a hash is a row's, had it stood at a position, whatever was renumbered in its stream."""
    if leaf is None:
        return False
    versions = (row.version, row.version + 1, row.version - 1)
    return any(row_hash(row._replace(position=position, version=version)) == leaf for version in versions)

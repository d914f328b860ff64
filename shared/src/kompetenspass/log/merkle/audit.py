"""The audit: keep what a log says of itself, and later hold its rows against what was kept.

What was kept is the auditor's own: whoever owns the database can make tiles and checkpoints anew, but not these.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Protocol
from uuid import UUID

from kompetenspass.log.api import Recorded
from kompetenspass.log.merkle.checkpointing import epoch_of
from kompetenspass.log.merkle.examining import Examination, Wrong, way_of
from kompetenspass.log.merkle.kept import Kept
from kompetenspass.log.merkle.note import Checkpoint, NoteRefused, Verifier, verified_checkpoint
from kompetenspass.log.merkle.rows import LogTables, Rows
from kompetenspass.log.merkle.tiles import WIDTH, Place, Tile, edge, grown, root, width_in
from kompetenspass.log.merkle.tree import HASH_BYTES


class Served(Protocol):
    """Where a log's checkpoint and tiles come from: its public addresses, or its own tables."""

    async def checkpoint(self) -> bytes:
        """Return the newest signed checkpoint. Raises Problem."""

    async def tile(self, tile: Tile) -> bytes:
        """Return the hashes of a tile. Raises Problem."""


@dataclass(frozen=True, slots=True)
class Newest:
    """What a log serves beyond what was kept: its checkpoint, and the leaf tiles from there on by index."""

    checkpoint: Checkpoint
    leaves: Mapping[int, bytes] = field(default_factory=dict)

    def leaf(self, position: int) -> bytes | None:
        """Return the hash of the leaf at a position, None for one that is not at hand."""
        index, at = divmod(position - 1, WIDTH)
        return self.leaves.get(index, b"")[at * HASH_BYTES : (at + 1) * HASH_BYTES] or None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an audit found: the first wrong position if there is one, how far was looked, and what to tell besides."""

    wrong: Wrong | None
    size: int
    remarks: tuple[str, ...] = ()


async def keep(served: Served, kept: Kept) -> Outcome:
    """Keep the newest checkpoint and the tiles up to it, if it continues what was kept.

    Returns the first position that the log itself now says otherwise of; nothing is kept then.
    Raises NoteRefused for a checkpoint that is not the log's, FolderBroken, Problem.
    """
    signed = await served.checkpoint()
    checkpoint = _of_log(signed, kept.verifier)
    remarks = _restored([*kept.checkpoints, checkpoint], kept.verifier)
    tiles = await _fetched(served, kept, checkpoint.size)
    if tiles is None or root(tiles, checkpoint.size) != checkpoint.root:
        return Outcome(await _first_difference(served, kept, checkpoint), kept.size, remarks)
    kept.write_checkpoint(checkpoint, signed)
    return Outcome(None, kept.size, remarks)


async def newest(served: Served, kept: Kept) -> Newest:
    """Return what a log serves beyond what was kept. Raises NoteRefused, Problem."""
    checkpoint = _of_log(await served.checkpoint(), kept.verifier)
    return Newest(checkpoint, {tile.index: await served.tile(tile) for tile in _leaf_tiles(kept.size, checkpoint.size)})


async def verify(parts: Sequence[Rows], tables: LogTables | None, kept: Kept, beyond: Newest | None = None) -> Outcome:
    """Hold the rows of a log, in parts that follow each other, against what was kept of it.

    `tables`: where `log_id` and `log_stream` are looked up, None for exported files alone. `beyond`: what the log
    serves itself, which speaks for the rows that were not kept. Raises FolderBroken.
    """
    listed = [*kept.checkpoints, *([beyond.checkpoint] if beyond else [])]
    remarks = _restored(listed, kept.verifier)
    kept.edge()

    def known(position: int) -> bytes | None:
        return kept.leaf(position) or (beyond.leaf(position) if beyond else None)

    roots: dict[int, set[bytes]] = {}
    for checkpoint in listed:
        roots.setdefault(checkpoint.size, set()).add(checkpoint.root)
    size = max(kept.size, beyond.checkpoint.size if beyond else 0)
    examination = Examination(known, size, roots)
    pages = _pages(parts)
    wrong = None
    async for page in pages:
        if found := await _examined(examination, page, tables):
            at, wrong = found
            if wrong.by_leaf:
                wrong = way_of([*page[at:], *(await anext(pages, None) or ())], known)
            break
    wrong = wrong or examination.ended() or await _tables_wrong(examination, tables)
    return Outcome(wrong, examination.size, (*remarks, *_unknown(examination.size, size)))


async def _examined(
    examination: Examination, page: Sequence[Recorded], tables: LogTables | None
) -> tuple[int, Wrong] | None:
    """Return which row of a page is wrong, and what is wrong with it."""
    ids = await tables.known([row.id for row in page]) if tables else None
    for at, row in enumerate(page):
        if wrong := examination.take(row, ids):
            return at, wrong
    return None


async def _pages(parts: Sequence[Rows]) -> AsyncIterator[Sequence[Recorded]]:
    last = 0
    for part in parts:
        async for page in part.pages(last):
            last = page[-1].position
            yield page


async def _tables_wrong(examination: Examination, tables: LogTables | None) -> Wrong | None:
    """Return where the tables have more than rows that are well themselves, or say otherwise of them."""
    if tables is None:
        return None
    if (position := await tables.first_before_base()) is not None:
        return Wrong(position, "inserted", "it stands before the beginning of the log")
    if (position := await tables.first_without_row(examination.size)) is not None:
        return Wrong(position, "removed", "log_id knows an event that the log has not")
    wrong = [found async for each in tables.streams() if (found := examination.stream_wrong(*each))]
    if unlisted := examination.unlisted_wrong():
        wrong.append(unlisted)
    return min(wrong, key=lambda each: each.position, default=None)


async def _fetched(served: Served, kept: Kept, size: int) -> Mapping[Place, bytes] | None:
    """Write the tiles between what was kept and a size; return the partial ones at that size.

    Returns None where they do not continue what was kept.
    """
    partial, at = kept.edge(), kept.size
    if size < at:
        return None
    for tile in _leaf_tiles(kept.size, size):
        hashes = await served.tile(tile)
        skipped = at - tile.index * WIDTH
        if partial.get((0, tile.index), b"") != hashes[: skipped * HASH_BYTES]:
            return None
        added = [hashes[n * HASH_BYTES : (n + 1) * HASH_BYTES] for n in range(skipped, tile.width)]
        changed = grown(partial, at, added)
        kept.write_tiles({place: hashes for place, hashes in changed.items() if len(hashes) == WIDTH * HASH_BYTES})
        at += len(added)
        partial = {place: (partial | changed)[place] for place in edge(at)}
    kept.write_tiles(partial)
    return partial


async def _first_difference(served: Served, kept: Kept, checkpoint: Checkpoint) -> Wrong:
    """Return the first position that the log now says otherwise of than what was kept, by its tiles and checkpoint."""
    for tile in _leaf_tiles(0, min(kept.size, checkpoint.size)):
        theirs, first = await served.tile(tile), tile.index * WIDTH + 1
        for position in range(first, first + tile.width):
            if kept.leaf(position) != theirs[(position - first) * HASH_BYTES :][:HASH_BYTES]:
                return Wrong(position, "changed", "the log serves another leaf hash than the one that was kept")
    if checkpoint.size < kept.size:
        return Wrong(checkpoint.size + 1, "removed", "the log's checkpoint ends before it")
    return Wrong(checkpoint.size, "disagreeing", "the log's checkpoint has another root than its tiles")


def _leaf_tiles(start: int, size: int) -> Sequence[Tile]:
    """Return the level 0 tiles with leaves from `start` on in a tree of a size."""
    if start >= size:
        return []
    return [Tile(0, index, width_in((0, index), size)) for index in range(start // WIDTH, (size - 1) // WIDTH + 1)]


def _of_log(signed: bytes, verifier: Verifier) -> Checkpoint:
    checkpoint = verified_checkpoint(signed, [verifier])
    _epoch(checkpoint, verifier)
    return checkpoint


def _epoch(checkpoint: Checkpoint, verifier: Verifier) -> UUID:
    try:
        return epoch_of(checkpoint.origin, verifier.name)
    except ValueError as error:
        raise NoteRefused("a checkpoint of another log") from error


def _restored(checkpoints: Sequence[Checkpoint], verifier: Verifier) -> tuple[str, ...]:
    """Return a line for each change of the epoch: the log was restored from a backup."""
    return tuple(
        f"the log was restored between {before.size} and {after.size} events: its epoch is {_epoch(after, verifier)}"
        for before, after in pairwise(checkpoints)
        if before.origin != after.origin
    )


def _unknown(looked: int, known: int) -> tuple[str, ...]:
    return (f"the last {looked - known} events are in no checkpoint yet",) if looked > known else ()

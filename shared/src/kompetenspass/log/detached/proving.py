"""That rows are leaves of the signed tree: each complete subtree over them is proven up to the checkpoint's root."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

import asyncpg

from kompetenspass.core.errors import Kind, Problem
from kompetenspass.log.merkle.note import Checkpoint, NoteRefused, Verifier, verified_checkpoint
from kompetenspass.log.merkle.tiles import Place, places_of, range_hash
from kompetenspass.log.merkle.tree import Frontier, Node, NotProven, Range, inclusion_ranges, verify_inclusion
from kompetenspass.log.partitions import named


class Subtrees:
    """Takes the leaf hashes of a range in order; has the roots of the complete subtrees that it falls into."""

    def __init__(self, leaves: Range) -> None:
        self.roots: dict[Node, bytes] = {}
        self._nodes = complete(leaves)
        self._node = next(self._nodes, None)
        self._tree = Frontier()

    def append(self, leaf: bytes) -> None:
        """Add the next leaf."""
        self._tree.append(leaf)
        if self._node is not None and self._tree.size == 1 << self._node[0]:
            self.roots[self._node] = self._tree.root()
            self._node, self._tree = next(self._nodes, None), Frontier()


def complete(leaves: Range) -> Iterator[Node]:
    """Yield the largest complete subtrees of any tree that a range falls into, wherever it begins."""
    start, end = leaves
    while start < end:
        level = (end - start).bit_length() - 1
        if start:
            level = min(level, (start & -start).bit_length() - 1)
        yield level, start >> level
        start += 1 << level


class SignedTree:
    """The tree of an owner's log as its tables have it, under the newest checkpoint."""

    def __init__(self, connection: asyncpg.Connection, owner: str, verifier: Verifier) -> None:
        self._connection = connection
        self._schema = named(owner)
        self._verifier = verifier

    async def checkpoint(self, last: int) -> Checkpoint:
        """Return the newest checkpoint. Raises Problem `not_in_checkpoint` unless it goes beyond a position."""
        try:
            text = await self._connection.fetchval(f"SELECT checkpoint FROM {self._schema}.merkle_tree")  # noqa: S608  ours
            checkpoint = verified_checkpoint((text or "").encode(), [self._verifier])
        except (asyncpg.UndefinedTableError, NoteRefused) as error:
            raise _uncovered(last) from error
        if checkpoint.size <= last:
            raise _uncovered(last)
        return checkpoint

    async def prove(self, roots: Mapping[Node, bytes], last: int) -> None:
        """Return if all these subtrees lead to the checkpoint's root. Raises Problem `not_in_checkpoint`,
        `rows_differ_from_tree`."""
        checkpoint = await self.checkpoint(last)
        for (level, number), root in roots.items():
            start = number << level
            path = inclusion_ranges(start, checkpoint.size)[level:]
            tiles = await self._tiles(places_of(path))
            try:
                proof = [range_hash(tiles, each) for each in path]
                verify_inclusion(root, number, (checkpoint.size - 1 >> level) + 1, proof, checkpoint.root)
            except (NotProven, KeyError, ValueError) as error:
                raise _differ(start + 1, start + (1 << level)) from error

    async def _tiles(self, places: Collection[Place]) -> dict[Place, bytes]:
        query = (
            f"SELECT level, index, hashes FROM {self._schema}.merkle_tiles "  # noqa: S608  checked name
            "WHERE (level, index) IN (SELECT * FROM unnest($1::smallint[], $2::bigint[]))"
        )
        asked = [level for level, _ in places], [index for _, index in places]
        rows = await self._connection.fetch(query, *asked)
        return {(level, index): bytes(hashes) for level, index, hashes in rows}


def _uncovered(last: int) -> Problem:
    return Problem(
        "not_in_checkpoint",
        f"No signed checkpoint of this log goes beyond position {last}.",
        kind=Kind.CONFLICT,
        remedy="Wait for the next one, which the running service makes each minute; then try again.",
    )


def _differ(first: int, last: int) -> Problem:
    return Problem(
        "rows_differ_from_tree",
        f"The rows from {first} to {last} are not those that the signed tree was made from.",
        kind=Kind.CONFLICT,
        remedy="Nothing was detached. Run `audit verify`: somebody has changed the log.",
    )

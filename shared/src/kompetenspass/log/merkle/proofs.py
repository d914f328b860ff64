"""Proofs from tiles: that a row is in the tree, and that a tree begins with an earlier one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from kompetenspass.core.errors import Problem, not_found
from kompetenspass.log.merkle.note import to_base64
from kompetenspass.log.merkle.tiles import Place, Tiles, places_of, range_hash
from kompetenspass.log.merkle.tree import Range, consistency_ranges, inclusion_ranges

ReadTiles = Callable[[Collection[Place]], Awaitable[Mapping[Place, bytes]]]


@dataclass(frozen=True, slots=True)
class Inclusion:
    """That the row at `position` is leaf `position - 1` of the tree with `size` leaves and that root."""

    position: int
    size: int
    leaf: bytes
    root: bytes
    proof: tuple[bytes, ...]

    def as_json(self) -> dict[str, Any]:
        """Return it for a machine; hashes in base64 as checkpoints have them."""
        return {
            "position": self.position,
            "leaf_index": self.position - 1,
            "size": self.size,
            "leaf_hash": to_base64(self.leaf),
            "root": to_base64(self.root),
            "proof": [to_base64(each) for each in self.proof],
        }


@dataclass(frozen=True, slots=True)
class Consistency:
    """That the tree of `second` leaves begins with the tree of `first` leaves."""

    first: int
    second: int
    first_root: bytes
    second_root: bytes
    proof: tuple[bytes, ...]

    def as_json(self) -> dict[str, Any]:
        """Return it for a machine; hashes in base64 as checkpoints have them."""
        return {
            "from": self.first,
            "to": self.second,
            "from_root": to_base64(self.first_root),
            "to_root": to_base64(self.second_root),
            "proof": [to_base64(each) for each in self.proof],
        }


async def inclusion(read: ReadTiles, position: int, size: int) -> Inclusion:
    """Return the proof for a position in the tree of a size. Raises Problem `not_found` for one that is not in it."""
    if not 1 <= position <= size:
        raise not_found("leaf in a tree of that size")
    leaf, whole, path = (position - 1, position), (0, size), inclusion_ranges(position - 1, size)
    tiles = await _read(read, [leaf, whole, *path])
    proof = tuple(range_hash(tiles, each) for each in path)
    return Inclusion(position, size, range_hash(tiles, leaf), range_hash(tiles, whole), proof)


async def consistency(read: ReadTiles, first: int, second: int) -> Consistency:
    """Return the proof between two sizes. Raises Problem `invalid_request` where the first is the larger."""
    if not 0 <= first <= second:
        raise Problem("invalid_request", "The first size is larger than the second.", remedy="Give them in order.")
    path = consistency_ranges(first, second)
    tiles = await _read(read, [(0, first), (0, second), *path])
    proof = tuple(range_hash(tiles, each) for each in path)
    return Consistency(first, second, range_hash(tiles, (0, first)), range_hash(tiles, (0, second)), proof)


async def _read(read: ReadTiles, ranges: list[Range]) -> Tiles:
    return await read(places_of(ranges))

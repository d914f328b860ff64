"""Tiles: hashes of a tree in runs of 256, their paths, and how they grow. Source: C2SP tlog-tiles.

Only hash tiles are made. Entry bundles of that specification would hold what stands in the log, which does not leave.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from kompetenspass.log.merkle.tree import HASH_BYTES, Node, Range, folded, node_hash, subtrees

WIDTH = 256
_BITS = 8
_PATH = re.compile(r"tile/(0|[1-9][0-9]?)/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?", re.ASCII)
_LAST_LEVEL, _LAST_INDEX = 63, 2**62

Place = tuple[int, int]
"""A tile's level (0: leaf hashes) and its index in the level, from 0."""
Tiles = Mapping[Place, bytes]
"""The hashes of tiles, one after the other, by place; a partial tile may be there wider than asked for."""


@dataclass(frozen=True, slots=True)
class Tile:
    """One tile as it is asked for: `width` hashes, 256 in a full one."""

    level: int
    index: int
    width: int = WIDTH


def path(tile: Tile) -> str:
    """Return the tile's path, such as `tile/0/x001/x234/067` or `tile/1/000.p/17`."""
    digits = f"{tile.index:03d}"
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    parts = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    written = "/".join([*(f"x{part}" for part in parts[:-1]), parts[-1]])
    return f"tile/{tile.level}/{written}" + (f".p/{tile.width}" if tile.width < WIDTH else "")


def parsed(text: str) -> Tile:
    """Return the tile of a path. Raises ValueError for any other text, and for another way to write the same tile."""
    match = _PATH.fullmatch(text)
    if match is None:
        raise ValueError("not the path of a tile")
    level, index = int(match[1]), int(match[2].replace("x", "").replace("/", ""))
    tile = Tile(level, index, int(match[3]) if match[3] else WIDTH)
    if level > _LAST_LEVEL or index > _LAST_INDEX or path(tile) != text:
        raise ValueError("not the path of a tile")
    return tile


def width_in(place: Place, size: int) -> int:
    """Return how many hashes a tile has in a tree of `size` leaves, 0 where it is not there."""
    level, index = place
    return max(0, min(WIDTH, (size >> _BITS * level) - (index << _BITS)))


def edge(size: int) -> list[Place]:
    """Return the places of a tree's partial tiles, lowest level first; there is none in a level that is full."""
    levels = range(-(-size.bit_length() // _BITS))
    return [(level, size >> _BITS * (level + 1)) for level in levels if size >> _BITS * level & (WIDTH - 1)]


def grown(partial: Tiles, size: int, leaves: Sequence[bytes]) -> dict[Place, bytes]:
    """Return the tiles that are new or longer once leaf hashes are added to a tree of `size`.

    `partial` has the tiles of `edge(size)`; what is wider in it than it is in such a tree is not looked at.
    """
    changed: dict[Place, bytearray] = {}

    def add(level: int, number: int, added: bytes) -> None:
        place, at = (level, number >> _BITS), number & (WIDTH - 1)
        tile = changed.get(place)
        if tile is None:
            tile = changed[place] = bytearray(partial[place][: at * HASH_BYTES] if at else b"")
        if len(tile) != at * HASH_BYTES:
            raise ValueError(f"tile {place} is too short for a tree of {size} leaves")
        tile += added
        if at == WIDTH - 1:
            add(level + 1, number >> _BITS, subtree_hash(bytes(tile)))

    for number, leaf in enumerate(leaves, size):
        add(0, number, leaf)
    return {place: bytes(tile) for place, tile in changed.items()}


def hashes_of(tile: bytes) -> Iterator[bytes]:
    """Yield the hashes of a tile, or of a part of it."""
    return (tile[at : at + HASH_BYTES] for at in range(0, len(tile), HASH_BYTES))


def subtree_hash(hashes: bytes) -> bytes:
    """Return the root over 2**n hashes that stand one after the other."""
    row = list(hashes_of(hashes))
    while len(row) > 1:
        row = [node_hash(row[at], row[at + 1]) for at in range(0, len(row), 2)]
    return row[0]


def place_of(node: Node) -> Place:
    """Return the place of the tile that a complete subtree's hash is made from."""
    level, number = node
    return level // _BITS, number << level % _BITS >> _BITS


def places_of(ranges: Sequence[Range]) -> set[Place]:
    """Return the places of the tiles that the hashes of ranges are made from."""
    return {place_of(node) for leaves in ranges for node in subtrees(leaves)}


def range_hash(tiles: Tiles, leaves: Range) -> bytes:
    """Return the hash of a range from the tiles of `places_of`. Raises KeyError, or ValueError for a tile too short."""
    return folded([_hash_of(tiles, node) for node in subtrees(leaves)])


def root(tiles: Tiles, size: int) -> bytes:
    """Return the root of the tree at a size, from the tiles of `edge(size)`."""
    return range_hash(tiles, (0, size))


def _hash_of(tiles: Tiles, node: Node) -> bytes:
    level, number = node
    count = 1 << level % _BITS
    first = number << level % _BITS & (WIDTH - 1)
    hashes = tiles[place_of(node)][first * HASH_BYTES : (first + count) * HASH_BYTES]
    if len(hashes) != count * HASH_BYTES:
        raise ValueError(f"tile {place_of(node)} is too short")
    return subtree_hash(hashes)

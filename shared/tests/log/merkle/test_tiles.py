"""Tiles: the specification's examples, and trees that grow in whatever steps."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kompetenspass.log.merkle.tiles import (
    Place,
    Tile,
    edge,
    grown,
    parsed,
    path,
    places_of,
    range_hash,
    root,
    width_in,
)
from kompetenspass.log.merkle.tree import Frontier, consistency_ranges, inclusion_ranges, verify_consistency
from kompetenspass.log.merkle.tree import verify_inclusion as verified

LEAVES = [sha256(number.to_bytes(4, "big")).digest() for number in range(70_000)]


def built(*steps: int) -> dict[Place, bytes]:
    tiles: dict[Place, bytes] = {}
    size = 0
    for step in steps:
        tiles |= grown({place: tiles[place] for place in edge(size)}, size, LEAVES[size : size + step])
        size += step
    return tiles


def root_of(size: int) -> bytes:
    tree = Frontier()
    for leaf in LEAVES[:size]:
        tree.append(leaf)
    return tree.root()


@pytest.mark.parametrize(
    ("tile", "text"),
    [
        (Tile(0, 0), "tile/0/000"),
        (Tile(0, 1234067), "tile/0/x001/x234/067"),
        (Tile(1, 999, 17), "tile/1/999.p/17"),
        (Tile(63, 1000, 255), "tile/63/x001/000.p/255"),
    ],
)
def test_a_tile_has_one_path(tile: Tile, text: str) -> None:
    assert path(tile) == text
    assert parsed(text) == tile


@pytest.mark.parametrize(
    "text",
    [
        "tile/00/000", "tile/64/000", "tile/0/00", "tile/0/0000", "tile/0/x000/000", "tile/0/001/000", "tile/0/x001",
        "tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p/01", "tile/0/000.p/", "tile/entries/000", "tile/0/000/",
        "tile/-1/000", "tile/0/" + "x999/" * 9 + "999", "tile/0/٠٠٠", "tile/0/000\n",
    ],
)  # fmt: skip
def test_no_other_path_is_one(text: str) -> None:
    with pytest.raises(ValueError, match="not the path"):
        parsed(text)


def test_the_tree_of_the_specifications_example_has_those_tiles() -> None:
    tiles = built(70_000)
    widths = {place: len(hashes) // 32 for place, hashes in tiles.items()}
    assert [width for (level, _), width in sorted(widths.items()) if level == 0] == [256] * 273 + [112]
    assert {place: width for place, width in widths.items() if place[0]} == {(1, 0): 256, (1, 1): 17, (2, 0): 1}
    assert all(width_in(place, 70_000) == width for place, width in widths.items())
    assert edge(70_000) == [(0, 273), (1, 1), (2, 0)]
    assert root(tiles, 70_000) == root_of(70_000)


def test_a_full_tile_is_one_hash_of_the_level_above() -> None:
    assert {place: len(hashes) for place, hashes in built(256).items()} == {(0, 0): 8192, (1, 0): 32}
    assert (edge(256), edge(0), edge(255)) == ([(1, 0)], [], [(0, 0)])


@settings(deadline=None)
@given(st.lists(st.integers(0, 300), min_size=1, max_size=6))
def test_a_tree_is_the_same_in_whatever_steps_it_grew(steps: list[int]) -> None:
    assert built(*steps) == built(sum(steps))
    assert root(built(*steps), sum(steps)) == root_of(sum(steps))


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 1500), st.data())
def test_proofs_from_tiles_verify(size: int, data: st.DataObject) -> None:
    tiles = built(size)
    index, first = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, size))
    proof = [range_hash(tiles, each) for each in inclusion_ranges(index, size)]
    verified(LEAVES[index], index, size, proof, root(tiles, size))
    path_of = consistency_ranges(first, size)
    assert places_of(path_of) <= tiles.keys()
    between = [range_hash(tiles, each) for each in path_of]
    verify_consistency(first, size, between, root_of(first), root(tiles, size))


def test_a_tile_that_is_too_short_is_noticed() -> None:
    tiles = {place: hashes[:-32] for place, hashes in built(300).items()}
    with pytest.raises(ValueError, match="too short"):
        root(tiles, 300)
    with pytest.raises(ValueError, match="too short"):
        grown(tiles, 300, LEAVES[:1])

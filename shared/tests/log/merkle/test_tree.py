"""The tree against an implementation that follows the RFC's definitions word by word."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kompetenspass.log.api import Recorded
from kompetenspass.log.merkle.tree import (
    EMPTY,
    Frontier,
    NotProven,
    consistency_ranges,
    inclusion_ranges,
    leaf_bytes,
    leaf_hash,
    row_hash,
    verify_consistency,
    verify_inclusion,
)

ROW = Recorded(7, "s-1", 3, UUID(int=5), "wallet.X.v1", datetime(2026, 11, 21, 12, 0, 0, 123456, UTC), '{"å":1}')


def naive_root(leaves: list[bytes]) -> bytes:
    """MTH of leaf hashes, by its recursive definition."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return sha256(b"\x01" + naive_root(leaves[:k]) + naive_root(leaves[k:])).digest()


def leaves_of(size: int) -> list[bytes]:
    return [sha256(b"\x00" + str(number).encode()).digest() for number in range(size)]


def inclusion_of(leaves: list[bytes], index: int) -> list[bytes]:
    return [naive_root(leaves[a:b]) for a, b in inclusion_ranges(index, len(leaves))]


def consistency_of(leaves: list[bytes], first: int) -> list[bytes]:
    return [naive_root(leaves[a:b]) for a, b in consistency_ranges(first, len(leaves))]


def test_the_roots_are_those_of_the_tree_heads_that_certificate_transparency_publishes() -> None:
    """The eight entries and roots that implementations of RFC 6962 have been tried with from the beginning."""
    entries = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
    tree = Frontier()
    for entry in entries:
        tree.append(leaf_hash(bytes.fromhex(entry)))
    assert tree.root().hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"
    assert EMPTY.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_a_leaf_is_encoded_as_the_document_says() -> None:
    text = "6b6f6d706574656e7370617373206c6f67206c6561662031"
    numbers = "0000000000000007" + "0000000000000003" + f"{1795262400123456:016x}" + "00" * 15 + "05"
    stream = "0000000000000003" + b"s-1".hex()
    kind = "000000000000000b" + b"wallet.X.v1".hex()
    data = "0000000000000008" + '{"å":1}'.encode().hex()
    assert leaf_bytes(ROW).hex() == text + numbers + stream + kind + data


@given(
    position=st.integers(1, 3), version=st.integers(1, 3), number=st.integers(0, 2),
    stream=st.sampled_from(["", "a", "aa"]), kind=st.sampled_from(["", "a", "aa"]),
    data=st.sampled_from(["", "a", "aa"]),
    later=st.integers(0, 2),
)  # fmt: skip
def test_two_rows_have_one_leaf_only_if_they_are_the_same(
    position: int, version: int, number: int, stream: str, kind: str, data: str, later: int
) -> None:
    other = Recorded(
        position, stream, version, UUID(int=number), kind, ROW.recorded + timedelta(microseconds=later), data
    )
    base = Recorded(1, "a", 1, UUID(int=1), "a", ROW.recorded, "a")
    assert (leaf_bytes(other) == leaf_bytes(base)) == (other == base)
    assert (row_hash(other) == row_hash(base)) == (other == base)


@pytest.mark.parametrize("size", range(40))
def test_the_frontier_has_the_root_of_the_definition(size: int) -> None:
    tree = Frontier()
    for leaf in leaves_of(size):
        tree.append(leaf)
    assert (tree.size, tree.root()) == (size, naive_root(leaves_of(size)))


@given(st.integers(1, 130), st.data())
def test_every_inclusion_proof_verifies_and_every_mutation_fails(size: int, data: st.DataObject) -> None:
    leaves, index = leaves_of(size), data.draw(st.integers(0, size - 1))
    proof, root = inclusion_of(leaves, index), naive_root(leaves)
    verify_inclusion(leaves[index], index, size, proof, root)
    for mutated in mutations(proof, data):
        with pytest.raises(NotProven):
            verify_inclusion(leaves[index], index, size, mutated, root)
    with pytest.raises(NotProven):
        verify_inclusion(leaves[index], index, size, proof, EMPTY)
    with pytest.raises(NotProven):
        verify_inclusion(leaves_of(size + 1)[-1], index, size, proof, root)
    other = data.draw(st.integers(-1, size + 1).filter(lambda number: number != index))
    with pytest.raises(NotProven):
        verify_inclusion(leaves[index], other, size, proof, root)


@given(st.integers(2, 130), st.data())
def test_every_consistency_proof_verifies_and_every_mutation_fails(second: int, data: st.DataObject) -> None:
    first, leaves = data.draw(st.integers(1, second - 1)), leaves_of(second)
    proof, old, new = consistency_of(leaves, first), naive_root(leaves[:first]), naive_root(leaves)
    verify_consistency(first, second, proof, old, new)
    for mutated in mutations(proof, data):
        with pytest.raises(NotProven):
            verify_consistency(first, second, mutated, old, new)
    for roots in ((EMPTY, new), (old, EMPTY), (new, old)):
        with pytest.raises(NotProven):
            verify_consistency(first, second, proof, *roots)


def test_nothing_has_to_be_proven_from_the_empty_tree_or_to_the_same() -> None:
    root = naive_root(leaves_of(5))
    verify_consistency(0, 5, [], EMPTY, root)
    verify_consistency(5, 5, [], root, root)
    for first, proof, old in ((0, [], root), (0, [EMPTY], EMPTY), (5, [], EMPTY), (5, [root], root), (6, [], root)):
        with pytest.raises(NotProven):
            verify_consistency(first, 5, proof, old, root)


def test_what_is_not_in_a_tree_has_no_proof() -> None:
    for index, size in ((0, 0), (5, 5), (-1, 5)):
        with pytest.raises(ValueError, match="no such leaf"):
            inclusion_ranges(index, size)
    with pytest.raises(ValueError, match="not the smaller"):
        consistency_ranges(6, 5)


def mutations(proof: list[bytes], data: st.DataObject) -> list[list[bytes]]:
    """Return the proof with a hash more, one less, one changed."""
    found = [[*proof, EMPTY], [EMPTY, *proof]]
    if proof:
        at = data.draw(st.integers(0, len(proof) - 1))
        bit = data.draw(st.integers(0, 255))
        changed = int.from_bytes(proof[at], "big") ^ 1 << bit
        found += [proof[:at] + proof[at + 1 :], [*proof[:at], changed.to_bytes(32, "big"), *proof[at + 1 :]]]
    return found

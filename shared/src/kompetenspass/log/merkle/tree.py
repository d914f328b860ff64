"""The tree: the bytes of a leaf, hashes, the compact range, proofs and their checks. Source: RFC 9162, section 2.1.

The leaf of a row is these fields one after the other, so that no two rows have the same bytes:

    the 24 ASCII characters `kompetenspass log leaf 1`
    position      8 bytes, signed, big-endian
    version       8 bytes, signed, big-endian
    recorded      8 bytes, signed, big-endian: microseconds since 1970-01-01T00:00:00Z
    id            16 bytes, as RFC 9562 orders them
    stream        its length in bytes as 8 bytes, big-endian, then UTF-8
    type          its length in bytes as 8 bytes, big-endian, then UTF-8
    data          its length in bytes as 8 bytes, big-endian, then UTF-8, exactly as stored

Leaf number n of the tree, counted from 0, is the row at position n + 1.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from kompetenspass.log.api import Recorded

EMPTY = sha256(b"").digest()
HASH_BYTES = 32
_MARK = b"kompetenspass log leaf 1"
_HEAD = struct.Struct(">qqq16s")
_LENGTH = struct.Struct(">Q").pack
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

Range = tuple[int, int]
"""Leaves from the first number up to, but not with, the second."""
Node = tuple[int, int]
"""A complete subtree: its level (2**level leaves) and its number among those of that level, from 0."""


class NotProven(ValueError):
    """A proof does not show what it was given for."""


def leaf_bytes(row: Recorded) -> bytes:
    """Return the leaf of a row: the encoding at the top of this module."""
    stream, kind, data = row.stream.encode(), row.type.encode(), row.data.encode()
    head = _HEAD.pack(row.position, row.version, (row.recorded - _EPOCH) // _MICROSECOND, row.id.bytes)
    return b"".join((_MARK, head, _LENGTH(len(stream)), stream, _LENGTH(len(kind)), kind, _LENGTH(len(data)), data))


def leaf_hash(leaf: bytes) -> bytes:
    """Return the hash of a leaf. Source: RFC 9162, section 2.1.1."""
    return sha256(b"\0" + leaf).digest()


def row_hash(row: Recorded) -> bytes:
    """Return the leaf hash of a row of the log."""
    return leaf_hash(leaf_bytes(row))


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node. Source: RFC 9162, section 2.1.1."""
    return sha256(b"\1" + left + right).digest()


def folded(hashes: Sequence[bytes]) -> bytes:
    """Return the root over complete subtrees that get smaller from left to right; of none, the empty tree's."""
    if not hashes:
        return EMPTY
    root = hashes[-1]
    for left in reversed(hashes[:-1]):
        root = node_hash(left, root)
    return root


class Frontier:
    """The compact range of a tree: its size, and the roots of the complete subtrees it falls into, largest first."""

    def __init__(self, size: int = 0, peaks: Sequence[bytes] = ()) -> None:
        self.size = size
        self._peaks = list(peaks)

    def append(self, leaf: bytes) -> None:
        """Add a leaf's hash."""
        peaks, size = self._peaks, self.size
        peaks.append(leaf)
        while size & 1:
            right = peaks.pop()
            peaks[-1] = node_hash(peaks[-1], right)
            size >>= 1
        self.size += 1

    def root(self) -> bytes:
        """Return the root of the tree as it is now."""
        return folded(self._peaks)


def subtrees(leaves: Range) -> Iterator[Node]:
    """Yield the complete subtrees that a range of a proof, or a whole tree, falls into, from left to right."""
    start, end = leaves
    while start < end:
        level = (end - start).bit_length() - 1
        yield level, start >> level
        start += 1 << level


def inclusion_ranges(index: int, size: int) -> list[Range]:
    """Return the leaves under each hash of the proof that leaf `index` is in a tree. Source: RFC 9162, 2.1.3.1.

    Raises ValueError for a leaf that is not in a tree of that size.
    """
    if not 0 <= index < size:
        raise ValueError("the tree has no such leaf")
    found, start, end = [], 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            found.append((middle, end))
            end = middle
        else:
            found.append((start, middle))
            start = middle
    return found[::-1]


def consistency_ranges(first: int, second: int) -> list[Range]:
    """Return the leaves under each hash of the proof that one tree begins with another. Source: RFC 9162, 2.1.4.1.

    From the empty tree, and from a tree to itself, there is nothing to prove. Raises ValueError for a larger first.
    """
    if not 0 <= first <= second:
        raise ValueError("the first tree is not the smaller one")
    if first in (0, second):
        return []
    found, start, end = [], 0, second
    while first != end:
        middle = start + _split(end - start)
        if first <= middle:
            found.append((middle, end))
            end = middle
        else:
            found.append((start, middle))
            start = middle
    return ([(start, end)] if start else []) + found[::-1]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Return if the proof leads from a leaf's hash to the root. Raises NotProven. Source: RFC 9162, 2.1.3.2."""
    if not 0 <= index < size:
        raise NotProven("the tree has no such leaf")
    fn, sn, reached = index, size - 1, leaf
    for each in proof:
        if sn == 0:
            raise NotProven("the proof is too long")
        if fn & 1 or fn == sn:
            reached = node_hash(each, reached)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            reached = node_hash(reached, each)
        fn, sn = fn >> 1, sn >> 1
    if sn or reached != root:
        raise NotProven("the proof leads to another root")


def verify_consistency(first: int, second: int, proof: Sequence[bytes], first_root: bytes, second_root: bytes) -> None:
    """Return if the second tree begins with the first. Raises NotProven. Source: RFC 9162, 2.1.4.2."""
    if not 0 <= first <= second:
        raise NotProven("the first tree is not the smaller one")
    if first in (0, second):
        if proof or first_root != (second_root if first == second else EMPTY):
            raise NotProven("the roots are not those of such trees")
        return
    if reached(first, second, proof, first_root) != (first_root, second_root):
        raise NotProven("the proof leads to other roots")


def reached(first: int, second: int, proof: Sequence[bytes], first_root: bytes) -> tuple[bytes, bytes]:
    """Return the two roots that a consistency proof leads to. Raises NotProven for one of a wrong length."""
    path = [first_root, *proof] if first & (first - 1) == 0 else list(proof)
    fn, sn = first - 1, second - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    if not path:
        raise NotProven("the proof is empty")
    fr = sr = path[0]
    for each in path[1:]:
        if sn == 0:
            raise NotProven("the proof is too long")
        if fn & 1 or fn == sn:
            fr, sr = node_hash(each, fr), node_hash(each, sr)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node_hash(sr, each)
        fn, sn = fn >> 1, sn >> 1
    if sn:
        raise NotProven("the proof is too short")
    return fr, sr


def _split(size: int) -> int:
    """Return the largest power of two below `size`."""
    return 1 << (size - 1).bit_length() - 1

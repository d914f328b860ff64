"""Status indices that nobody can guess and none is given twice: a counter through a keyed permutation of the list."""

from __future__ import annotations

import hashlib

ROUNDS = 10
MIN_KEY_BYTES = 16


def _round(key: bytes, number: int, half: int, mask: int) -> int:
    message = bytes((number,)) + half.to_bytes(8, "big")
    digest = hashlib.blake2b(message, key=key, digest_size=8, person=b"status-index").digest()
    return int.from_bytes(digest, "big") & mask


def _shuffle(key: bytes, width: int, value: int) -> int:
    """Return the image of `value` in a balanced Feistel network over 2 * `width` bits."""
    mask = (1 << width) - 1
    left, right = value >> width, value & mask
    for number in range(ROUNDS):
        left, right = right, left ^ _round(key, number, right, mask)
    return left << width | right


def permute(key: bytes, size: int, counter: int) -> int:
    """Return the place of `counter` in a permutation of range(size) that only the holder of `key` can foretell.

    Different counters give different places, and the same key and size always the same permutation. Takes 10 keyed
    hashes in one to four walks on average. Raises ValueError for a counter outside range(size) or a key of fewer than
    16 or more than 64 bytes. Source: Black and Rogaway, "Ciphers with Arbitrary Finite Domains", cycle walking.
    """
    if not 0 <= counter < size:
        raise ValueError("the counter is not in range(size)")
    if not MIN_KEY_BYTES <= len(key) <= hashlib.blake2b.MAX_KEY_SIZE:
        raise ValueError("the key must have 16 to 64 bytes")
    width = max(1, ((size - 1).bit_length() + 1) // 2)
    place = _shuffle(key, width, counter)
    while place >= size:
        place = _shuffle(key, width, place)
    return place

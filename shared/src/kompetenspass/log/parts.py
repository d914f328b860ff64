"""The part of a log that a stream belongs to: the same for every reader, on every transport, in every language.

It is the partition that Kafka's own producers choose for the stream's name as a key, so that anyone can compute it.
Source: Apache Kafka, the built-in partitioner (murmur2 of the key, made positive, modulo the number of partitions).
"""

from __future__ import annotations

import struct
from functools import lru_cache

_SEED, _MIX = 0x9747B28C, 0x5BD1E995
_32_BITS, _31_BITS = 0xFFFFFFFF, 0x7FFFFFFF
_REMEMBERED = 16_384  # streams whose events come one after the other


@lru_cache(_REMEMBERED)
def part_of(stream: str, parts: int) -> int:
    """Return the part, from 0 to `parts` - 1, that holds all events of a stream."""
    return (murmur2(stream.encode()) & _31_BITS) % parts


def murmur2(data: bytes) -> int:
    """Return the 32-bit MurmurHash2 of some bytes, with Kafka's seed, without a sign."""
    whole = len(data) // 4 * 4
    mixed = _SEED ^ len(data)
    for (word,) in struct.iter_unpack("<I", data[:whole]):
        word = word * _MIX & _32_BITS
        word = (word ^ word >> 24) * _MIX & _32_BITS
        mixed = mixed * _MIX & _32_BITS ^ word
    if rest := data[whole:]:
        mixed = (mixed ^ int.from_bytes(rest, "little")) * _MIX & _32_BITS
    mixed = (mixed ^ mixed >> 13) * _MIX & _32_BITS
    return mixed ^ mixed >> 15

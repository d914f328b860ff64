"""The part of a stream: what Kafka's Java client computes for the same key."""

from __future__ import annotations

import pytest
from aiokafka.partitioner import murmur2 as another_murmur2
from hypothesis import given
from hypothesis import strategies as st

from kompetenspass.log.parts import murmur2, part_of

JAVA = {  # Apache Kafka, UtilsTest.testMurmur2; the last is the hash of nothing
    "21": -973932308,
    "foobar": -790332482,
    "a-little-bit-long-string": -985981536,
    "a-little-bit-longer-string": -1486304829,
    "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    "abc": 479470107,
    "": 275646681,
}


@pytest.mark.parametrize(("key", "signed"), JAVA.items())
def test_the_hash_is_that_of_the_java_client(key: str, signed: int) -> None:
    assert murmur2(key.encode()) == signed & 0xFFFFFFFF
    assert part_of(key, 12) == (signed & 0x7FFFFFFF) % 12


@given(st.binary(max_size=80))
def test_another_implementation_agrees(data: bytes) -> None:
    assert murmur2(data) == another_murmur2(data)


@given(st.text(max_size=40), st.integers(1, 64))
def test_a_part_is_one_of_those_there_are(stream: str, parts: int) -> None:
    assert 0 <= part_of(stream, parts) < parts


def test_streams_spread_over_all_parts() -> None:
    counts = [0] * 16
    for number in range(16_000):
        counts[part_of(f"cred-{number}", 16)] += 1
    assert min(counts) > 850
    assert max(counts) < 1150

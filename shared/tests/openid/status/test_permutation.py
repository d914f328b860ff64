"""Status indices: each once, all of them, and none that tells the next."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kompetenspass.openid.status import permute

KEY = bytes(range(16))


@settings(deadline=None)
@given(key=st.binary(min_size=16, max_size=64), size=st.integers(1, 600))
def test_tsl_3_every_index_comes_once(key: bytes, size: int) -> None:
    assert sorted(permute(key, size, counter) for counter in range(size)) == list(range(size))


@settings(deadline=None)
@given(size=st.integers(1, 1 << 30), data=st.data())
def test_an_index_is_always_inside_the_list_and_always_the_same(size: int, data: st.DataObject) -> None:
    counter = data.draw(st.integers(0, size - 1))
    assert 0 <= permute(KEY, size, counter) < size
    assert permute(KEY, size, counter) == permute(KEY, size, counter)


def test_tsl_3_a_large_list_has_no_double_in_its_first_blocks() -> None:
    assert len({permute(KEY, 1 << 20, counter) for counter in range(20_000)}) == 20_000


def test_tsl_8_a_batch_of_indices_is_no_arithmetic_sequence() -> None:
    batch = [permute(KEY, 1 << 20, counter) for counter in range(10)]
    assert len({later - earlier for earlier, later in pairwise(batch)}) == 9


def test_another_key_gives_another_order() -> None:
    other = bytes(16)
    same = sum(permute(KEY, 1 << 20, counter) == permute(other, 1 << 20, counter) for counter in range(1000))
    assert same <= 3


def test_indices_spread_over_the_whole_list() -> None:
    quarters = [permute(KEY, 1 << 20, counter) >> 18 for counter in range(4000)]
    assert all(800 < quarters.count(quarter) < 1200 for quarter in range(4))


@pytest.mark.parametrize(("size", "counter"), [(10, 10), (10, -1), (0, 0)])
def test_a_counter_beyond_the_list_is_refused(size: int, counter: int) -> None:
    with pytest.raises(ValueError, match="counter"):
        permute(KEY, size, counter)


@pytest.mark.parametrize("key", [b"", bytes(15), bytes(65)])
def test_a_short_key_is_refused(key: bytes) -> None:
    with pytest.raises(ValueError, match="key"):
        permute(key, 10, 1)

"""The bytes of a status list: the spec's vectors, round trips, and what is refused."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kompetenspass.openid.jose import b64u_decode_strict, b64u_encode
from kompetenspass.openid.status import (
    WIDTHS,
    StatusError,
    decode,
    encode,
    get,
    get_value,
    meaning,
    new_values,
    set_value,
    set_values,
)

VECTORS = sorted((Path(__file__).parents[2] / "vectors" / "status").glob("*.json"))


@pytest.fixture(params=VECTORS, ids=lambda path: path.stem)
def vector(request: pytest.FixtureRequest) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(request.param.read_text())
    loaded["entries"] = {int(idx): value for idx, value in loaded["entries"].items()}
    return loaded


def test_tsl_1_the_specs_lists_are_read(vector: dict[str, Any]) -> None:
    decoded = decode(vector["lst"], vector["bits"])
    assert decoded.size == vector["size"]
    assert {idx: get(decoded, idx) for idx in vector["entries"]} == vector["entries"]
    assert sum(byte != 0 for byte in decoded.values) <= len(vector["entries"])


def test_tsl_1_the_specs_lists_are_written(vector: dict[str, Any]) -> None:
    values = new_values(vector["size"], vector["bits"])
    for idx, value in vector["entries"].items():
        set_value(values, vector["bits"], idx, value)
    assert bytes(values) == zlib.decompress(b64u_decode_strict(vector["lst"]))
    assert decode(encode(values, vector["bits"]), vector["bits"]).values == bytes(values)


def test_trap_7_the_first_entry_is_the_least_significant_bit() -> None:
    values = new_values(16, 1)
    for idx, bit in enumerate([1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1]):
        set_value(values, 1, idx, bit)
    assert values.hex() == "b9a3"
    assert zlib.decompress(bytes.fromhex("78dadbb918000217015d")) == values
    assert zlib.decompress(b64u_decode_strict(encode(values, 1))) == values


def test_tsl_3_a_new_list_says_valid_everywhere() -> None:
    assert not any(new_values(1 << 20, 2))
    assert len(new_values(1 << 20, 2)) == 1 << 18


@settings(deadline=None)
@given(bits=st.sampled_from(WIDTHS), data=st.data())
def test_what_is_set_is_what_is_got_and_its_neighbours_stay(bits: int, data: st.DataObject) -> None:
    expected = data.draw(st.lists(st.integers(0, (1 << bits) - 1), min_size=1, max_size=40))
    values = new_values(len(expected), bits)
    for idx in data.draw(st.permutations(range(len(expected)))):
        set_value(values, bits, idx, 0)
        set_value(values, bits, idx, expected[idx])
    decoded = decode(encode(values, bits), bits)
    assert [get(decoded, idx) for idx in range(len(expected))] == expected


@settings(deadline=None)
@given(bits=st.sampled_from(WIDTHS), indices=st.lists(st.integers(0, 39), max_size=20), data=st.data())
def test_many_that_are_set_at_once_are_as_if_set_one_by_one(bits: int, indices: list[int], data: st.DataObject) -> None:
    before = new_values(40, bits)
    for idx in range(40):
        set_value(before, bits, idx, data.draw(st.integers(0, (1 << bits) - 1)))
    value = data.draw(st.integers(0, (1 << bits) - 1))
    one_by_one, at_once = bytearray(before), bytearray(before)
    for idx in indices:
        set_value(one_by_one, bits, idx, value)
    set_values(at_once, bits, indices, value)
    assert at_once == one_by_one


@pytest.mark.parametrize(("indices", "value"), [([3, 16], 1), ([3, -1], 1), ([3], 2)])
def test_none_is_set_where_one_index_or_the_value_does_not_fit(indices: list[int], value: int) -> None:
    values = new_values(16, 1)
    with pytest.raises(StatusError):
        set_values(values, 1, indices, value)
    assert not any(values)


@pytest.mark.parametrize("level", [1, 6, 12])
def test_tsl_2_any_zlib_reads_what_is_written_at_any_level(level: int) -> None:
    values = bytearray(range(256)) * 64
    assert zlib.decompress(b64u_decode_strict(encode(values, 8, level=level))) == values


@pytest.mark.parametrize("bits", [0, 3, 5, 16, -1, True, "1", None, 1.0])
def test_tsl_1_other_widths_are_refused(bits: Any) -> None:
    with pytest.raises(StatusError) as refused:
        decode("eNrbuRgAAhcBXQ", bits)
    assert refused.value.code == "status_list_malformed"


@pytest.mark.parametrize(
    "lst", ["", "eNrbuRgAAhcBXQ==", "!!", None, 7, b64u_encode(b"no zlib"), "eNrbuRgAAhcB", "eNrbuRgAAhcBXQAA"]
)
def test_tsl_1_what_is_not_base64url_of_zlib_is_refused(lst: Any) -> None:
    with pytest.raises(StatusError) as refused:
        decode(lst, 1)
    assert refused.value.code == "status_list_malformed"


def test_trap_7_gzip_is_refused() -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    with pytest.raises(StatusError) as refused:
        decode(b64u_encode(packer.compress(b"\0" * 99) + packer.flush()), 1)
    assert refused.value.code == "status_list_malformed"


def test_tsl_7_a_list_that_grows_too_large_is_refused() -> None:
    bomb = b64u_encode(zlib.compress(b"\0" * 1_000_001, 9))
    assert len(bomb) < 2000
    with pytest.raises(StatusError) as refused:
        decode(bomb, 1, max_bytes=1_000_000)
    assert refused.value.code == "status_list_too_large"
    assert decode(bomb, 1, max_bytes=1_000_001).size == 8_000_008


@pytest.mark.parametrize("idx", [-1, 16, 1 << 40])
def test_tsl_7_an_index_out_of_range_is_refused(idx: int) -> None:
    with pytest.raises(StatusError) as refused:
        get(decode("eNrbuRgAAhcBXQ", 1), idx)
    assert refused.value.code == "status_index_out_of_range"


@pytest.mark.parametrize(("bits", "value"), [(1, 2), (2, 4), (8, 256), (1, -1)])
def test_tsl_4_a_value_that_does_not_fit_is_refused(bits: int, value: int) -> None:
    values = new_values(8, bits)
    with pytest.raises(StatusError) as refused:
        set_value(values, bits, 0, value)
    assert refused.value.code == "status_value_out_of_range"
    assert get_value(values, bits, 0) == 0


def test_tsl_4_only_zero_means_valid() -> None:
    assert [meaning(value) for value in (0, 1, 2, 3)] == ["valid", "invalid", "suspended", "application_specific"]
    assert {meaning(value) for value in range(1, 256)} == {"invalid", "suspended", "application_specific", "reserved"}
    assert {value for value in range(256) if meaning(value) == "application_specific"} == {3, 12, 13, 14, 15}

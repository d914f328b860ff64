"""Base64url and JSON: the quick way reads what the strict way reads, and writes only what JSON can hold."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import PurePath
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kompetenspass.openid.jose import b64u_decode_strict, b64u_encode, json_text, sign_jws, strict_json
from kompetenspass.openid.jose.encoding import b64u_lines, write_each
from kompetenspass.testing.keys import TestSigner

NO_JSON = [float("nan"), float("inf"), -float("inf"), datetime(2026, 1, 1, tzinfo=UTC), b"text", {"set"}, UUID(int=1),
           Decimal("1.5"), PurePath("a"), object(), 1j]  # fmt: skip
leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
values = st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)
pieces = st.sampled_from(
    ['{', '}', '[', ']', ',', ':', '"a"', '"b"', '"\\u00e5"', '"\\ud800"', '"å"', "1", "-0", "1.0", "1e2", "1E400",
     "0.1", "0.10", "9007199254740993.0", "1" * 30, "01", "true", "null", "NaN", "Infinity",
     " ", "\n", "\ufeff", '"\x00"']
)  # fmt: skip


def reference(data: bytes) -> Any:
    """Read JSON with the standard library, refusing what a signed token must not hold."""

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len(dict(pairs)) == len(pairs)
        return dict(pairs)

    def finite(text: str) -> float:
        assert abs(float(text)) != float("inf")
        return float(text)

    def constant(text: str) -> None:
        raise AssertionError(text)

    value = json.loads(data.decode(), object_pairs_hook=members, parse_float=finite, parse_constant=constant)
    json.dumps(value, ensure_ascii=False).encode()
    return value


def read(reader: Any, data: bytes) -> str:
    """Return what was read, types and all, or that it was refused."""
    try:
        return repr(reader(data))
    except (ValueError, AssertionError):
        return "refused"


@settings(deadline=None, max_examples=300)
@given(value=values, separators=st.sampled_from([(",", ":"), (", ", ": "), (",\n", " :")]), plain=st.booleans())
def test_json_is_read_however_it_is_written(value: Any, separators: tuple[str, str], plain: bool) -> None:
    data = json.dumps(value, separators=separators, ensure_ascii=plain).encode("utf-8", "surrogatepass")
    assert read(strict_json, data) == read(reference, data)


@settings(deadline=None, max_examples=500)
@given(parts=st.lists(pieces, max_size=9))
def test_what_may_not_be_json_is_judged_as_the_standard_library_judges_it(parts: list[str]) -> None:
    data = "".join(parts).encode("utf-8")
    assert read(strict_json, data) == read(reference, data)


@pytest.mark.parametrize(
    "text",
    ['{"a":1,"a":1}', '{"a":1,"a":2}', '[{"b":{"c":null,"c":null}}]', '{"a":1, "b":[{"c":1,"c":1}]}',
     '{"a":1,"\\u0061":1}', "[NaN]", "[-Infinity]", "[1e400]", '["\\ud800"]', "[1]]", "[1] x"],
)  # fmt: skip
def test_json_that_two_readers_may_read_in_two_ways_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        strict_json(text.encode())


@settings(deadline=None)
@given(value=values)
def test_json_comes_back(value: Any) -> None:
    assert repr(strict_json(json_text(value).encode("utf-8"))) == repr(value)


def test_json_is_written_without_white_space_and_nothing_is_escaped_that_need_not_be() -> None:
    assert (
        json_text({"å": [1, 2.5, True, None, "a/b\u2028"], "b": ("x",)})
        == '{"å":[1,2.5,true,null,"a/b\u2028"],"b":["x"]}'
    )


@pytest.mark.parametrize("value", NO_JSON, ids=lambda value: type(value).__name__)
def test_what_json_cannot_hold_is_neither_written_nor_signed(value: object) -> None:
    for whole in ({"a": value}, {"a": [1, {"b": (value,)}]}):
        with pytest.raises((ValueError, TypeError)):
            json_text(whole)
        with pytest.raises((ValueError, TypeError)):
            sign_jws({"typ": "t"}, whole, TestSigner())


def test_a_lone_surrogate_is_not_written() -> None:
    with pytest.raises(ValueError):
        json_text(["\ud800"])
    with pytest.raises(ValueError):
        write_each([["a"], ["\ud800"]])


def test_integers_of_any_size_and_values_nested_deep_are_written_one_by_one_and_together() -> None:
    deep: list[Any] = []
    for _ in range(150):
        deep = [deep]
    for value in (2**64, -(2**200), deep):
        assert json_text([value]) == json.dumps([value], separators=(",", ":"))
        assert write_each([["a"], [value]]) == [b'["a"]', json_text([value]).encode()]


@pytest.mark.parametrize("size", [*range(1, 8), 190, 191, 192, 193, 5000])
def test_short_and_long_bytes_are_encoded_alike(size: int) -> None:
    data = bytes(255 - index % 256 for index in range(size))
    assert b64u_encode(data) == base64.urlsafe_b64encode(data).rstrip(b"=").decode()
    assert b64u_decode_strict(b64u_encode(data)) == data


@pytest.mark.parametrize(
    "text", ["YQ==", "YQ=", "YWI=", "+AAA", "/AAA", "+/8", "_/8", "-+8", "YR", "YWJ", "Y", "YWJjZ", "Y Q", "YQ\n", "YÅ"]
)
def test_another_spelling_than_base64url_without_padding_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ValueError, match=r"^not base64url without padding$") as refused:
        b64u_decode_strict(text)
    assert refused.value.__cause__ is None
    assert refused.value.__context__ is None or refused.value.__suppress_context__


@given(items=st.lists(st.binary(min_size=1, max_size=200)))
def test_many_are_encoded_as_each_alone(items: list[bytes]) -> None:
    assert b64u_lines(items).decode().split() == [b64u_encode(item) for item in items]

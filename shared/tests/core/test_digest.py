"""Canonical JSON, base64url and digests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from kompetenspass.core.digest import b64u, b64u_decode, canonical_json, content_digest, integrity, sha256_hex


def test_canonical_json_sorts_keys_and_leaves_no_space() -> None:
    assert canonical_json({"b": 1, "a": ["é", None, True, 1.0]}) == '{"a":["é",null,true,1],"b":1}'.encode()


def test_equal_documents_have_one_digest_whatever_their_order() -> None:
    assert content_digest({"a": 1, "b": 2}) == content_digest({"b": 2, "a": 1})


_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
_DOCUMENTS = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=30,
)
_AT_THE_EDGES = {'\x00\x1f\x7f\u2028"\\/\b\f\n\r\t': [2**53 - 1, -(2**53) + 1, True, None], "a": {"": ()}}


@given(_DOCUMENTS)
@example(_AT_THE_EDGES)
@example({"\U0001f600": 1, "\ufb33": 2})
@example({"larger": 2**53})
@example({1: "no string"})
@example("\ud800")
def test_canonical_json_is_what_the_reference_library_writes_or_refuses(document: object) -> None:
    assert _written(canonical_json, document) == _written(rfc8785.dumps, document)


def _written(dumps: Callable[[Any], bytes], document: object) -> bytes | None:
    try:
        return dumps(document)
    except ValueError:
        return None


def test_a_number_that_json_cannot_hold_is_refused() -> None:
    with pytest.raises(ValueError, match="nan"):
        canonical_json({"a": float("nan")})


@given(st.binary())
def test_base64url_comes_back_whole(data: bytes) -> None:
    assert b64u_decode(b64u(data)) == data


@pytest.mark.parametrize("text", ["YQ==", "a b", "a+b/", "YQ\n", "å", "a"])
def test_what_is_not_base64url_without_padding_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="base64url"):
        b64u_decode(text)


def test_digests_of_the_empty_string_are_the_known_ones() -> None:
    assert integrity(b"") == "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
    assert sha256_hex(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

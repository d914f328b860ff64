"""Canonical JSON, base64url and digests."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kompetenspass.core.digest import b64u, b64u_decode, canonical_json, content_digest, integrity, sha256_hex


def test_canonical_json_sorts_keys_and_leaves_no_space() -> None:
    assert canonical_json({"b": 1, "a": ["é", None, True, 1.0]}) == '{"a":["é",null,true,1],"b":1}'.encode()


def test_equal_documents_have_one_digest_whatever_their_order() -> None:
    assert content_digest({"a": 1, "b": 2}) == content_digest({"b": 2, "a": 1})


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

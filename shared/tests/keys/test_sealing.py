"""Sealing: what is sealed opens again, and only with the same key in the same place."""

from __future__ import annotations

from pathlib import Path

import pytest

from kompetenspass.core.errors import Problem
from kompetenspass.core.ids import random_bytes
from kompetenspass.keys.sealing import KEY_BYTES, kept_secret, seal, unseal

KEY = random_bytes(KEY_BYTES)


def test_what_is_sealed_opens_and_looks_different_each_time() -> None:
    assert unseal(KEY, seal(KEY, b"plain", "here"), "here") == b"plain"
    assert seal(KEY, b"plain", "here") != seal(KEY, b"plain", "here")


@pytest.mark.parametrize(
    ("key", "sealed", "place"),
    [
        pytest.param(random_bytes(KEY_BYTES), seal(KEY, b"plain", "here"), "here", id="another_key"),
        pytest.param(KEY, seal(KEY, b"plain", "here"), "there", id="another_place"),
        pytest.param(KEY, seal(KEY, b"plain", "here")[:-1] + b"\0", "here", id="changed"),
    ],
)
def test_nothing_else_opens_it(key: bytes, sealed: bytes, place: str) -> None:
    with pytest.raises(Problem) as refused:
        unseal(key, sealed, place)
    assert refused.value.code == "vault_unreadable"


def test_a_secret_is_made_once_and_kept_from_others(tmp_path: Path) -> None:
    secret = kept_secret(tmp_path / "a" / "key")
    assert kept_secret(tmp_path / "a" / "key") == secret
    assert (tmp_path / "a" / "key").stat().st_mode & 0o077 == 0


def test_a_key_file_of_another_size_is_refused(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"short")
    with pytest.raises(Problem) as refused:
        kept_secret(tmp_path / "key")
    assert refused.value.code == "key_unusable"

"""c_nonce: bound to its issuer, over in time, not to be made by anyone else."""

from __future__ import annotations

from datetime import timedelta

from kompetenspass.testing.clock import NOON
from services.issuance.domain import nonce

KEY, ISSUER = bytes(32), "https://issuance.example/issuers/a"
LIFETIME = timedelta(seconds=300)


def fresh(issuer: str = ISSUER, key: bytes = KEY) -> str:
    return nonce.make(key, issuer, now=NOON, lifetime=LIFETIME, random=bytes(range(16)))


def test_its_issuer_knows_when_it_ends() -> None:
    assert nonce.end_of(KEY, ISSUER, fresh(), now=NOON) == NOON + LIFETIME


def test_another_issuer_does_not_know_it() -> None:
    assert nonce.end_of(KEY, f"{ISSUER}b", fresh(), now=NOON) is None


def test_another_key_does_not_know_it() -> None:
    assert nonce.end_of(bytes([1] * 32), ISSUER, fresh(), now=NOON) is None


def test_it_is_over_after_its_time() -> None:
    assert nonce.end_of(KEY, ISSUER, fresh(), now=NOON + LIFETIME) is None


def test_any_change_of_it_is_noticed() -> None:
    made = fresh()
    for place in range(len(made)):
        changed = made[:place] + ("A" if made[place] != "A" else "B") + made[place + 1 :]
        assert nonce.end_of(KEY, ISSUER, changed, now=NOON) is None


def test_what_is_no_nonce_is_refused_without_an_error() -> None:
    for text in ("", "x", "å", fresh() + "AA", "!" * 48):
        assert nonce.end_of(KEY, ISSUER, text, now=NOON) is None

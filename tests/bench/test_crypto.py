"""The case of signed tokens, with few holders: every way works, and another library agrees with what was signed."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path

import pytest

from bench.cases import crypto
from bench.of_crypto import credentials
from bench.report import Report


@pytest.fixture(scope="module")
def report() -> Report:
    """Measure one round of two operations."""
    return asyncio.run(crypto.measure(rounds=1, size=2))


def test_another_library_verifies_every_credential_and_every_presentation(report: Report) -> None:
    assert [condition.shown for condition in report.conditions[:4]] == ["2 of 2"] * 4
    assert all(condition.held for condition in report.conditions)


def test_each_operation_is_measured_beside_its_floor_and_credentials_beside_the_peer(report: Report) -> None:
    names = {figure.name for figure in report.figures}
    for operation in ("issue, short", "verify, short", "issue, pilot", "verify, pilot"):
        assert {operation, f"{operation}: floor", f"{operation}: sd-jwt"} <= names
    for operation in ("key proof", "JWS sign", "JWS verify"):
        assert {operation, f"{operation}: floor"} <= names


def test_issuing_and_verifying_are_held_to_the_floor_and_the_peer(report: Report) -> None:
    assert {goal.figure.name: (goal.kind, goal.bound) for goal in report.goals} == {
        "issue, of the floor": ("at most", 1.7),
        "issue, quicker than sd-jwt": ("at least", 4.0),
        "verify, of the floor": ("at most", 1.3),
        "verify, quicker than sd-jwt": ("at least", 2.0),
        "issue, aws-lc, of the floor": ("at most", 1.5),
        "verify, aws-lc, of the floor": ("at most", 1.0),
    }


def test_with_the_extra_the_same_is_measured_and_each_accepts_what_the_other_signed(report: Report) -> None:
    assert [condition.shown for condition in report.conditions[4:]] == ["4 of 4"] * 2
    names = {figure.name for figure in report.figures}
    for operation in ("issue, short", "verify, pilot", "present, short", "key proof", "JWS sign", "JWS verify"):
        assert f"{operation}, aws-lc" in names
        assert operation.startswith("present") or f"{operation}, aws-lc, of the floor" in names


def test_without_the_extra_nothing_of_it_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crypto, "find_spec", lambda _name: None)
    bare = asyncio.run(crypto.measure(rounds=1, size=2))
    assert [figure.name for figure in bare.figures if crypto.FAST in figure.name] == []
    assert (len(bare.conditions), len(bare.goals)) == (4, 4)


def test_no_two_holders_share_a_key_a_salt_or_a_nonce(tmp_path: Path) -> None:
    for kind in credentials.made(tmp_path, 3):
        assert len({bound.holder.kid for bound in kind.pool}) == 3
        assert len({disclosure for bound in kind.pool for disclosure in bound.credential.disclosures}) == 3 * 15
        assert len({bound.nonce for bound in kind.pool}) == 3


def test_a_credential_that_was_spoilt_does_not_count(tmp_path: Path) -> None:
    short, _ = credentials.made(tmp_path, 2)
    good, bad = short.pool
    head, _, tail = bad.credential.compact.partition("~")
    spoilt = dataclasses.replace(bad.credential, compact=f"{head[:-8]}AAAAAAAA~{tail}")
    short.pool = [good, dataclasses.replace(bad, credential=spoilt)]
    assert [condition.held for condition in crypto.agreed(short)] == [False, True]

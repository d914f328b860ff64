"""The case `endpoints`, with a handful of requests: what it says must be true, how quick it was does not matter."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from bench.cases import endpoints
from bench.of_endpoints.rig import BATCH, CREDENTIAL, KINDS, PRESENTATION, Counts, Rounds, naive_of
from bench.report import Report

LOGGED = {"issued": 5, "verified": 2, "naive": 14}


@pytest.fixture(scope="module")
def report() -> Report:
    return asyncio.run(endpoints.measure(1, 12))


@pytest.mark.long
def test_every_condition_holds(report: Report) -> None:
    assert report.conditions
    assert [condition.line() for condition in report.conditions if not condition.held] == []


@pytest.mark.long
def test_each_endpoint_is_held_to_its_floor_and_to_the_naive_stack(report: Report) -> None:
    names = [goal.figure.name for goal in report.goals]
    assert names == [name for kind in KINDS for name in (f"{kind} / floor", f"naive {kind} / ours")]
    assert all(goal.figure.median > 0 for goal in report.goals)


@pytest.mark.long
def test_the_composition_of_the_floors_is_told(report: Report) -> None:
    assert "1 ES256 verification" in report.setting["floor, credential"]
    assert "2 ES256 verifications" in report.setting["floor, present."]
    assert report.setting["database"] == "fsync=on, synchronous_commit=on"


def good() -> Rounds:
    answers = Counter({CREDENTIAL: 3, BATCH: 2, PRESENTATION: 2})
    answers += Counter({naive_of(CREDENTIAL): 3, naive_of(BATCH): 1, naive_of(PRESENTATION): 1})
    return Rounds(answers=answers, secrets=["nonce", "code", "key"])


def broken(found: Rounds, **logged: int) -> list[str]:
    return [condition.name for condition in endpoints.conditions(found, {**LOGGED, **logged}) if not condition.held]


def test_good_rounds_hold() -> None:
    assert broken(good()) == []


def test_an_answer_that_is_no_2xx_breaks_them() -> None:
    found = good()
    found.errors.append("500: never")
    assert broken(found) == ["answers that are no 2xx"]


@pytest.mark.parametrize(
    ("which", "name"),
    [
        ("issued", "CredentialIssued in the log, for each 200"),
        ("verified", "PresentationJudged verified, for each 200"),
        ("naive", "events of the naive peer"),
    ],
)
def test_an_event_too_few_or_too_many_breaks_them(which: str, name: str) -> None:
    for number in (LOGGED[which] - 1, LOGGED[which] + 1):
        assert broken(good(), **{which: number}) == [name]


def test_a_nonce_that_was_used_twice_breaks_them() -> None:
    found = good()
    found.secrets.append("nonce")
    assert broken(found) == ["nonces, codes and keys, each used once"]


def test_no_cell_has_fewer_requests_than_its_connections_unless_all_have() -> None:
    counts = Counts.of(400)
    assert counts.ours[BATCH] == counts.peers[BATCH] == 64
    assert min(*counts.ours.values(), *counts.peers.values()) > 32
    assert set(Counts.of(12).ours.values()) == {12}
    assert Counts.warm_up(320).ours == Counts.warm_up(320).peers == dict.fromkeys(KINDS, 320)

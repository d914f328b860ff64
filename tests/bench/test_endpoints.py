"""The case `endpoints`, with a handful of requests: what it says must be true, how quick it was does not matter."""

from __future__ import annotations

import asyncio

import pytest

from bench.cases import endpoints
from bench.endpoint_rig import KINDS
from bench.report import Report

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def report() -> Report:
    return asyncio.run(endpoints.measure(1, 12))


def test_every_condition_holds(report: Report) -> None:
    assert report.conditions
    assert [condition.line() for condition in report.conditions if not condition.held] == []


def test_each_endpoint_is_held_to_its_floor_and_to_the_naive_stack(report: Report) -> None:
    names = [goal.figure.name for goal in report.goals]
    assert names == [name for kind in KINDS for name in (f"{kind} / floor", f"naive {kind} / ours")]
    assert all(goal.figure.median > 0 for goal in report.goals)


def test_the_composition_of_the_floors_is_told(report: Report) -> None:
    assert "1 ES256 verification" in report.setting["floor, credential"]
    assert "2 ES256 verifications" in report.setting["floor, present."]
    assert report.setting["database"] == "fsync=on, synchronous_commit=on"

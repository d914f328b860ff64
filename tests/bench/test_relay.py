"""The cases `relay` and `freshness` on a real broker, tiny: everything but the figures must be right."""

from __future__ import annotations

import pytest

from bench.cases import freshness, relay
from bench.report import Report

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("real_kafka")]  # so that Kafka is fetched, or told why not


def held(report: Report) -> bool:
    return all(condition.held for condition in report.conditions) and all(figure.values for figure in report.figures)


async def test_what_relays_send_that_are_killed_has_arrived_once_and_in_order() -> None:
    report = await relay.measure(rounds=1, size=6_000)
    assert held(report), report.lines()
    assert len(report.conditions) == 3
    told = {figure.name for figure in report.figures}
    assert {"relay, from the log", "confluent produce, records ready", "aiokafka send, records ready"} <= told


async def test_every_event_comes_into_the_timeline_by_both_ways() -> None:
    report = await freshness.measure(rounds=1, size=300)
    assert held(report), report.lines()
    assert [goal.figure.name for goal in report.goals] == [
        "PostgreSQL: p50 / sum of the parts",
        "PostgreSQL: p99 / sum of the parts",
        "Kafka: p50 / sum of the parts",
        "Kafka: p99 / sum of the parts",
    ]

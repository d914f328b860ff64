"""The case `merkle` on a short log: everything but the figures must be right."""

from __future__ import annotations

from bench.cases import merkle

EVENTS = 700


async def test_every_proof_verifies_and_an_audit_names_what_was_exchanged() -> None:
    report = await merkle.measure(rounds=1, size=EVENTS)
    assert [each for each in report.conditions if not each.held] == []
    assert report.reached
    told = {figure.name for figure in report.figures}
    assert {"audit verify", "an inclusion proof made, p50", "a checkpoint after 1000 events"} <= told

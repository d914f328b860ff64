"""The cases `flow` and `memory` on a platform of their own, tiny: everything but the figures must be right."""

from __future__ import annotations

import pytest

from bench.cases import flow, memory
from bench.platform import fresh_folder

pytestmark = pytest.mark.long
FLOWS = 6


async def test_flows_and_presentations_are_sound_in_one_process_and_in_several() -> None:
    async with fresh_folder() as folder:
        only = {flow.MEASURED: flow.SHAPES[flow.MEASURED]}
        flows = await flow.measured(folder, only, rounds=1, flows=FLOWS)
        sizes = await memory.measured(folder, most=4 * FLOWS, seconds=None, sample_seconds=0.05)
    assert [each for each in flows.conditions if not each.held] == []
    assert [each for each in sizes.conditions if not each.held and "stays" not in each.name] == []
    told = {figure.name for figure in (*flows.figures, *(goal.figure for goal in flows.goals))}
    assert {
        "flows, 64 at once: p99",
        "presentations, 16 at once: per second",
        "flow: processor time of postgres",
    } <= told
    assert all(figure.values for figure in sizes.figures)

"""The cases `flow` and `memory` on a platform of their own, tiny: everything but the figures must be right."""

from __future__ import annotations

import pytest

from bench.cases import flow, memory
from bench.platform import fresh_folder

pytestmark = pytest.mark.long
FLOWS = 6
SHAPES = {name: flow.SHAPES[name] for name in ("one process", "apis beside")}


async def test_flows_and_presentations_are_sound_in_one_process_and_in_several() -> None:
    async with fresh_folder() as folder:
        flows = await flow.measured(folder, SHAPES, rounds=1, size=flow.Size(FLOWS))
        sizes = await memory.measured(folder, least=4 * FLOWS, seconds=0, sample_seconds=0.05)
    assert [each for each in flows.conditions if not each.held] == []
    assert [each for each in sizes.conditions if not each.held and "stays" not in each.name] == []
    told = {figure.name for figure in (*flows.figures, *(goal.figure for goal in flows.goals))}
    assert {
        "flows, 64 at once: p99",
        "plan to credential: processor time of all",
        "presentations, 16 at once: answered per second",
        "presentations, 16 at once: per second until readers rest",
        *(f"{shape}: flow: processor time of postgres" for shape in SHAPES),
    } <= told
    assert all(figure.values for figure in sizes.figures)

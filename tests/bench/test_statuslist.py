"""The case `statuslist` in small: what must hold holds, and every goal of performance.md has its figure."""

from bench.cases import statuslist


async def test_the_case_holds_its_conditions_and_measures_every_goal() -> None:
    report = await statuslist.measure(rounds=1, size=4096)
    assert [condition.line() for condition in report.conditions if not condition.held] == []
    named = {goal.figure.name for goal in report.goals}
    assert named >= {
        "flip to signed bytes, of its parts",
        "flip to signed bytes, quicker than zlib-9",
        "cold check, of its parts",
        "cached check",
    }
    assert all(value > 0 for figure in report.figures for value in figure.values)

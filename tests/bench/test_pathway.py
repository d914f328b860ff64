"""The case `pathway` among few learners: everything but the figures must be right."""

from __future__ import annotations

from bench.cases import pathway
from bench.of_pathway import rules

LEARNERS = 200


async def test_only_those_whom_an_act_touches_are_looked_at() -> None:
    report = await pathway.acted(LEARNERS)
    assert [one for one in report.conditions if not one.held] == []
    assert len(report.conditions) == 3
    assert report.setting["act"].startswith("2 credentials")


def test_every_question_has_its_answer_its_time_and_its_floor() -> None:
    *questions, _ = rules.questions()
    timings = [*rules.timed(questions, 1, each=1, warm_up=0), rules.parsing(1)]
    assert len(timings) == 5
    assert all(len(one.figure.values) == len(one.over_floor.values) == 1 for one in timings)

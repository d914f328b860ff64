"""README and docs/performance.md show the recorded run as it is, misses included."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.capacity import capacity
from bench.driver.load import LoadSeries, rate
from bench.report import Condition, Figure, Goal, Report
from bench.table import LATEST, PAGES, table, written


@pytest.mark.parametrize("path", PAGES)
def test_a_page_shows_the_recorded_run(path: Path) -> None:
    page = path.read_text("utf-8")
    assert written(page, PAGES[path](json.loads(LATEST.read_text("utf-8")))) == page


def test_a_page_without_the_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="no <!-- bench"):
        written("# A page", "")


def test_what_did_not_hold_is_named_as_missed() -> None:
    report = Report(
        "memory",
        goals=[Goal(Figure("size", "MiB", [120.0]), "at most", 110)],
        conditions=[Condition("errors", True, "0"), Condition("it stays", False, "9 MiB more")],
    )
    shown = table({
        "machine": "2 cores, load 1.0", "commit": "abc", "rounds": 7, "cases": [report.as_json()], "failed": ["flow"],
    })  # fmt: skip
    assert shown.splitlines() == [
        "2 cores, commit abc, rounds: 7.",
        "",
        "| case | measured | median | goal | |",
        "|---|---|---|---|---|",
        "| memory | size | 120 MiB | at most 110 MiB | **missed** |",
        "| memory | it stays | 9 MiB more | must hold | **missed** |",
        "| memory | conditions that held | 1 of 2 | all | **missed** |",
        "| flow | the case itself | did not end | | **failed** |",
    ]


def test_what_a_graduation_needs_is_reckoned_from_the_whole_way() -> None:
    series = LoadSeries()
    for name, value in {"postgres": 4000.0, "issuance": 6000.0, "driver": 1000.0, "all": 11000.0}.items():
        series.add(f"plan to credential: processor time of {name}", "us", value)
    series.add("plan to credential: answered per second", "/s", 60.0)
    series.add(rate("plan to credential"), "/s", 50.0)
    series.add("plan to credential: readers behind", "s", 2.0)
    page = capacity({"cores": 2, "cases": [Report("flow", figures=series.figures(but=[])).as_json()]})
    assert "| plan to credential | 60 | 50 | 2 |" in page
    assert "| plan to credential | 6,000 | 4,000 | 1,000 | 167 | 250 | 100 |" in page
    assert "are 16.7 a second.\nFrom plan to credential they take 0.167 cores" in page
    assert "**A graduation.**" not in capacity({"cores": 2, "cases": []})

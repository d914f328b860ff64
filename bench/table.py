"""What pages show of a recorded run: `python -m bench.table [FILE]` writes it between their marks."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from bench.capacity import capacity
from bench.report import shown

ROOT = Path(__file__).parent.parent
LATEST = ROOT / "bench" / "results" / "latest.json"
_RUN = {"commit": "commit", "began": "begun", "rounds": "rounds:"}
"""What else a run says of itself, and how it is told."""
BEGIN, END = "<!-- bench -->", "<!-- /bench -->"


def table(recorded: Mapping[str, Any]) -> str:
    """Return every goal of every case with its figure, reached or missed, and every condition that did not hold."""
    return "\n".join(_lines(recorded))


def written(page: str, shown_of_it: str) -> str:
    """Return the page with what it shows of a run between its marks. Raises ValueError for a page without them."""
    before, _, rest = page.partition(BEGIN)
    _, mark, after = rest.partition(END)
    if not mark:
        raise ValueError(f"the page has no {BEGIN} and {END}")
    return f"{before}{BEGIN}\n{shown_of_it}\n{END}{after}"


PAGES: Mapping[Path, Callable[[Mapping[str, Any]], str]] = {
    ROOT / "README.md": table,
    ROOT / "docs" / "performance.md": capacity,
}
"""Which page shows what."""


def _lines(recorded: Mapping[str, Any]) -> Iterator[str]:
    run = [f"{what} {recorded[name]}" for name, what in _RUN.items() if name in recorded]
    yield f"{', '.join([recorded['machine'].rpartition(', load')[0], *run])}."
    yield ""
    yield "| case | measured | median | goal | |"
    yield "|---|---|---|---|---|"
    for case in recorded["cases"]:
        for goal in case["goals"]:
            middle, verdict = f"{shown(goal['median'])} {goal['unit']}", "reached" if goal["reached"] else "**missed**"
            yield f"| {case['case']} | {goal['name']} | {middle} | {goal['goal']} | {verdict} |"
        broken = [condition for condition in case["conditions"] if not condition["held"]]
        for condition in broken:
            yield f"| {case['case']} | {condition['name']} | {condition['shown']} | must hold | **missed** |"
        held, verdict = len(case["conditions"]) - len(broken), "**missed**" if broken else "reached"
        yield f"| {case['case']} | conditions that held | {held} of {len(case['conditions'])} | all | {verdict} |"
    for name in recorded.get("failed", ()):
        yield f"| {name} | the case itself | did not end | | **failed** |"


if __name__ == "__main__":
    run = json.loads(Path(sys.argv[1] if len(sys.argv) > 1 else LATEST).read_text("utf-8"))
    for page, of_it in PAGES.items():
        page.write_text(written(page.read_text("utf-8"), of_it(run)), "utf-8")

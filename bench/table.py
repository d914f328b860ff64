"""The table of a recorded run, as the README shows it: `python -m bench.table [FILE]` writes it between its marks."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bench.report import shown

ROOT = Path(__file__).parent.parent
LATEST = ROOT / "bench" / "results" / "latest.json"
BEGIN, END = "<!-- bench -->", "<!-- /bench -->"


def table(recorded: Mapping[str, Any]) -> str:
    """Return every goal of every case with its figure, reached or missed."""
    return "\n".join(_lines(recorded))


def written(page: str, recorded: Mapping[str, Any]) -> str:
    """Return the page with the table of a run between its marks. Raises ValueError for a page without them."""
    before, _, rest = page.partition(BEGIN)
    _, mark, after = rest.partition(END)
    if not mark:
        raise ValueError(f"the page has no {BEGIN} and {END}")
    return f"{before}{BEGIN}\n{table(recorded)}\n{END}{after}"


def _lines(recorded: Mapping[str, Any]) -> Iterator[str]:
    yield f"{recorded['machine'].rpartition(', load')[0]}."
    yield ""
    yield "| case | measured | median | goal | |"
    yield "|---|---|---|---|---|"
    for case in recorded["cases"]:
        for goal in case["goals"]:
            middle, verdict = f"{shown(goal['median'])} {goal['unit']}", "reached" if goal["reached"] else "**missed**"
            yield f"| {case['case']} | {goal['name']} | {middle} | {goal['goal']} | {verdict} |"
        held = sum(condition["held"] for condition in case["conditions"])
        yield f"| {case['case']} | conditions that held | {held} of {len(case['conditions'])} | all | |"


if __name__ == "__main__":
    run = json.loads(Path(sys.argv[1] if len(sys.argv) > 1 else LATEST).read_text("utf-8"))
    readme = ROOT / "README.md"
    readme.write_text(written(readme.read_text("utf-8"), run), "utf-8")

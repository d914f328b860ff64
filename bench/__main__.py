"""`python -m bench CASE`: run a case, print what it measured, and leave with 1 where a goal was missed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from bench.machine import machine, versions
from bench.report import Report

RESULTS = Path(__file__).parent / "results"
CASES = ("crypto", "endpoints", "eventlog", "statuslist", "projection", "pathway", "flow", "memory")
"""In this order: what needs the quietest machine comes first. Each is a module of `bench.cases`."""

cli = typer.Typer(add_completion=False)


@cli.command()
def main(
    case: Annotated[str, typer.Argument(help=f"One of {', '.join(CASES)}, or all.")],
    rounds: Annotated[int, typer.Option(min=1, help="How often each way is measured.")] = 7,
    size: Annotated[int | None, typer.Option(min=1, help="How many flows, events, entries or learners.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Where to write the figures.")] = None,
) -> None:
    """Measure a case. Ratios are taken within a round; medians of the rounds are held to the goals."""
    if case == "all":
        raise typer.Exit(_all(rounds, json_file or RESULTS / "latest.json"))
    if case not in CASES:
        raise typer.BadParameter(f"no such case; one of {', '.join(CASES)}, or all")
    typer.echo(f"machine          {machine()}")
    report: Report = uvloop.run(import_module(f"bench.cases.{case}").measure(rounds, size))
    for line in report.lines():
        typer.echo(line)
    if json_file is not None:
        _write(json_file, [report.as_json()])
    if not report.reached:
        raise typer.Exit(1)


def _all(rounds: int, out: Path) -> int:
    """Run every case in a process of its own, so that none warms another up; return the worst exit code."""
    out.parent.mkdir(parents=True, exist_ok=True)
    worst, found = 0, []
    for case in CASES:
        part = out.with_name(f".{case}.json")
        typer.echo(f"\n== {case}")
        command = [sys.executable, "-m", "bench", case, "--rounds", str(rounds), "--json", str(part)]
        worst = max(worst, subprocess.run(command, check=False).returncode)  # noqa: S603  our own module
        if part.exists():
            found += json.loads(part.read_text())["cases"]
            part.unlink()
    _write(out, found)
    return worst


def _write(out: Path, cases: list[dict[str, object]]) -> None:
    whole = {"machine": machine(), "cores": os.cpu_count(), "versions": versions(), "cases": cases}
    out.write_text(json.dumps(whole, indent=1, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    cli()

"""`python -m bench CASE`: run a case, print what it measured, and leave with 1 where a goal was missed."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import tempfile
from collections.abc import Coroutine, Sequence
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
import uvloop

from bench.machine import commit, machine, now, versions
from bench.processes import end, ended_by_signal
from bench.report import Report

RESULTS = Path(__file__).parent / "results"
CASES = (
    "crypto", "endpoints", "eventlog", "statuslist", "projection", "relay", "freshness", "merkle", "pathway", "flow",
    "memory",
)  # fmt: skip
"""In this order: what needs the quietest machine comes first. Each is a module of `bench.cases`."""
_END_SECONDS = 180.0  # a case that is told to stop ends its platform and its database first

T = TypeVar("T")

cli = typer.Typer(add_completion=False)


@cli.command()
def main(
    case: Annotated[str, typer.Argument(help=f"One of {', '.join(CASES)}, or all.")],
    rounds: Annotated[int, typer.Option(min=1, help="How often each way is measured.")] = 7,
    size: Annotated[int | None, typer.Option(min=1, help="How many flows, events, entries or learners.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Where to write the figures.")] = None,
) -> None:
    """Measure a case. Ratios are taken within a round; medians of the rounds are held to the goals."""
    if case not in (*CASES, "all"):
        raise typer.BadParameter(f"no such case; one of {', '.join(CASES)}, or all")
    out = json_file or RESULTS / "latest.json" if case == "all" else json_file
    run = {"machine": machine(), "cores": os.cpu_count(), "commit": commit(), "began": now(), "rounds": rounds}
    if case == "all":
        cases, failed = _run(every(CASES, ["--rounds", str(rounds)] + (["--size", str(size)] if size else [])))
    else:
        typer.echo(f"machine          {run['machine']}")
        report = _run(_measured(case, rounds, size))
        typer.echo("\n".join(report.lines()))
        cases, failed = [report.as_json()], []
    if out is not None:
        whole = {**run, "ended": now(), "versions": versions(), "failed": failed, "cases": cases}
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(whole, indent=1, ensure_ascii=False) + "\n", "utf-8")
    if failed or not all(each["reached"] for each in cases):
        raise typer.Exit(1)


def _run(what: Coroutine[Any, Any, T]) -> T:
    try:
        return uvloop.run(what)
    except asyncio.CancelledError:  # by a signal, and what was started has ended
        raise typer.Exit(128 + signal.SIGTERM) from None


async def _measured(case: str, rounds: int, size: int | None) -> Report:
    with ended_by_signal():
        report: Report = await import_module(f"bench.cases.{case}").measure(rounds, size)
    return report


async def every(cases: Sequence[str], options: Sequence[str]) -> tuple[list[dict[str, Any]], list[str]]:
    """Run cases, each in a process of its own, so that none warms another up.

    Returns what they measured, and which of them ended without saying it.
    """
    found: list[dict[str, Any]] = []
    failed = []
    with ended_by_signal(), tempfile.TemporaryDirectory(prefix="kompetenspass-bench-") as folder:
        for case in cases:
            typer.echo(f"\n== {case}")
            part = Path(folder) / f"{case}.json"
            await _run_apart([case, *options, "--json", str(part)])
            if part.exists():
                found += json.loads(part.read_text())["cases"]
            else:
                failed.append(case)
                typer.echo(f"{case}: FAILED")
    return found, failed


async def _run_apart(arguments: Sequence[str]) -> None:
    """Run this module, out of reach of the terminal's own signals: whoever waits for it here tells it, once."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "bench", *arguments, start_new_session=True)
    try:
        await process.wait()
    finally:
        await end(process, _END_SECONDS)


if __name__ == "__main__":
    cli()

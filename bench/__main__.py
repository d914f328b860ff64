"""`python -m bench CASE`: run a case and print what it measured."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
import uvloop

from bench.cases import flow as flow_case
from bench.cases import pathway as pathway_case

cli = typer.Typer(no_args_is_help=True, add_completion=False, help="Measurements of the platform.")


@cli.callback()
def bench() -> None:
    """Measurements of the platform."""


@cli.command()
def flow(
    flows: Annotated[int, typer.Option(min=1, help="How many full flows to run.")] = 600,
    concurrency: Annotated[int, typer.Option(min=1, help="How many wallets at once.")] = 16,
    folder: Annotated[
        Path | None, typer.Option(help="State folder of a running platform; without it one starts.")
    ] = None,
) -> None:
    """Offer, token, nonce, credential over real HTTP: flows per second, p50, p95, errors, distinct status indices."""
    _told(uvloop.run(flow_case.measure(flows, concurrency, folder)))


@cli.command()
def pathway(
    learners: Annotated[int, typer.Option(min=100, help="How many learners to seed.")] = 100_000,
) -> None:
    """Rules alone; then one act that touches one learner in a hundred: who is looked at again, and how soon."""
    _told(uvloop.run(pathway_case.measure(learners)))


def _told(figures: flow_case.Figures | pathway_case.Figures) -> None:
    """Print the figures; leave with 1 when they did not reach their goal."""
    for line in figures.lines():
        typer.echo(line)
    if not figures.reached:
        raise typer.Exit(1)


if __name__ == "__main__":
    cli()

"""`python -m services`: all five services on this machine, for laptops and trials."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from kompetenspass.core.errors import Problem
from kompetenspass.embedded.servers import asked_to_stop
from kompetenspass.web.telemetry import configure_logging
from services.laptop.running import Laptop


async def keep_serving(laptop: Laptop, *, leave: bool) -> str | None:
    """Run the platform until it is asked to stop; return the name of a part that ended by itself, if one did.

    With `leave` it ends as soon as all is set up and caught up.
    """
    asked, serving = asyncio.create_task(asked_to_stop().wait()), asyncio.create_task(_served(laptop, leave))
    await asyncio.wait([asked, serving], return_when=asyncio.FIRST_COMPLETED)
    if serving.done():
        asked.cancel()
        return serving.result()
    serving.cancel()  # also in the middle of its start: what has started by then is stopped
    await asyncio.wait([serving])
    return None


async def _served(laptop: Laptop, leave: bool) -> str | None:
    async with laptop:
        if leave:
            return None
        for name, url in laptop.urls.items():
            typer.echo(f"{name:<13} {url}")
        typer.echo(laptop.warning)
        return await laptop.ended()


def main(
    folder: Annotated[Path, typer.Option(help="Where the platform keeps its state.")] = Path(".run"),
    apart: Annotated[bool, typer.Option("--apart", help="Each service in a process of its own.")] = False,
    leave: Annotated[bool, typer.Option("--exit", help="End once all is set up and caught up.")] = False,
    kafka: Annotated[bool, typer.Option("--kafka", help="They follow each other over Kafka.")] = False,
) -> None:
    """Run all five services, on a PostgreSQL of their own or the one of `POSTGRES_ADMIN_DSN`."""
    configure_logging()
    try:
        ended = uvloop.run(keep_serving(Laptop(folder, apart=apart, kafka=kafka), leave=leave))
    except Problem as problem:
        typer.echo(f"{problem.code}: {problem.title} {problem.remedy}", err=True)
        raise typer.Exit(1) from problem
    if ended is not None:
        typer.echo(f"ended: {ended} ended by itself, so that all were stopped. The lines above say why.", err=True)
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)

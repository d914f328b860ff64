"""The commands around how a service follows logs: see it, and change it while the service runs or stands still."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from typing import Annotated, Any

import typer

from kompetenspass.core.errors import not_found
from kompetenspass.log.api import Transport
from kompetenspass.log.cursors import Stand
from kompetenspass.log.visiting import Feeds
from kompetenspass.web.feeds import by_every_transport
from kompetenspass.web.runtime import Runtime

_LOGS = "The log of one owner; may be given again. By default the logs of all other services."


def projections_cli(runtime: Callable[[], Runtime], run: Callable[[Coroutine[Any, Any, Any]], Any]) -> typer.Typer:
    """Return the commands of one service; `runtime` makes its runtime, `run` runs what a command does."""
    cli = typer.Typer(
        no_args_is_help=True, help="How projections and reactions follow logs: parts, transport, how far."
    )

    @cli.command("list")
    def list_parts() -> None:
        """Print each part of each log for each reader, one JSON object a line."""
        for stand in run(_stands(runtime())):
            typer.echo(json.dumps(_printed(stand)))

    @cli.command()
    def move(
        parts: Annotated[int | None, typer.Option(min=1, max=1000, help="How many; in Kafka its partitions.")] = None,
        transport: Annotated[Transport | None, typer.Option(help="By what the logs are to come.")] = None,
        log: Annotated[list[str] | None, typer.Option(help=_LOGS)] = None,
    ) -> None:
        """Follow logs in so many parts, which processes share, or by another transport; returns when that is done."""
        typer.echo(f"moved {run(moved(runtime(), parts, transport, log))}")

    @cli.command()
    def restart(reaction: str, log: str) -> None:
        """Have a reaction that halted begin a restored log anew, once its processes are restarted."""
        run(_restarted(runtime(), reaction, log))

    return cli


async def moved(runtime: Runtime, parts: int | None, transport: Transport | None, logs: Sequence[str] | None) -> int:
    """Return how many readers' logs were moved. Raises Problem as `Readers.move` does, `not_found` for another log."""
    async with runtime.maintained() as readers, AsyncExitStack() as stack:
        foreign = by_every_transport(runtime.settings, runtime.clock)
        for feed in (feed for by in foreign.values() for feed in by.values()):
            stack.push_async_callback(feed.stop)
        feeds: Feeds = {**foreign, runtime.service: {runtime.log.transport: runtime.log}}
        chosen = logs or list(foreign)
        if not feeds.keys() >= set(chosen):
            raise not_found("log")
        return await readers.move({log: feeds[log] for log in chosen}, parts=parts, transport=transport)


async def _restarted(runtime: Runtime, reaction: str, log: str) -> None:
    async with runtime.maintained() as readers:
        await readers.restart(reaction, log)


async def _stands(runtime: Runtime) -> Sequence[Stand]:
    async with runtime.maintained() as readers:
        return await readers.stands()


def _printed(stand: Stand) -> dict[str, object]:
    part = {"part": stand.part.number, "parts": stand.part.of, "transport": stand.transport, "holder": stand.holder}
    moving = {"until": stand.until, "checked_at": stand.checked_at and stand.checked_at.isoformat()}
    return {**dataclasses.asdict(stand.key), "log": stand.log, **part, "position": stand.position, **moving}

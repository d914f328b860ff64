"""The commands that every service has: serve (the default), migrate, replay, projections, parked, audit, log,
relay, topics."""

from __future__ import annotations

import asyncio
import dataclasses
import gc
import json
import signal
import socket
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from types import FrameType
from typing import Annotated, Any, TypeVar

import typer
import uvicorn
import uvloop
from fastapi import FastAPI
from pydantic import ValidationError

from kompetenspass.core.errors import Problem
from kompetenspass.log.unparking import Unparking
from kompetenspass.web.auditing import audit_cli
from kompetenspass.web.migrate import upgrade
from kompetenspass.web.moving import projections_cli
from kompetenspass.web.partitioning import log_cli
from kompetenspass.web.relaying import add_relaying
from kompetenspass.web.runtime import Runtime
from kompetenspass.web.settings import ServiceSettings
from kompetenspass.web.telemetry import configure_logging, logger

S = TypeVar("S", bound=ServiceSettings)
T = TypeVar("T")
_GARBAGE = 20_000  # new objects between two collections: a request makes and drops a few thousand
CreateApp = Callable[[S], FastAPI]


def service_cli(create_app: CreateApp[S], settings_class: type[S]) -> typer.Typer:
    """Return the command line of one service; its own commands are added to it."""
    cli = typer.Typer(no_args_is_help=False, add_completion=False, pretty_exceptions_enable=False)

    @cli.callback(invoke_without_command=True)
    def default(context: typer.Context) -> None:
        """One service of the platform; without a command it serves."""
        configure_logging()
        if context.invoked_subcommand is None:
            serve()

    @cli.command()
    def serve() -> None:
        """Answer requests and follow the logs until told to stop (SIGTERM drains)."""
        settings = read_settings(settings_class)
        if not run(serve_app(create_app(settings), settings)):
            raise typer.Exit(1)

    @cli.command()
    def migrate() -> None:
        """Bring the durable tables up to date."""
        settings = read_settings(settings_class)
        run(upgrade(settings.database_dsn, runtime_of(create_app(settings)).migrations))

    @cli.command()
    def replay(
        projection: Annotated[str | None, typer.Argument(help="One projection; all by default.")] = None,
        drop_old: Annotated[bool, typer.Option("--drop-old", help="Drop what was live before.")] = False,
    ) -> None:
        """Build read tables anew beside the live ones, then switch; nothing stops meanwhile."""
        runtime = runtime_of(create_app(read_settings(settings_class)))
        run(_replayed(runtime, [projection] if projection else runtime.readers.names, drop_old=drop_old))

    _add_groups(cli, create_app, settings_class)
    return cli


def _add_groups(cli: typer.Typer, create_app: CreateApp[S], settings_class: type[S]) -> None:
    """Add the commands that come in groups."""
    service = settings_class.service

    def settings() -> S:
        return read_settings(settings_class)

    def runtime() -> Runtime:
        return runtime_of(create_app(settings()))

    cli.add_typer(projections_cli(runtime, run), name="projections")
    cli.add_typer(_parked_cli(create_app, settings_class), name="parked")
    cli.add_typer(audit_cli(service, settings), name="audit")
    cli.add_typer(log_cli(service, runtime), name="log")
    add_relaying(cli, service, settings)


def read_settings(settings_class: type[S]) -> S:
    """Return the settings from the environment; leaves with every error listed if there are any."""
    try:
        return settings_class()
    except ValidationError as error:
        prefix = settings_class.model_config.get("env_prefix", "")
        for place in error.errors(include_input=False):
            typer.echo(f"{prefix}{'_'.join(str(part) for part in place['loc']).upper()}: {place['msg']}", err=True)
        raise typer.Exit(2) from error


def runtime_of(app: FastAPI) -> Runtime:
    """Return the runtime of an application that build_app made."""
    runtime = app.state.runtime
    assert isinstance(runtime, Runtime)
    return runtime


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run `work` to its end and return its value; a refusal is printed and leaves with 1."""
    try:
        return uvloop.run(work)
    except Problem as problem:
        typer.echo(f"{problem.code}: {problem.title} {problem.remedy}", err=True)
        raise typer.Exit(1) from problem


class Server(uvicorn.Server):
    """Tells the runtime that it stops before it waits for the answers that are under way."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Drain and stop."""
        app = self.config.app
        if isinstance(app, FastAPI) and isinstance(runtime := getattr(app.state, "runtime", None), Runtime):
            runtime.stopping.set()
        await super().shutdown(sockets)


async def serve_app(app: FastAPI, settings: ServiceSettings) -> bool:
    """Serve until a signal or until the runtime cannot go on; return whether it ended as it should."""
    server = Server(server_config(app, settings))
    runtime = runtime_of(app)

    async def stop_when_fatal() -> None:
        await runtime.fatal.wait()
        server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stopped)
    watch = asyncio.create_task(stop_when_fatal())
    _collect_less()
    try:
        await server.serve()
    finally:
        watch.cancel()
    return server.started and not runtime.fatal.is_set()


def _collect_less() -> None:
    """Let the collector leave alone what is loaded by now, which stays, and look for garbage less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GARBAGE)


def _stopped(number: int, _frame: FrameType | None) -> None:
    """Swallow the signal that uvicorn raises again once it has drained: a stop that was asked for is no failure."""
    logger().info("stopped", signal=number)


def server_config(app: FastAPI, settings: ServiceSettings) -> uvicorn.Config:
    """Return how uvicorn is to serve `app`: no access log (the trace has it), no server header, no proxy headers."""
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        lifespan="on",
        timeout_graceful_shutdown=10,
        timeout_keep_alive=75,  # longer than clients and proxies keep a connection that rests: they close it first
    )


async def _replayed(runtime: Runtime, names: Sequence[str], *, drop_old: bool) -> None:
    _collect_less()
    async with runtime.maintained() as readers:
        for name in names:
            typer.echo(f"{name}: generation {await readers.replay(name)} is live")
            if drop_old:
                typer.echo(f"{name}: dropped {await readers.drop_old(name)} older")


def _parked_cli(create_app: CreateApp[S], settings_class: type[S]) -> typer.Typer:
    cli = typer.Typer(no_args_is_help=True, help="What was put aside because a handler could not take it.")

    def on_parked(work: Callable[[Unparking], Awaitable[T]]) -> T:
        async def opened() -> T:
            async with runtime_of(create_app(read_settings(settings_class))).maintained() as readers:
                return await work(readers.parked)

        return run(opened())

    @cli.command("list")
    def list_parked() -> None:
        """Print what is parked, one JSON object a line."""
        for event in on_parked(lambda parked: parked.list()):
            typer.echo(json.dumps(dataclasses.asdict(event), default=str))

    @cli.command()
    def retry(reader: str, stream: Annotated[str | None, typer.Argument()] = None) -> None:
        """Handle the parked events of a reader (or of one stream only) again, in order."""
        typer.echo(f"handled {on_parked(lambda parked: parked.retry(reader, stream))}")

    @cli.command()
    def skip(reader: str, log: str, position: int) -> None:
        """Give one event up, for good: the first parked of its stream; then handle what waited behind it."""
        typer.echo(f"handled {on_parked(lambda parked: parked.skip(reader, log, position))}")

    return cli

"""The commands around Kafka: send the log there, and make or check the topics.

Kafka's client is imported by the command that needs it: every other process starts sooner and is smaller without it.
"""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, TypeVar

import typer
import uvloop
from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from kompetenspass.core.errors import Problem
from kompetenspass.log.kafka.connecting import Connecting
from kompetenspass.log.kafka.lease import ANSWER_SECONDS, LeaseLost, rewind
from kompetenspass.log.kafka.shape import Shape
from kompetenspass.log.postgres import PostgresFeed
from kompetenspass.web.feeds import detached_of
from kompetenspass.web.migrate import engine_of
from kompetenspass.web.settings import ServiceSettings

if TYPE_CHECKING:
    from kompetenspass.log.kafka.topics import Topics

T = TypeVar("T")
_GARBAGE = 20_000  # new objects between two collections: a page of events makes and drops a few thousand


class KafkaSettings(BaseSettings, Connecting, Shape):
    """How a service comes to Kafka, and how its topics are to be: `KOMPETENSPASS_<SERVICE>_KAFKA_…`."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    relay_host: str = Field(default="127.0.0.1", description="The address at which a relay says how it is.")
    relay_port: int | None = Field(
        default=None, ge=1, le=65535, description="The port for its /livez, /readyz and /metrics; none by default."
    )


def kafka_prefix(service: str) -> str:
    """Return what the names of a service's settings for Kafka begin with."""
    return f"KOMPETENSPASS_{service.upper()}_KAFKA_"


def read_kafka_settings(service: str) -> KafkaSettings:
    """Return a service's settings for Kafka from the environment; leaves with every error listed if there are any."""
    prefix = kafka_prefix(service)
    try:
        return KafkaSettings(_env_prefix=prefix)
    except ValidationError as error:
        for place in error.errors(include_input=False):
            typer.echo(f"{prefix}{'_'.join(str(part) for part in place['loc']).upper()}: {place['msg']}", err=True)
        raise typer.Exit(2) from error


def add_relaying(cli: typer.Typer, service: str, settings: Callable[[], ServiceSettings]) -> None:
    """Add the commands to those of a service; `settings` reads its settings, where they are needed."""

    @cli.command()
    def relay() -> None:
        """Send the log to Kafka, in order, until told to stop (SIGTERM); a second one waits until the first is gone."""
        _run(relayed(settings(), service, read_kafka_settings(service)))

    cli.add_typer(topics_cli(service, settings), name="topics")


def topics_cli(service: str, settings: Callable[[], ServiceSettings]) -> typer.Typer:
    """Return the commands for one service's topics; `settings` reads the service's settings."""
    cli = typer.Typer(no_args_is_help=True, help="The topics of this service in Kafka.")

    @cli.command()
    def make() -> None:
        """Make the topics that are missing, then check them all."""
        topics = _topics(service)
        made = _run(topics.make())
        for name in topics.names:
            typer.echo(f"{name}: {'made' if name in made else 'was there'}")

    @cli.command()
    def check() -> None:
        """Hold the topics against the settings; leaves with 1 and says what differs."""
        topics = _topics(service)
        _run(topics.check())
        for name in topics.names:
            typer.echo(f"{name}: as it should be")

    @cli.command("rewind")
    def rewind_() -> None:
        """Let the relay begin with the first event: for topics that were deleted and made anew. Stop it first."""
        _run(_rewound(settings(), service))
        typer.echo("the relay begins with the first event")

    return cli


async def relayed(settings: ServiceSettings, service: str, kafka: KafkaSettings) -> None:
    """Run a relay until SIGTERM or SIGINT. Raises Problem for what an operator has to look at."""
    stopping, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    gc.freeze()
    gc.set_threshold(_GARBAGE)
    await relay_until(stopping, settings, kafka)


async def relay_until(stopping: asyncio.Event, settings: ServiceSettings, kafka: KafkaSettings) -> None:
    """Run the relay of a service's log until `stopping` is set. Raises Problem for what an operator has to look at."""
    from kompetenspass.log.kafka.relay import Relay
    from kompetenspass.web.relay_status import told

    service = settings.service
    engine = engine_of(settings.database_dsn, service, pool_size=2, answer_seconds=ANSWER_SECONDS)
    feed = PostgresFeed(service, settings.database_dsn, detached_of(settings, service))
    relay = Relay(feed, engine, kafka, kafka, source=settings.base_url)
    try:
        async with AsyncExitStack() as stack:
            if kafka.relay_port is not None:
                await stack.enter_async_context(told(relay, service, kafka.relay_host, kafka.relay_port))
            await relay.run(stopping)
    finally:
        await feed.stop()
        await engine.dispose()


async def _rewound(settings: ServiceSettings, service: str) -> None:
    engine = engine_of(settings.database_dsn, service, pool_size=1, answer_seconds=ANSWER_SECONDS)
    try:
        await rewind(engine, service)
    finally:
        await engine.dispose()


def _topics(service: str) -> Topics:
    from kompetenspass.log.kafka.topics import Topics

    settings = read_kafka_settings(service)
    return Topics(settings, service, settings)


def _run(work: Coroutine[Any, Any, T]) -> T:
    """Run the work to its end and return its value; a refusal is printed and leaves with 1."""
    try:
        return uvloop.run(work)
    except Problem as problem:
        typer.echo(f"{problem.code}: {problem.title} {problem.remedy}", err=True)
        raise typer.Exit(1) from problem
    except LeaseLost as error:
        typer.echo(f"database_unavailable: {error}", err=True)
        raise typer.Exit(1) from error

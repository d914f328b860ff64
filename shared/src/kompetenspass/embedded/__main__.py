"""The commands of the embedded servers: `python -m kompetenspass.embedded backup|restore FILE`, and `kafka`."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any

import typer

from kompetenspass.core.errors import Problem
from kompetenspass.embedded.backup import backup, restore
from kompetenspass.embedded.kafka.broker import EmbeddedKafka
from kompetenspass.embedded.postgres import EmbeddedPostgres
from kompetenspass.embedded.servers import asked_to_stop

app = typer.Typer(no_args_is_help=True, help="Back up the embedded database, put a backup back, run a Kafka.")

File = Annotated[Path, typer.Argument(help="The backup's file.")]
Folder = Annotated[Path, typer.Option(help="The state folder of the embedded PostgreSQL.")]
KafkaFolder = Annotated[Path, typer.Option("--folder", help="The state folder of the embedded Kafka.")]
Nodes = Annotated[int, typer.Option(help="1 or 3.")]


@app.command("backup")
def backup_command(file: File, folder: Folder = Path(".run/postgres")) -> None:
    """Write one moment of the whole database to FILE; the services may be running."""
    _finish(_backed_up(EmbeddedPostgres(folder), file))
    typer.echo(f"{file} holds the database, its vault included: keep it as you keep the vault.")


@app.command("restore")
def restore_command(file: File, folder: Folder = Path(".run/postgres")) -> None:
    """Put the database back as FILE has it, with a new epoch for every log; the services must be stopped."""
    _finish(_restored(EmbeddedPostgres(folder), file))
    typer.echo("Restored. Its logs have a new epoch: readers elsewhere stop, until you rebuild what they have read.")


@app.command("kafka")
def kafka_command(folder: KafkaFolder = Path(".run/kafka"), nodes: Nodes = 1) -> None:
    """Run a Kafka of one node, or of three, until Ctrl-C; its data is kept. Fetched by Maven the first time."""
    _finish(_served(EmbeddedKafka(folder, nodes=nodes)))


async def _served(kafka: EmbeddedKafka) -> None:
    typer.echo("Starting Kafka. The first time Maven fetches it, which takes a minute.", err=True)
    await kafka.start()
    asked = asked_to_stop()
    try:
        typer.echo(f"KAFKA_BOOTSTRAP_SERVERS={kafka.bootstrap}")
        await asked.wait()
    finally:
        await kafka.stop()


async def _backed_up(server: EmbeddedPostgres, file: Path) -> None:
    try:
        await server.start()
    except Problem as problem:
        if problem.code != "already_running":
            raise
        server.attach()
    try:
        await backup(server, file)
    finally:
        await server.stop()


async def _restored(server: EmbeddedPostgres, file: Path) -> None:
    await server.start()
    try:
        await restore(server, file)
    finally:
        await server.stop()


def _finish(work: Coroutine[Any, Any, None]) -> None:
    try:
        asyncio.run(work)
    except Problem as problem:
        typer.echo(f"{problem.code}: {problem.title} {problem.remedy}", err=True)
        if problem.detail:
            typer.echo(problem.detail, err=True)
        raise typer.Exit(1) from problem


if __name__ == "__main__":
    app()

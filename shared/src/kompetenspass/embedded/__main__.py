"""The commands of the embedded database: `python -m kompetenspass.embedded backup|restore FILE`."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any

import typer

from kompetenspass.core.errors import Problem
from kompetenspass.embedded.backup import backup, restore
from kompetenspass.embedded.postgres import EmbeddedPostgres

app = typer.Typer(no_args_is_help=True, help="Back up the embedded database, and put a backup back.")

File = Annotated[Path, typer.Argument(help="The backup's file.")]
Folder = Annotated[Path, typer.Option(help="The state folder of the embedded PostgreSQL.")]


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
        raise typer.Exit(1) from problem


if __name__ == "__main__":
    app()

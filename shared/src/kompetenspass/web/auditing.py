"""The commands of an audit: keep what a log says, verify its rows against what was kept, prove, export."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg
import typer
import uvloop

from kompetenspass.core.errors import Problem, not_found
from kompetenspass.log.detached.folder import Detached, WithDetached
from kompetenspass.log.merkle import audit
from kompetenspass.log.merkle.kept import FolderBroken, Kept
from kompetenspass.log.merkle.note import NoteRefused, Verifier, verifier_of
from kompetenspass.log.merkle.rows import ExportedFile, LogTables, Rows, export, tables_of
from kompetenspass.log.merkle.serving import ServedLog
from kompetenspass.log.merkle.store import TreeStore
from kompetenspass.web.feeds import detached_of
from kompetenspass.web.migrate import engine_of
from kompetenspass.web.outbound import Outbound
from kompetenspass.web.settings import ServiceSettings
from kompetenspass.web.transparency import PublicLog, signer_of

T = TypeVar("T")
_UNABLE = (Problem, FolderBroken, NoteRefused, OSError, ValueError, asyncpg.PostgresError)

Folder = Annotated[Path, typer.Argument(help="The auditor's folder.")]
Url = Annotated[str | None, typer.Option(help="Where the log is public; by default the service's tables are read.")]
Dsn = Annotated[str | None, typer.Option(help="A role that may read the log; by default the service's own.")]

DetachedDir = Annotated[
    Path | None, typer.Option(help="The folder with detached partitions, if it is not the service's.")
]


@dataclass(frozen=True, slots=True)
class Auditing:
    """The commands' work for the service with that name; `settings` reads its settings, where they are needed."""

    service: str
    settings: Callable[[], ServiceSettings]

    async def keep(self, folder: Path, url: str | None, key: str | None) -> audit.Outcome:
        """Return what became of keeping the newest checkpoint. Raises Problem, FolderBroken, NoteRefused."""
        verifier = verifier_of(key.strip()) if key else None if url else self._own_verifier()
        kept = Kept(folder, verifier)
        async with self._served(url) as served:
            return await audit.keep(served, kept)

    async def verify(
        self, folder: Path, url: str | None, dsn: str | None, files: list[Path], detached: Path | None = None
    ) -> audit.Outcome:
        """Return what the log's rows are, held against the folder. Raises Problem, FolderBroken, NoteRefused."""
        kept, parts = Kept(folder), list[Rows](map(ExportedFile, files))
        async with AsyncExitStack() as stack:
            beyond = None
            if url or not (dsn or files):
                beyond = await audit.newest(await stack.enter_async_context(self._served(url)), kept)
            tables = None
            if dsn or not files:
                tables = await stack.enter_async_context(self._tables(dsn))
                parts.append(tables if files else WithDetached(self._detached(detached, dsn), tables))
            return await audit.verify(parts, tables, kept, beyond)

    async def prove(self, position: int | None, event: UUID | None, size: int | None) -> dict[str, Any]:
        """Return the proof that a position, or an event, is in the log. Raises Problem."""
        if event is not None:
            async with self._tables(None) as tables:
                position = await tables.position_of(event)
        if position is None:
            raise not_found("event")
        async with self._own() as served:
            return (await served.inclusion(position, size)).as_json()

    async def prove_growth(self, first: int, second: int | None) -> dict[str, Any]:
        """Return the proof that the log only grew between two sizes. Raises Problem."""
        async with self._own() as served:
            return (await served.consistency(first, second)).as_json()

    async def export(self, file: Path, dsn: str | None, detached: Path | None = None) -> int:
        """Return how many rows were written to a new file. Raises FileExistsError, NoLongerKept."""
        async with self._tables(dsn) as tables:
            return await export(WithDetached(self._detached(detached, dsn), tables), file)

    def _detached(self, folder: Path | None, dsn: str | None) -> Detached | None:
        """Return the files of what was detached: in the folder that was named, else in that of the settings."""
        if folder or dsn:  # who names a database has no settings of the service
            return Detached(folder, self.service) if folder else None
        return detached_of(self.settings(), self.service)

    def _own_verifier(self) -> Verifier:
        return signer_of(self.settings()).verifier

    @asynccontextmanager
    async def _served(self, url: str | None) -> AsyncIterator[audit.Served]:
        if url is None:
            async with self._own() as served:
                yield served
            return
        named = urlsplit(url).hostname or ""
        async with Outbound(allow_loopback=True, private_hosts=(named,)) as http:  # the auditor has named it
            yield PublicLog(http, url)

    @asynccontextmanager
    async def _own(self) -> AsyncIterator[ServedLog]:
        engine = engine_of(self.settings().database_dsn, self.service, pool_size=1)
        try:
            yield ServedLog(TreeStore(engine))
        finally:
            await engine.dispose()

    @asynccontextmanager
    async def _tables(self, dsn: str | None) -> AsyncIterator[LogTables]:
        async with tables_of(dsn or self.settings().database_dsn, self.service) as tables:
            yield tables


def audit_cli(service: str, settings: Callable[[], ServiceSettings]) -> typer.Typer:
    """Return the commands for one service."""
    cli = typer.Typer(no_args_is_help=True, help="What an auditor does with the log. docs/auditor.md")
    work = Auditing(service, settings)

    @cli.command()
    def keep(
        folder: Folder,
        url: Url = None,
        key: Annotated[str | None, typer.Option(help="The log's key in one line; the first time with --url.")] = None,
    ) -> None:
        """Keep the newest checkpoint and the hashes up to it; leaves with 1 if they do not continue what was kept."""
        _told(_run(work.keep(folder, url, key)), "kept")

    @cli.command()
    def verify(
        folder: Folder,
        url: Url = None,
        dsn: Dsn = None,
        file: Annotated[list[Path] | None, typer.Option(help="An exported part of the log; the oldest first.")] = None,
        detached: DetachedDir = None,
    ) -> None:
        """Hold every row against what was kept; names the first wrong position and leaves with 1."""
        _told(_run(work.verify(folder, url, dsn, file or [], detached)), "verified")

    _add_showing(cli, work)
    return cli


def _add_showing(cli: typer.Typer, work: Auditing) -> None:
    """Add the commands that hand something out for others to look at."""

    @cli.command()
    def prove(
        position: Annotated[int | None, typer.Argument(help="A position of the log.")] = None,
        event: Annotated[UUID | None, typer.Option(help="An event's id instead.")] = None,
        size: Annotated[int | None, typer.Option(help="Of the tree; by default of the newest checkpoint.")] = None,
        since: Annotated[int | None, typer.Option(help="Prove that the tree begins with that of this size.")] = None,
    ) -> None:
        """Print a proof as JSON: that something is in the log, or that the log only grew."""
        proof = work.prove_growth(since, size) if since is not None else work.prove(position, event, size)
        typer.echo(json.dumps(_run(proof)))

    @cli.command("export")
    def export_(file: Path, dsn: Dsn = None, detached: DetachedDir = None) -> None:
        """Write the rows to a new file, one JSON object a line, for `verify --file`. It holds personal references."""
        typer.echo(f"exported {_run(work.export(file, dsn, detached))} events")


def _told(outcome: audit.Outcome, done: str) -> None:
    """Print what was found; leaves with 1 where something is wrong."""
    for remark in outcome.remarks:
        typer.echo(remark)
    if outcome.wrong:
        typer.echo(str(outcome.wrong), err=True)
        raise typer.Exit(1)
    typer.echo(f"{done} {outcome.size} events")


def _run(work: Coroutine[Any, Any, T]) -> T:
    """Run the work; what kept it from saying anything about the log leaves with 2."""
    try:
        return uvloop.run(work)
    except _UNABLE as error:
        said = f"{error.code}: {error.title} {error.remedy}" if isinstance(error, Problem) else str(error)
        typer.echo(f"nothing can be said: {said}", err=True)
        raise typer.Exit(2) from error

"""The commands of a log's growth: install, partitions, snapshot, detach, attach. They need a role that owns the log."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

import asyncpg
import typer
import uvloop

from kompetenspass.core.errors import Problem
from kompetenspass.log.detached.attaching import attach as attached
from kompetenspass.log.detached.detaching import Detaching, refuse_others_than_the_owner
from kompetenspass.log.detached.files import FileBroken
from kompetenspass.log.detached.holding import open_streams, streams_of_other_code
from kompetenspass.log.execute import snapshot
from kompetenspass.log.partitions import install as installed
from kompetenspass.log.partitions import partitions
from kompetenspass.log.postgres import PostgresLog
from kompetenspass.web.runtime import Runtime
from kompetenspass.web.transparency import signer_of

T = TypeVar("T")
_TOGETHER = 50  # streams that are read at the same moment

Owner = Annotated[str, typer.Option("--dsn", help="A role that owns the log: the installer's, never the service's.")]
Before = Annotated[int, typer.Option(help="All partitions that end before this position.")]


@dataclass(frozen=True, slots=True)
class Growth:
    """The commands' work for one service."""

    service: str
    runtime: Callable[[], Runtime]

    async def install(self, dsn: str, partition_events: int | None) -> None:
        """Make the log, or bring it up to date."""
        async with _connected(dsn) as admin:
            await installed(admin, self.service, partition_events=partition_events)

    async def partitions(self, dsn: str) -> Sequence[str]:
        """Return a line for each partition. Raises Problem `not_the_owner`."""
        async with self._owned(dsn) as admin:
            found = await partitions(admin, self.service)
            sizes = [await admin.fetchval(_SIZE, f"{self.service}_log.{each.name}") for each in found]
        return [f"{each.first:>15} {each.last:>15} {size:>10}" for each, size in zip(found, sizes, strict=True)]

    async def snapshot(self, dsn: str, before: int) -> tuple[int, int]:
        """Return how many snapshots were made, and for how many streams none can be. Raises Problem."""
        made = missed = 0
        runtime = self.runtime()
        async with self._owned(dsn) as admin, runtime.maintained():
            async for streams in self._lacking(admin, before, _kinds(runtime)):
                for at in range(0, len(streams), _TOGETHER):
                    done = await _snapshots(runtime.log, streams[at : at + _TOGETHER])
                    made, missed = made + sum(done), missed + len(done) - sum(done)
        return made, missed

    async def _lacking(
        self, admin: asyncpg.Connection, before: int, kinds: Sequence[str]
    ) -> AsyncIterator[Sequence[str]]:
        """Yield streams without a snapshot that they need: those detached that other code folded, then each table's."""
        yield await streams_of_other_code(admin, self.service, kinds)
        for partition in await partitions(admin, self.service):
            if partition.last < before:
                yield await open_streams(admin, self.service, partition.name, kinds)

    async def detach(self, dsn: str, before: int, to: Path, others: Sequence[str]) -> Sequence[str]:
        """Return the names of the files. Raises Problem; see Detaching."""
        runtime = self.runtime()
        verifier = signer_of(runtime.settings).verifier
        async with AsyncExitStack() as stack:
            admin = await stack.enter_async_context(self._owned(dsn))
            elsewhere = [await stack.enter_async_context(_connected(other)) for other in others]
            detaching = Detaching(admin, self.service, verifier, _kinds(runtime), elsewhere)
            return [part.path.name for part in await detaching.detach_before(before, to)]

    async def attach(self, dsn: str, folder: Path) -> str:
        """Return the name of the file. Raises Problem; see `attach`."""
        async with self._owned(dsn) as admin:
            return (await attached(admin, self.service, folder)).path.name

    @asynccontextmanager
    async def _owned(self, dsn: str) -> AsyncIterator[asyncpg.Connection]:
        async with _connected(dsn) as admin:
            await refuse_others_than_the_owner(admin, self.service)
            yield admin


_SIZE = "SELECT pg_size_pretty(pg_total_relation_size($1::text::regclass))"


def log_cli(service: str, runtime: Callable[[], Runtime]) -> typer.Typer:
    """Return the commands for one service."""
    cli = typer.Typer(no_args_is_help=True, help="The log's partitions; what is old leaves for files. docs/scale.md")
    work = Growth(service, runtime)

    @cli.command()
    def install(
        dsn: Owner,
        partition_events: Annotated[int | None, typer.Option(min=1, help="Positions in each further one.")] = None,
    ) -> None:
        """Make the log or bring it up to date; one that is not cut into partitions yet is, while all wait."""
        _run(work.install(dsn, partition_events))

    @cli.command("partitions")
    def partitions_(dsn: Owner) -> None:
        """Print the first and last position of each partition that is in the database, and its size."""
        typer.echo("\n".join(_run(work.partitions(dsn))))

    @cli.command("snapshot")
    def snapshot_(dsn: Owner, before: Before) -> None:
        """Make the snapshots without which old partitions cannot go, and those anew that other code made."""
        made, missed = _run(work.snapshot(dsn, before))
        typer.echo(f"made {made} snapshots; {missed} streams can have none")

    _add_moving(cli, work)
    return cli


def _add_moving(cli: typer.Typer, work: Growth) -> None:
    """Add the commands that take partitions out of the database, and put them back."""

    @cli.command()
    def detach(
        dsn: Owner,
        before: Before,
        to: Annotated[Path, typer.Option(help="The folder for the files; name it in DETACHED_DIR, too.")],
        also: Annotated[list[str] | None, typer.Option(help="A database whose services read this log, too.")] = None,
    ) -> None:
        """Write old partitions to files, hold these against the database and the signed tree, and drop them there."""
        for name in _run(work.detach(dsn, before, to, also or [])):
            typer.echo(f"detached {name}")

    @cli.command()
    def attach(dsn: Owner, folder: Annotated[Path, typer.Option("--from", help="The folder with the files.")]) -> None:
        """Put the partition that was detached last back into the database; its file stays."""
        typer.echo(f"attached {_run(work.attach(dsn, folder))}")


def _kinds(runtime: Runtime) -> Sequence[str]:
    return runtime.log.snapshots.kinds if runtime.log.snapshots else ()


async def _snapshots(log: PostgresLog, streams: Sequence[str]) -> Sequence[bool]:
    return await asyncio.gather(*(snapshot(log, stream) for stream in streams))


@asynccontextmanager
async def _connected(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(dsn, server_settings={"application_name": "log growth"})
    try:
        yield connection
    finally:
        await connection.close()


def _run(work: Coroutine[Any, Any, T]) -> T:
    """Run the work; a refusal is printed and leaves with 1."""
    try:
        return uvloop.run(work)
    except (Problem, FileBroken, OSError, asyncpg.PostgresError) as error:
        said = f"{error.code}: {error.title} {error.remedy}" if isinstance(error, Problem) else str(error)
        typer.echo(said, err=True)
        raise typer.Exit(1) from error

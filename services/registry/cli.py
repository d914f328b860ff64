"""The registry's own command: import the organisations of a pilot, through the same commands as the API."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer
import yaml
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from sqlalchemy.exc import ProgrammingError

from kompetenspass.core.clock import Clock, system_clock
from kompetenspass.core.errors import Problem
from kompetenspass.core.ids import uuid7
from kompetenspass.events.envelope import Actor, Context
from kompetenspass.events.registry import RoleGranted
from kompetenspass.log.execute import Done
from kompetenspass.log.postgres import PostgresLog
from kompetenspass.web.cli import read_settings, run, service_cli
from kompetenspass.web.migrate import engine_of, upgrade
from services.registry.app import create_app
from services.registry.domain.award import Award
from services.registry.domain.founding import authorisation, founding, require_schema
from services.registry.queries import Queries
from services.registry.service.organisations import Organisations
from services.registry.settings import Settings
from services.registry.state import State

FILE = "00_organisations.yaml"

cli = service_cli(create_app, Settings)


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the file: which list it is in, where it stands, what it says."""

    kind: str
    place: str
    value: Any


@dataclass(slots=True)
class Report:
    """What came of an import: how many events were written, how much stood already, and every refusal."""

    written: int = 0
    standing: int = 0
    refusals: list[str] = field(default_factory=list)

    def count(self, done: Done[Any]) -> None:
        """Count one command."""
        self.written += len(done.events)
        self.standing += not done.events

    def refuse(self, place: str, problem: Problem) -> None:
        """Note a refusal with its place and every reason."""
        reasons = problem.members.get("reasons") or problem.members.get("fields") or ()
        listed = "; ".join(str(reason) for reason in reasons) if isinstance(reasons, list | tuple) else ""
        parts = (f"{place}: {problem.code}:", problem.title, f"({listed})" if listed else "", problem.remedy)
        self.refusals.append(" ".join(part for part in parts if part))


@cli.command("import")
def import_command(
    folder: Annotated[Path, typer.Argument(help=f"The folder that holds {FILE}.", exists=True, file_okay=False)],
) -> None:
    """Register the organisations, roles and assessors of a pilot; again is nothing. Leaves with 1 on any refusal."""
    settings = read_settings(Settings)
    console = Console(stderr=True)
    report = run(import_organisations(settings, folder, console=console))
    for refusal in report.refusals:
        console.print(f"refused  {refusal}", style="red", markup=False, highlight=False, soft_wrap=True)
    typer.echo(f"{report.written} written, {report.standing} stood already, {len(report.refusals)} refused")
    if report.refusals:
        raise typer.Exit(1)


async def import_organisations(
    settings: Settings, folder: Path, *, console: Console | None = None, clock: Clock = system_clock
) -> Report:
    """Return what came of importing the folder's file. What is refused is reported, the rest goes in."""
    report = Report()
    entries = _entries(folder / FILE, report)
    await upgrade(settings.database_dsn, "services.registry.migrations")
    engine, log = engine_of(settings.database_dsn, "registry"), PostgresLog("registry", settings.database_dsn)
    await log.start()
    try:
        acting = Context(Actor(settings.scheme_owner, "scheme_owner"), clock(), str(uuid7()))
        importer = Importer(Organisations(log, State(engine), SeenAwards(Queries(engine))), acting, report)
        with _progress(console) as progress:
            for entry in progress.track(entries, description="organisations"):
                await importer.take(entry)
    finally:
        await log.stop()
        await engine.dispose()
    return report


class SeenAwards:
    """The awards that the registry has seen: none before it ran for the first time and made its read tables."""

    def __init__(self, queries: Queries) -> None:
        self._queries = queries

    async def award(self, stack_id: UUID) -> Award | None:
        """Return what was seen of a stack award; None until it was seen."""
        try:
            return await self._queries.award(stack_id)
        except ProgrammingError:
            return None


class Importer:
    """Hands entries to the service, one after the other."""

    def __init__(self, service: Organisations, acting: Context, report: Report) -> None:
        self._service = service
        self._acting = acting
        self._report = report

    async def take(self, entry: Entry) -> None:
        """Do what an entry asks for, or report why not."""
        take = self._organisation if entry.kind == "organisations" else self._assessor
        await self._reporting(entry.place, partial(take, entry))

    async def _organisation(self, entry: Entry) -> None:
        wanted = founding(entry.value, granted_by=self._acting.actor.org)
        self._report.count(await self._service.register(wanted.registration, self._acting))
        for index, role in enumerate(wanted.roles):
            await self._reporting(f"{entry.place}.roles[{index}]", partial(self._role, role))

    async def _role(self, wanted: RoleGranted) -> None:
        self._report.count(await self._service.grant_role(wanted, self._acting))

    async def _assessor(self, entry: Entry) -> None:
        wanted = authorisation(entry.value)
        self._report.count(await self._service.authorise_assessor(wanted, self._acting))

    async def _reporting(self, place: str, action: Callable[[], Awaitable[None]]) -> None:
        try:
            await action()
        except Problem as problem:
            self._report.refuse(place, problem)


def _entries(path: Path, report: Report) -> list[Entry]:
    """Return the entries of the file with their places; a file that cannot be read is one refusal."""
    try:
        loader = yaml.SafeLoader(path.read_text("utf-8"))
        node = loader.get_single_node()
        if not isinstance(node, yaml.MappingNode):
            raise Problem("malformed_file", "The file holds no mapping.")
        require_schema(loader.construct_document(node))
        return list(_placed(node, loader, path.name))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        report.refuse(_place_of(error, path), Problem("malformed_file", "The file cannot be read as YAML."))
    except Problem as problem:
        report.refuse(path.name, problem)
    return []


def _placed(node: yaml.MappingNode, loader: yaml.SafeLoader, name: str) -> Iterator[Entry]:
    for key, value in node.value:
        if key.value in ("organisations", "assessors") and isinstance(value, yaml.SequenceNode):
            for index, item in enumerate(value.value):
                place = f"{name}:{item.start_mark.line + 1} {key.value}[{index}]"
                yield Entry(key.value, place, loader.construct_object(item, deep=True))


def _place_of(error: Exception, path: Path) -> str:
    mark = getattr(error, "problem_mark", None)
    return f"{path.name}:{mark.line + 1}" if mark else path.name


def _progress(console: Console | None) -> Progress:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
    )
    return Progress(*columns, console=console, disable=console is None)

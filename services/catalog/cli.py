"""The commands of the catalog beside those that every service has: import."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from kompetenspass.core.ids import uuid7
from kompetenspass.web.cli import read_settings, run, service_cli
from services.catalog.app import Catalog, assemble, create_app
from services.catalog.domain.faults import Place, written
from services.catalog.service.importing import Entry, Import, Imported, Kind, Result
from services.catalog.settings import Settings

cli = service_cli(create_app, Settings)

_WAIT_SECONDS = 30.0
_SCHEMA = "mikromerit-demo/1"
_LISTS: tuple[tuple[str, Kind], ...] = (("definitions", "definition"), ("pathways", "pathway"))
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_SAID: dict[Result, str] = {
    "published": "published",
    "retired": "published and retired",
    "kept": "kept in their state",
    "refused": "refused",
}


@dataclass(frozen=True, slots=True)
class Source:
    """Where an entry stands: the file, the place in it, and the parsed file with its line numbers."""

    file: str
    place: Place
    root: yaml.Node


@dataclass(frozen=True, slots=True)
class Read:
    """What was read: entries, the source of each by its name, and the files that could not be read."""

    entries: tuple[Entry, ...]
    sources: Mapping[str, Source]
    unreadable: tuple[str, ...]


@cli.command("import")
def import_(folder: Annotated[Path, typer.Argument(help="A folder of YAML files, or one file.")]) -> None:
    """Bring definitions and pathways in, each to the state that its file gives; leaves with 1 if any is refused."""
    if not folder.exists():
        typer.echo(f"{folder}: there is no such file or folder.", err=True)
        raise typer.Exit(2)
    read = read_files(folder)
    console = Console()
    done = run(_imported(assemble(read_settings(Settings)), read, console))
    for line in (*read.unreadable, *refusals(done, read.sources)):
        typer.echo(line, err=True)
    for line in summary(done):
        console.print(line, soft_wrap=True)
    if read.unreadable or any(imported.result == "refused" for imported in done):
        raise typer.Exit(1)


async def import_all(parts: Catalog, read: Read, on_done: Callable[[Imported], None]) -> tuple[Imported, ...]:
    """Return what became of each entry, once this service's own tables show it; the runtime is entered.

    Raises Problem `not_caught_up` when the registry's facts do not arrive in time.
    """
    runtime = parts.runtime
    await runtime.caught_up("registry", await runtime.feeds["registry"].head(), _WAIT_SECONDS)
    work = Import(parts.definitions, parts.pathways, runtime.clock, str(uuid7()))
    done = await work.run(read.entries, on_done)
    await runtime.caught_up("catalog", max((imported.position for imported in done), default=0), _WAIT_SECONDS)
    return done


async def _imported(parts: Catalog, read: Read, console: Console) -> tuple[Imported, ...]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("Importing", total=len(read.entries))
        async with parts.runtime:
            return await import_all(parts, read, lambda _done: progress.advance(task))


def read_files(folder: Path) -> Read:
    """Return the entries of every YAML file of a folder, in order of name, or of one file."""
    files = sorted(folder.glob("*.yaml")) if folder.is_dir() else [folder]
    entries: list[Entry] = []
    sources: dict[str, Source] = {}
    unreadable: list[str] = []
    for file in files:
        try:
            for entry, source in _entries(file.name, file.read_text(encoding="utf-8")):
                entries.append(entry)
                sources[entry.name] = source
        except (yaml.YAMLError, UnicodeDecodeError, ValueError) as error:
            unreadable.append(f"{file.name}: {' '.join(str(error).split())}")
    return Read(tuple(entries), sources, tuple(unreadable))


def refusals(done: Sequence[Imported], sources: Mapping[str, Source]) -> Iterator[str]:
    """Yield a line for each reason of each refused entry: file, line, path, code, sentence."""
    for imported in done:
        source = sources[imported.entry.name]
        for fault in imported.faults:
            place = (*source.place, *fault.place)
            line = _line(source.root, place)
            yield f"{source.file}:{line} {written(place)} [{fault.code}] {fault.text} (id: {imported.entry.id})"


def summary(done: Sequence[Imported]) -> Iterator[str]:
    """Yield a line per kind: how many were published, retired, kept, refused, and how many stood already."""
    for _, kind in _LISTS:
        of_kind = [imported for imported in done if imported.entry.kind == kind]
        counts = Counter(imported.result for imported in of_kind)
        unchanged = sum(not imported.changed for imported in of_kind if imported.result != "refused")
        said = ", ".join(f"{counts[result]} {words}" for result, words in _SAID.items())
        yield f"{kind}s: {said} ({unchanged} unchanged)"


def _entries(file: str, text: str) -> Iterator[tuple[Entry, Source]]:
    root, content = yaml.compose(text, Loader=_LOADER), yaml.load(text, Loader=_LOADER)  # noqa: S506  a safe loader
    if root is None or not isinstance(content, dict) or content.get("schema") != _SCHEMA:
        raise ValueError(f"the file does not say `schema: {_SCHEMA}`")
    for name, kind in _LISTS:
        listed: Any = content.get(name) or []
        if not isinstance(listed, list) or not all(isinstance(entry, dict) for entry in listed):
            raise ValueError(f"`{name}` is a list of objects")
        for index, raw in enumerate(listed):
            place = (name, index)
            yield Entry(kind, f"{file} {written(place)}", raw), Source(file, place, root)


def _line(node: yaml.Node, place: Place) -> int:
    """Return the line of the deepest node on the way to `place` that the file has, counted from 1."""
    for part in place:
        below = _below(node, part)
        if below is None:
            break
        node = below
    return int(node.start_mark.line) + 1


def _below(node: yaml.Node, part: str | int) -> yaml.Node | None:
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part]  # type: ignore[no-any-return]  # a sequence node holds nodes
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == part), None)
    return None

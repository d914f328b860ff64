"""All generated files: made from the code, written into a folder, and compared with what lies there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from contract import asyncapi, events, services
from contract.breaking import Break, breaks
from contract.released import released
from kompetenspass.events.codec import UPCASTS

FOLDER = Path(__file__).parents[1] / "docs" / "generated"
_SUFFIX = ".schema.json"
_KINDS = (f"events/*{_SUFFIX}", "events/examples/*.json", "openapi/*.json")


def files() -> dict[str, str]:
    """Return every generated file: path under docs/generated to text. The same code gives the same text."""
    return dict(sorted({**events.files(), **asyncapi.files(), **services.files()}.items()))


def write(into: Path) -> tuple[list[str], list[str]]:
    """Write the files into a folder; return which were new or other than before, and which were taken away."""
    made = files()
    differing = [path for path, text in made.items() if _text(into / path) != text]
    for path in differing:
        (into / path).parent.mkdir(parents=True, exist_ok=True)
        (into / path).write_text(made[path], encoding="utf-8")
    stale = _stale(into, made)
    for path in stale:
        (into / path).unlink()
    return differing, stale


def differences(folder: Path) -> list[str]:
    """Return what differs between the code and the files of a folder, in words; empty where nothing does."""
    made = files()
    missing = [f"{path} is missing" for path in made if not (folder / path).is_file()]
    other = [
        f"{path} says something else than the code" for path in made if _text(folder / path) not in (None, made[path])
    ]
    old = [
        f"{path} is missing: the example of an old version" for path in _old_examples() if not (folder / path).is_file()
    ]
    return [*missing, *other, *old, *(f"{path} belongs to nothing in the code" for path in _stale(folder, made))]


def broken_since(against: str) -> list[Break]:
    """Return what is broken since a released commit or folder. Raises Problem `nothing_to_compare_with`."""
    return breaks(released(against), {**_kept_schemas(FOLDER), **schemas(files())})


def schemas(made: dict[str, str]) -> dict[str, Any]:
    """Return the schemas among generated files: file name to schema."""
    return {Path(path).name: json.loads(text) for path, text in made.items() if path.endswith(_SUFFIX)}


def _kept_schemas(folder: Path) -> dict[str, Any]:
    """Return the schemas of old versions, which are kept as they were for as long as an upcast reads them."""
    kept = (path for path in sorted((folder / "events").glob(f"*{_SUFFIX}")) if _is_kept(path.name))
    return {path.name: json.loads(path.read_text(encoding="utf-8")) for path in kept}


def _old_examples() -> list[str]:
    return [events.example_path(event_type) for event_type in sorted(UPCASTS)]


def _is_kept(name: str) -> bool:
    """Return whether a file of a schema or an example belongs to an old version that an upcast reads."""
    return any(name.startswith(f"{event_type}.") for event_type in UPCASTS)


def _stale(folder: Path, made: dict[str, str]) -> list[str]:
    """Return the files of kinds that are generated and that belong to nothing; other files are none of its business."""
    found = (path for kind in _KINDS for path in folder.glob(kind) if not _is_kept(path.name))
    return sorted(relative for path in found if (relative := path.relative_to(folder).as_posix()) not in made)


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None

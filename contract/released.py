"""The schemas that were released: from a commit of the repository, or from a folder."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kompetenspass.core.errors import Problem

ROOT = Path(__file__).parents[1]
GENERATED = "docs/generated"
_SUFFIX = ".schema.json"


def released(against: str) -> dict[str, Any]:
    """Return the released schemas: file name to schema. `against` is a folder like docs/generated, or a commit.

    Nothing is there to compare with where the commit has no such files. Raises Problem `nothing_to_compare_with`.
    """
    folder = Path(against)
    if folder.is_dir():
        return _read_folder(folder / "events")
    return _read_commit(against)


def unless_told() -> Sequence[str]:
    """Return the commits to compare with where nobody names one: `main`, and if that is checked out the one before too.

    The checked-out commit itself differs only by what is not committed yet. An archive of the sources has neither, a
    shallow clone not the one before.
    """
    try:
        main, checked_out = _git("rev-parse", "main", "HEAD").split()
    except Problem:
        return ("main",)
    return ("main", "HEAD~1") if main == checked_out else ("main",)


def _read_folder(folder: Path) -> dict[str, Any]:
    return {path.name: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob(f"*{_SUFFIX}"))}


def _read_commit(commit: str) -> dict[str, Any]:
    under = f"{GENERATED}/events/"
    names = _git("ls-tree", "-r", "--full-tree", "--name-only", "--end-of-options", commit, under).splitlines()
    paths = [name for name in names if name.endswith(_SUFFIX)]
    return {
        path.removeprefix(under): json.loads(_git("show", "--end-of-options", f"{commit}:{path}")) for path in paths
    }


def _git(*arguments: str) -> str:
    try:
        command = ["git", "-C", str(ROOT), *arguments]
        return subprocess.run(command, check=True, capture_output=True, encoding="utf-8").stdout  # noqa: S603  a commit's name is data
    except (OSError, subprocess.CalledProcessError) as error:
        raise Problem(
            "nothing_to_compare_with",
            "The released contract could not be read.",
            remedy="Name a commit that this repository has, or a folder like docs/generated, with --against.",
            detail=str(getattr(error, "stderr", None) or error).strip(),
        ) from error

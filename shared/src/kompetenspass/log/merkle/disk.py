"""Files that survive a loss of power: on the disk as a whole or not at all, and their names with them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO, Any


def write(file: Path, content: bytes) -> None:
    """Write a file whole or not at all, in folders that are made where there are none; return once it is on the disk.

    Its name is there for good once `settle_names` was called with its folder: once for many files.
    """
    for folder in reversed([each for each in file.parents if not each.exists()]):
        folder.mkdir(exist_ok=True)
        settle_names(folder.parent)
    unfinished = file.with_name(f"{file.name}.new")
    with unfinished.open("wb") as out:
        out.write(content)
        settle(out)
    unfinished.replace(file)


def settle(out: IO[Any]) -> None:
    """Return once what was written is on the disk."""
    out.flush()
    os.fsync(out.fileno())


def settle_names(folder: Path) -> None:
    """Return once the names in a folder are on the disk."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)

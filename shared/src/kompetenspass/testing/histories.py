"""A service's history of migrations that makes nothing but the tables of one room."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def history(root: Path, name: str, revisions: str, what: str, service: str = "wallet") -> Iterator[str]:
    """Yield the package of a history of a service, importable while the block runs.

    Its one revision makes and drops `what` by the functions of the module `revisions`; `name` tells it from others.
    """
    folder = root / f"trial_{name}" / service / "migrations"
    folder.mkdir(parents=True)
    lines = [
        f"from {revisions} import make_{what} as upgrade, drop_{what} as downgrade",
        'revision, down_revision, branch_labels, depends_on = "0001", None, None, None',
    ]
    (folder / f"0001_{name}.py").write_text("\n".join(lines) + "\n")
    with pytest.MonkeyPatch.context() as patched:
        patched.syspath_prepend(root)
        yield f"trial_{name}.{service}.migrations"

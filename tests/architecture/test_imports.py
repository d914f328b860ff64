"""The import walls hold, and each of them falls when it is breached."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BREACHES = {
    "services/catalog/domain/breach.py": "import services.wallet.domain",
    "services/issuance/domain/breach.py": "import services.issuance.routes",
    "services/registry/undeclared.py": "import json",
    "shared/src/kompetenspass/core/breach.py": "import kompetenspass.web",
    "shared/src/kompetenspass/keys/breach.py": "import services.registry\nimport kompetenspass.events.catalog",
    "services/wallet/domain/breach.py": "import random",
    "services/wallet/service/breach.py": "import sqlalchemy\nimport aiokafka\nimport fastapi",
    "services/wallet/state.py": "import kompetenspass.events.wallet",
    "services/verification/projections.py": "import kompetenspass.core.ids",
}


def lint(folder: Path) -> str:
    """Return what the linter says about the project in `folder`, which it sees instead of this one."""
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as lint; lint()", "--no-cache"]
    path = f"{folder}:{folder / 'shared' / 'src'}"
    done = subprocess.run(command, cwd=folder, env={"PYTHONPATH": path}, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def verdicts(report: str) -> dict[str, str]:
    """Return the verdict on each contract by its name."""
    return dict(re.findall(r"^(.+) (KEPT|BROKEN)(?: \(.*\))?$", report, re.MULTILINE))


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the project's sources that a test may spoil."""
    ignore = shutil.ignore_patterns("__pycache__", "tests")
    shutil.copytree(ROOT / "services", tmp_path / "services", ignore=ignore)
    shutil.copytree(ROOT / "shared" / "src", tmp_path / "shared" / "src", ignore=ignore)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_every_wall_holds(copy: Path) -> None:
    report = lint(copy)
    assert set(verdicts(report).values()) == {"KEPT"}, report


def test_every_wall_falls_when_it_is_breached(copy: Path) -> None:
    for name, breach in BREACHES.items():
        path = copy / name
        before = path.read_text() if path.exists() else ""
        path.write_text(f"{before}\n{breach}\n")
    report = lint(copy)
    assert set(verdicts(report).values()) == {"BROKEN"}, report
    assert "undeclared" in report

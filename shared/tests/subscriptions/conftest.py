"""A running service with subscriptions, and a receiver of webhooks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kompetenspass.testing.postgres import Database
from kompetenspass.testing.subscribed import Rig, Start, running
from kompetenspass.testing.webhooks import Receiver, receiving

MIGRATION = """
from kompetenspass.subscriptions.migrating import create_webhooks as upgrade
revision, down_revision, branch_labels, depends_on = "0001", None, None, None
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    folder = tmp_path / "trial_subscriptions" / "registry" / "migrations"
    folder.mkdir(parents=True)
    (folder / "0001_first.py").write_text(MIGRATION)
    monkeypatch.syspath_prepend(tmp_path)
    return "trial_subscriptions.registry.migrations"


@pytest.fixture
def versions() -> dict[str, int]:
    return {}


@pytest.fixture
def start(database: Database, tmp_path: Path, package: str, versions: dict[str, int]) -> Start:
    """Return what runs the service; several times over the same database if it is called again."""
    return lambda process="one", only="all": running(database, tmp_path, package, versions, process, only)


@pytest.fixture
async def rig(start: Start) -> AsyncIterator[Rig]:
    async with start() as made:
        yield made


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as made:
        yield made

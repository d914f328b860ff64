"""What the trials of faults share: a running service, an administrator's connection, and what was logged."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, MutableMapping
from typing import Any

import asyncpg
import pytest
import structlog

from kompetenspass.testing.postgres import Database
from tests.faults.trial import Trial, trial


@pytest.fixture
def told() -> Iterator[list[MutableMapping[str, Any]]]:
    """The log lines of this test."""
    with structlog.testing.capture_logs() as lines:
        yield lines


@pytest.fixture
async def admin(database: Database) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database.admin_dsn)
    yield connection
    connection.terminate()


@pytest.fixture
async def service(database: Database) -> AsyncIterator[Trial]:
    async with trial(database.dsn("wallet")) as running:
        yield running

"""Fixtures for every test of the project: a real PostgreSQL, a fresh database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kompetenspass.embedded.postgres import EmbeddedPostgres
from kompetenspass.testing.postgres import Database, cluster_in, database_of


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--forbid-skips", action="store_true", help="fail the run when a test was skipped")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run that skipped something where everything must run."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter and session.config.getoption("--forbid-skips") and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """One server for this process's whole run."""
    with cluster_in(tmp_path_factory.mktemp("pg") / "pg") as running:
        yield running


@pytest.fixture
def database(cluster: EmbeddedPostgres) -> Iterator[Database]:
    """A database of this test's own."""
    with database_of(cluster) as fresh:
        yield fresh

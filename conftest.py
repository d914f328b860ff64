"""Fixtures for every test of the project: a real PostgreSQL with a fresh database, and Kafka, mock or real."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from kompetenspass.embedded import ports
from kompetenspass.embedded.kafka.broker import EmbeddedKafka
from kompetenspass.embedded.postgres import EmbeddedPostgres
from kompetenspass.testing.kafka.mock import MockKafka
from kompetenspass.testing.kafka.real import START_SECONDS, broker_in, running
from kompetenspass.testing.postgres import Database, cluster_in, database_of
from kompetenspass.testing.waiting import PATIENCE_SECONDS
from kompetenspass.web import edge

settings.register_profile("patient", parent=settings.default, deadline=None)  # a busy machine may take its time
settings.load_profile("patient")


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


@pytest.fixture(autouse=True)
def collector() -> Iterator[None]:
    """Leave the garbage collector as it was: a command that serves has it look less often, and not at what is there."""
    thresholds = gc.get_threshold()
    yield
    if gc.get_freeze_count():
        gc.set_threshold(*thresholds)
        gc.unfreeze()


@pytest.fixture(scope="session", autouse=True)
def patient() -> Iterator[None]:
    """Let a service of this process take its time to reach a position that is waited for; a caller would ask again."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(edge, "WAIT_SECONDS", PATIENCE_SECONDS)
        yield


@pytest.fixture(scope="session", autouse=True)
def own_ports(request: pytest.FixtureRequest) -> Iterator[None]:
    """Have the processes that share one run's tests draw their ports from ranges of their own."""
    worker = getattr(request.config, "workerinput", {"workerid": "gw0", "workercount": 1})
    many, number = ports._HOW_MANY // worker["workercount"], int(worker["workerid"][2:]) % worker["workercount"]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(ports, "_FIRST", ports._FIRST + number * many)
        patched.setattr(ports, "_HOW_MANY", many)
        yield


@pytest.fixture
def database(cluster: EmbeddedPostgres) -> Iterator[Database]:
    """A database of this test's own."""
    with database_of(cluster) as fresh:
        yield fresh


@pytest.fixture(scope="session")
def mock_kafka() -> Iterator[MockKafka]:
    """One mock cluster for this process's whole run; a test that breaks it starts one of its own."""
    with MockKafka() as mock:
        yield mock


@pytest.fixture(scope="session")
def real_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The addresses of one real broker for this process's whole run: topics and groups have names of their own."""
    with broker_in(tmp_path_factory.mktemp("kafka"), pytest.skip) as bootstrap:
        yield bootstrap


@pytest.fixture
def three_nodes(tmp_path: Path) -> Iterator[EmbeddedKafka]:
    """A real Kafka of three nodes for one test, which may break some of them."""
    with running(EmbeddedKafka(tmp_path / "kafka", nodes=3, start_timeout_seconds=START_SECONDS), pytest.skip) as kafka:
        yield kafka

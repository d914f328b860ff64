"""The commands that every service has."""

from __future__ import annotations

import gc

import httpx2
import pytest
from fastapi import FastAPI
from typer.testing import CliRunner

from kompetenspass.testing.postgres import Database
from kompetenspass.web.app import build_app
from kompetenspass.web.cli import server_config, service_cli
from kompetenspass.web.runtime import Runtime
from kompetenspass.web.settings import ServiceSettings, environment

pytestmark = pytest.mark.usefixtures("logging_as_it_was")


class Settings(ServiceSettings):
    service = "verification"
    model_config = environment("verification")


@pytest.fixture
def cli_environment(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOMPETENSPASS_VERIFICATION_BASE_URL", "https://verification.example")
    monkeypatch.setenv("KOMPETENSPASS_VERIFICATION_DATABASE_DSN", database.dsn("verification"))


def create_app(settings: Settings) -> FastAPI:
    return build_app("Trial", runtime=Runtime(settings, migrations="trial_cli.verification.migrations"))


def invoke(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(service_cli(create_app, Settings), arguments)
    return result.exit_code, result.output


def test_missing_settings_are_all_named_and_the_exit_code_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KOMPETENSPASS_VERIFICATION_BASE_URL", raising=False)
    code, output = invoke("migrate")
    assert code == 2
    assert "KOMPETENSPASS_VERIFICATION_BASE_URL: Field required" in output
    assert "KOMPETENSPASS_VERIFICATION_DATABASE_DSN: Field required" in output


@pytest.mark.usefixtures("cli_environment")
def test_migrate_replay_and_parked_work_beside_the_service(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path_factory.mktemp("cli")
    (folder / "trial_cli" / "verification" / "migrations").mkdir(parents=True)
    monkeypatch.syspath_prepend(folder)
    assert invoke("migrate") == (0, "")
    assert gc.get_freeze_count() == 0
    assert invoke("replay", "nothing")[0] == 1
    assert gc.get_freeze_count() > 0, "what is loaded by then is not looked at again"
    assert invoke("parked", "list") == (0, "")
    assert invoke("parked", "skip", "reader", "registry", "1")[0] == 1


@pytest.mark.usefixtures("cli_environment")
def test_a_resting_connection_is_closed_by_its_client_first() -> None:
    settings = Settings()
    config = server_config(create_app(settings), settings)
    transport = httpx2.AsyncHTTPTransport()
    assert config.timeout_keep_alive > 60, "a proxy's usual time"
    assert config.timeout_keep_alive > (transport._pool._keepalive_expiry or 0), "a client's own"

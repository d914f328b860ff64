"""The commands that show and change how a service follows logs, beside a service that stands still."""

from __future__ import annotations

import json

import pytest
from fastapi import FastAPI
from typer.testing import CliRunner

from kompetenspass.testing.postgres import Database
from kompetenspass.testing.walking import walking
from kompetenspass.web.app import build_app
from kompetenspass.web.cli import service_cli
from kompetenspass.web.runtime import Runtime
from kompetenspass.web.settings import ServiceSettings, environment

pytestmark = pytest.mark.usefixtures("logging_as_it_was", "cli_environment")


class Settings(ServiceSettings):
    service = "verification"
    model_config = environment("verification")


@pytest.fixture
def cli_environment(
    database: Database, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KOMPETENSPASS_VERIFICATION_BASE_URL", "https://verification.example")
    monkeypatch.setenv("KOMPETENSPASS_VERIFICATION_DATABASE_DSN", database.dsn("verification"))
    feeds = {"wallet": database.dsn("log_reader")}
    monkeypatch.setenv("KOMPETENSPASS_VERIFICATION_FEED_DSNS", json.dumps(feeds))
    folder = tmp_path_factory.mktemp("cli")
    (folder / "trial_moving" / "verification" / "migrations").mkdir(parents=True)
    monkeypatch.syspath_prepend(folder)


def create_app(settings: Settings) -> FastAPI:
    runtime = Runtime(settings, migrations="trial_moving.verification.migrations")
    runtime.project(walking("wallet", "verification"))
    return build_app("Trial", runtime=runtime)


def invoke(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(service_cli(create_app, Settings), ["projections", *arguments])
    return result.exit_code, result.stdout


def listed() -> dict[str, list[tuple[int, int, str]]]:
    code, output = invoke("list")
    assert code == 0
    lines = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    logs = sorted({line["log"] for line in lines})
    return {log: [(x["part"], x["parts"], x["transport"]) for x in lines if x["log"] == log] for log in logs}


def test_the_logs_of_others_are_cut_into_parts_unless_others_are_named() -> None:
    assert invoke("move", "--parts", "3")[1].splitlines()[-1] == "moved 1"
    assert listed() == {"wallet": [(part, 3, "postgres") for part in range(3)]}
    assert invoke("move", "--parts", "2", "--log", "verification", "--log", "wallet")[1].splitlines()[-1] == "moved 2"
    assert listed() == {log: [(0, 2, "postgres"), (1, 2, "postgres")] for log in ("verification", "wallet")}


def test_what_cannot_be_is_refused() -> None:
    assert invoke("move", "--log", "nobody")[0] == 1
    assert invoke("move", "--transport", "pigeon")[0] == 2
    assert invoke("move", "--transport", "kafka")[0] == 1
    assert invoke("move", "--parts", "0")[0] == 2


def test_a_reaction_that_has_not_read_a_log_is_not_restarted() -> None:
    assert invoke("restart", "noting", "wallet")[0] == 1

"""Settings as environment variables are read again as what they were."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from kompetenspass.embedded import environment
from kompetenspass.web.settings import Kafka, ServiceSettings
from kompetenspass.web.settings import environment as configured


class Settings(ServiceSettings):
    service = "trial"
    model_config = configured("trial")


KAFKA = Kafka(
    bootstrap_servers="127.0.0.1:9092", security="PLAINTEXT", partitions=2, replication=1, min_insync_replicas=1
)
SETTINGS = Settings(
    base_url="https://trial.example",
    database_dsn="postgresql://trial@/db",
    feed_dsns={"registry": "postgresql://log_reader@/db"},
    transport="kafka",
    kafka=KAFKA,
)


def test_what_was_set_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment.variables(SETTINGS):
        monkeypatch.setenv(name, value)
    assert Settings() == SETTINGS


def test_what_has_parts_is_said_part_by_part() -> None:
    said = dict(environment.variables(SETTINGS))
    assert said["KOMPETENSPASS_TRIAL_KAFKA_BOOTSTRAP_SERVERS"] == "127.0.0.1:9092"
    assert said["KOMPETENSPASS_TRIAL_KAFKA_PARTITIONS"] == "2"
    assert "KOMPETENSPASS_TRIAL_KAFKA" not in said


def test_a_shell_that_has_read_the_file_has_them(tmp_path: Path) -> None:
    environment.write(tmp_path / "environment", [SETTINGS])
    line = f". {tmp_path}/environment && env"
    done = subprocess.run(["/bin/sh", "-c", line], capture_output=True, text=True, check=True)
    found = dict(line.split("=", 1) for line in done.stdout.splitlines() if line.startswith("KOMPETENSPASS_TRIAL_"))
    assert found == dict(environment.variables(SETTINGS))


def test_a_port_and_a_public_url_can_be_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOMPETENSPASS_WALLET_PORT", "8005")
    monkeypatch.setenv("KOMPETENSPASS_WALLET_BASE_URL", "https://wallet.example")
    assert [environment.FixedPorts().of(each, 1) for each in ("wallet", "catalog")] == [8005, 1]
    assert [environment.PublicURLs().of(each, "x") for each in ("wallet", "catalog")] == ["https://wallet.example", "x"]

"""Which broker the tests of a real Kafka get, and what they are told where none can run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from kompetenspass.testing.kafka.real import broker_in


def test_a_broker_that_is_already_there_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "kafka.example:9092")
    with broker_in(tmp_path, pytest.fail) as bootstrap:
        assert bootstrap == "kafka.example:9092"
    assert list(tmp_path.iterdir()) == []


def test_where_java_is_missing_the_skip_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KAFKA_BOOTSTRAP_SERVERS", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(pytest.skip.Exception, match="Install version 17"), broker_in(tmp_path / "kafka", pytest.skip):
        pytest.fail("it ran without Java")


def test_the_command_says_it_too(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "kompetenspass.embedded", "kafka", "--folder", str(tmp_path / "kafka")]
    done = subprocess.run(command, env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Install version 17" in done.stderr
    assert done.stdout == ""

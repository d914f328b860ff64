"""How one comes to Kafka: what is demanded of the settings, and what becomes of the password."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from kompetenspass.core.errors import Problem
from kompetenspass.log.kafka.connecting import Connecting

SECRET = "not for the log"


@pytest.fixture
def password_file(tmp_path: Path) -> Path:
    path = tmp_path / "password"
    path.write_text(f"{SECRET}\n")
    return path


def secured(password_file: Path, **options: Any) -> Connecting:
    return Connecting(bootstrap_servers="k:9093", user="relay", password_file=password_file, **options)


def test_plain_connections_have_to_be_asked_for() -> None:
    with pytest.raises(ValidationError, match="SASL_SSL needs user and password_file"):
        Connecting(bootstrap_servers="k:9092")
    assert Connecting(bootstrap_servers="k:9092", security="PLAINTEXT").arguments() == {
        "bootstrap_servers": "k:9092",
        "security_protocol": "PLAINTEXT",
        "request_timeout_ms": 8000,
    }


def test_a_password_goes_by_tls_only(password_file: Path) -> None:
    with pytest.raises(ValidationError, match="for SASL_SSL only"):
        secured(password_file, security="PLAINTEXT")
    arguments = secured(password_file).arguments()
    assert arguments["security_protocol"] == "SASL_SSL"
    assert arguments["sasl_mechanism"] == "SCRAM-SHA-512"
    assert (arguments["sasl_plain_username"], arguments["sasl_plain_password"]) == ("relay", SECRET)
    assert arguments["ssl_context"].verify_mode is ssl.CERT_REQUIRED
    assert arguments["ssl_context"].check_hostname


def test_the_password_is_read_anew_and_shown_nowhere(password_file: Path) -> None:
    settings = secured(password_file)
    assert SECRET not in repr(settings) + settings.model_dump_json()
    password_file.write_text("another")
    assert settings.arguments()["sasl_plain_password"] == "another"


@pytest.mark.parametrize("written", [None, b"", b"\n", b"\xff\xfe"])
def test_a_password_that_cannot_be_read_is_refused(password_file: Path, written: bytes | None) -> None:
    password_file.unlink()
    if written is not None:
        password_file.write_bytes(written)
    with pytest.raises(Problem, match="kafka_settings_unusable"):
        secured(password_file).arguments()


def test_a_ca_that_is_none_is_refused_without_being_shown(password_file: Path) -> None:
    with pytest.raises(Problem, match="kafka_settings_unusable") as refused:
        secured(password_file, ca_file=password_file).arguments()
    assert SECRET not in repr(vars(refused.value))


@pytest.mark.parametrize("seconds", [4.9, 10.1])
def test_a_request_waits_five_to_ten_seconds(seconds: float) -> None:
    with pytest.raises(ValidationError):
        Connecting(bootstrap_servers="k", security="PLAINTEXT", request_timeout_seconds=seconds)

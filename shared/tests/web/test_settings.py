"""What settings refuse."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from kompetenspass.web.settings import ServiceSettings, environment


class Settings(ServiceSettings):
    service = "trial"
    model_config = environment("trial")


@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        ("http://wallet.example", True),
        ("http://localhost:8000", False),
        ("https://wallet.example/", False),
        ("https://wallet.example?x=1", False),
        ("wallet.example", False),
    ],
)
def test_a_base_url_that_cannot_be_an_identifier_is_refused(url: str, loopback: bool) -> None:
    with pytest.raises(ValidationError):
        Settings(base_url=url, database_dsn="x", allow_loopback_http=loopback)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000", "http://localhost:8000", "http://[::1]:8000"])
def test_plain_http_is_for_this_machine(url: str) -> None:
    assert Settings(base_url=url, database_dsn="x", allow_loopback_http=True).base_url == url


def test_settings_come_from_the_environment_under_the_services_own_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOMPETENSPASS_TRIAL_BASE_URL", "https://trial.example")
    monkeypatch.setenv("KOMPETENSPASS_TRIAL_DATABASE_DSN", "postgresql://trial@/db")
    monkeypatch.setenv("KOMPETENSPASS_TRIAL_FEED_DSNS", '{"registry": "postgresql://log_reader@/db"}')
    settings = Settings()
    assert settings.base_url == "https://trial.example"
    assert settings.feed_dsns == {"registry": "postgresql://log_reader@/db"}


def test_es256_is_computed_with_cryptography_unless_the_environment_says_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = Settings(base_url="https://trial.example", database_dsn="x")
    assert settings.crypto == "cryptography"
    monkeypatch.setenv("KOMPETENSPASS_TRIAL_CRYPTO", "aws-lc")
    assert Settings(base_url="https://trial.example", database_dsn="x").crypto == "aws-lc"
    monkeypatch.setenv("KOMPETENSPASS_TRIAL_CRYPTO", "openssl")
    with pytest.raises(ValidationError):
        Settings(base_url="https://trial.example", database_dsn="x")

"""One setting chooses the transport of other services' logs; Kafka costs nothing where it is not chosen."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import ValidationError
from sqlalchemy import Column, MetaData, Table, Uuid

from kompetenspass.core.clock import system_clock
from kompetenspass.core.errors import Problem
from kompetenspass.events.registry import CredentialRevoked
from kompetenspass.log.api import Recorded
from kompetenspass.log.kafka.feed import KafkaFeed
from kompetenspass.log.postgres import PostgresFeed
from kompetenspass.log.project import Projection
from kompetenspass.log.writing import Writing
from kompetenspass.testing.postgres import Database
from kompetenspass.testing.waiting import until
from kompetenspass.web.feeds import by_every_transport, foreign_feeds
from kompetenspass.web.readiness import Readiness
from kompetenspass.web.runtime import Runtime
from kompetenspass.web.settings import Kafka, ServiceSettings, environment

ROOT = Path(__file__).parents[3]
PACKAGE = "trial_feeds.verification.migrations"
NOWHERE = Kafka(bootstrap_servers="127.0.0.1:1", security="PLAINTEXT", partitions=2)
OTHERS = {"catalog", "issuance", "registry", "wallet"}
TABLES = MetaData()
Table("revoked", TABLES, Column("event_id", Uuid, primary_key=True))


class Settings(ServiceSettings):
    service = "verification"
    model_config = environment("verification")


async def note(_writing: Writing, _recorded: Recorded) -> None:
    raise AssertionError("there is nothing to read")


REVOKED = Projection("revoked", 1, ("registry",), TABLES, {CredentialRevoked: note})


def settings(dsn: str = "postgresql:///none", **given: object) -> Settings:
    reader = {"registry": dsn.replace("verification@", "log_reader@")}
    return Settings(base_url="https://v.example", database_dsn=dsn, feed_dsns=reader, **given)  # type: ignore[arg-type]  # by name


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "trial_feeds" / "verification" / "migrations").mkdir(parents=True)
    monkeypatch.syspath_prepend(tmp_path)
    return PACKAGE


@pytest.fixture
async def without_kafka(database: Database, package: str) -> AsyncIterator[Runtime]:
    """A service that follows by Kafka, of which nothing answers."""
    made = Runtime(settings(database.dsn("verification"), transport="kafka", kafka=NOWHERE), migrations=package)
    made.project(REVOKED)
    async with made:
        yield made


def test_by_postgresql_the_settings_name_whose_logs_come() -> None:
    feeds = foreign_feeds(settings(), system_clock)
    assert {owner: type(feed) for owner, feed in feeds.items()} == {"registry": PostgresFeed}


def test_by_kafka_every_other_services_log_comes_and_the_own_one_never() -> None:
    feeds = foreign_feeds(settings(transport="kafka", kafka=NOWHERE), system_clock)
    assert {owner: type(feed) for owner, feed in feeds.items()} == dict.fromkeys(OTHERS, KafkaFeed)


def test_for_a_change_there_are_the_feeds_of_both_transports() -> None:
    known = by_every_transport(settings(kafka=NOWHERE), system_clock)
    assert set(known) == OTHERS
    assert set(known["registry"]) == {"postgres", "kafka"}
    assert set(known["catalog"]) == {"kafka"}
    assert {owner: set(by) for owner, by in by_every_transport(settings(), system_clock).items()} == {
        "registry": {"postgres"}
    }


def test_how_to_come_to_kafka_is_read_part_by_part(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"BOOTSTRAP_SERVERS": "k:9092", "SECURITY": "PLAINTEXT", "PARTITIONS": "12"}.items():
        monkeypatch.setenv(f"KOMPETENSPASS_VERIFICATION_KAFKA_{name}", value)
    monkeypatch.setenv("KOMPETENSPASS_VERIFICATION_KAFKA_RELAY_PORT", "9001")  # a relay's own, which others pass over
    found = settings(transport="kafka").kafka
    assert found is not None
    assert (found.bootstrap_servers, found.security, found.partitions) == ("k:9092", "PLAINTEXT", 12)


def test_kafka_without_an_address_is_refused() -> None:
    with pytest.raises(ValidationError, match="kafka_bootstrap_servers"):
        settings(transport="kafka")


@pytest.mark.parametrize("module", ["services.wallet.cli", "services.registry.cli", "kompetenspass.web.runtime"])
def test_a_process_on_postgresql_imports_no_client_of_kafka(module: str) -> None:
    program = f"import sys, {module}; sys.exit(any(name.startswith('aiokafka') for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, timeout=300, check=False).returncode == 0


async def test_without_kafka_a_service_starts_says_so_and_decides_nothing_on_old_facts(without_kafka: Runtime) -> None:
    async def told() -> Readiness | None:
        readiness = await without_kafka.ready()
        return readiness if readiness.cursors else None

    async def says() -> bool:
        return await told() is not None

    await until(says)
    readiness = await told()
    assert readiness is not None
    assert not readiness.ready
    assert "catching_up" in readiness.reasons
    assert not without_kafka.fatal.is_set()
    with pytest.raises(Problem) as refused:
        await without_kafka.require_fresh("registry")
    assert refused.value.code == "facts_stale"


async def test_readers_that_came_by_postgresql_do_not_go_on_by_kafka_by_themselves(
    database: Database, package: str
) -> None:
    first = Runtime(settings(database.dsn("verification")), migrations=package)
    first.project(REVOKED)
    async with first:

        async def ready() -> bool:
            return (await first.ready()).ready

        await until(ready)
    second = Runtime(settings(database.dsn("verification"), transport="kafka", kafka=NOWHERE), migrations=package)
    second.project(REVOKED)
    async with second:

        async def refuses() -> bool:
            return "other_transport" in (await second.ready()).reasons

        await until(refuses)

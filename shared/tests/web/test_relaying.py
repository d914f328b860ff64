"""The commands around Kafka: settings, topics, and a relay that ends when it is told to."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
import typer
from typer.testing import CliRunner

from kompetenspass.log.api import Append
from kompetenspass.log.conformance import draft
from kompetenspass.log.kafka.headers import Watermark
from kompetenspass.log.postgres import PostgresLog
from kompetenspass.testing.histories import history
from kompetenspass.testing.kafka.clients import QUICK
from kompetenspass.testing.kafka.mock import MockKafka
from kompetenspass.testing.kafka.records import kept, records_of, said_in
from kompetenspass.testing.postgres import Database
from kompetenspass.testing.waiting import until
from kompetenspass.web.migrate import upgrade
from kompetenspass.web.relaying import add_relaying, read_kafka_settings
from kompetenspass.web.settings import ServiceSettings, environment

PREFIX = "KOMPETENSPASS_WALLET_"
RELAY = """
import typer
from kompetenspass.web.relaying import add_relaying
from kompetenspass.web.settings import ServiceSettings, environment

class Settings(ServiceSettings):
    service = "wallet"
    model_config = environment("wallet")

cli = typer.Typer()
add_relaying(cli, "wallet", Settings)
cli(["relay"])
"""


class Settings(ServiceSettings):
    service = "wallet"
    model_config = environment("wallet")


@pytest.fixture
def kafka() -> Iterator[MockKafka]:
    with MockKafka() as mock:
        yield mock


@pytest.fixture
def settings(database: Database, kafka: MockKafka, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{PREFIX}BASE_URL", "https://wallet.example")
    monkeypatch.setenv(f"{PREFIX}DATABASE_DSN", database.dsn("wallet"))
    monkeypatch.setenv(f"{PREFIX}KAFKA_BOOTSTRAP_SERVERS", kafka.bootstrap)
    monkeypatch.setenv(f"{PREFIX}KAFKA_SECURITY", "PLAINTEXT")
    monkeypatch.setenv(f"{PREFIX}KAFKA_PARTITIONS", "3")


@pytest.fixture
async def relay_table(database: Database, tmp_path: Path) -> None:
    with history(tmp_path, "relaying", "kompetenspass.log.kafka.revisions", "relay_cursor") as package:
        await upgrade(database.dsn("wallet"), package)


def invoke(*arguments: str) -> tuple[int, str]:
    cli = typer.Typer()
    add_relaying(cli, "wallet", Settings)
    result = CliRunner().invoke(cli, arguments)
    return result.exit_code, result.output


@pytest.mark.usefixtures("settings")
def test_settings_come_from_the_environment_of_the_service(kafka: MockKafka) -> None:
    read = read_kafka_settings("wallet")
    assert (read.bootstrap_servers, read.partitions, read.replication) == (kafka.bootstrap, 3, 3)


def test_missing_settings_are_named_and_the_exit_code_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{PREFIX}KAFKA_PARTITIONS", "none")
    code, output = invoke("topics", "check")
    assert code == 2
    assert f"{PREFIX}KAFKA_BOOTSTRAP_SERVERS: Field required" in output
    assert f"{PREFIX}KAFKA_PARTITIONS: " in output


@pytest.mark.usefixtures("settings")
def test_topics_that_are_missing_are_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kompetenspass.log.kafka.topics._PAUSES", (0.01,))
    code, output = invoke("topics", "check")
    assert code == 1
    assert "kafka_topics_missing" in output
    assert "topics make" in output


@pytest.mark.usefixtures("settings", "relay_table")
async def test_a_relay_sends_until_it_is_told_to_stop(kafka: MockKafka, database: Database) -> None:
    topic = "kompetenspass.wallet.internal"
    kafka.create_topic(topic, 3)
    log = PostgresLog("wallet", database.dsn("wallet"))
    await log.start()
    try:
        await log.append(Append("s", 0, [draft() for _ in range(20)]))
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", RELAY)
        try:
            await _until_sent(database, 20)
            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(60):
                assert await process.wait() == 0
        finally:
            if process.returncode is None:
                process.kill()
        said = [said_in(part) for part in await records_of(topic, 3, bootstrap_servers=kafka.bootstrap, **QUICK)]
        assert [row for part in said for row in kept(part)] == list(await log.read_stream("s"))
        assert all(isinstance(part[-1], Watermark) for part in said)
    finally:
        await log.stop()


async def _until_sent(database: Database, position: int) -> None:
    admin = await asyncpg.connect(database.admin_dsn)
    try:

        async def sent() -> bool:
            return bool(await admin.fetchval("SELECT position FROM wallet.relay_cursor") == position)

        await until(sent)
    finally:
        await admin.close()


@pytest.mark.usefixtures("settings", "relay_table")
async def test_a_rewind_is_said_to_be_done(database: Database) -> None:
    code, output = await asyncio.to_thread(invoke, "topics", "rewind")
    assert (code, output) == (0, "the relay begins with the first event\n")
    await _until_sent(database, 0)

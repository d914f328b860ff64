"""The commands of a growing log, one after the other, as an operator gives them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from fastapi import FastAPI
from typer.testing import CliRunner

from kompetenspass.core.ids import uuid7
from kompetenspass.embedded.environment import variables
from kompetenspass.embedded.provision import connected
from kompetenspass.events.envelope import SYSTEM, Context, seal
from kompetenspass.events.wallet import CredentialReceived
from kompetenspass.log.api import Append
from kompetenspass.log.merkle.checkpointing import Checkpointing
from kompetenspass.log.merkle.store import TreeStore
from kompetenspass.testing.clock import NOON, FixedClock
from kompetenspass.testing.postgres import Database
from kompetenspass.web.cli import runtime_of
from kompetenspass.web.transparency import signer_of
from services.wallet.app import create_app
from services.wallet.cli import cli
from services.wallet.settings import Settings

SIZE, EVENTS = "20", 45


@pytest.fixture
def told(settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Run a command of the service and return what it says, the code it leaves with before it where that is not 0."""
    for name, value in variables(settings):
        monkeypatch.setenv(name, value)

    def run(*arguments: str, owner: bool = False) -> str:
        given = [*arguments, *(["--dsn", database.admin_dsn] if owner else [])]
        result = CliRunner().invoke(cli, given)
        return (f"{result.exit_code} " if result.exit_code else "") + result.output

    return run


def within(settings: Settings, work: Callable[[FastAPI], Awaitable[None]]) -> None:
    """Do something while the service runs."""

    async def run() -> None:
        app = create_app(settings, clock=FixedClock())
        async with app.router.lifespan_context(app):
            await work(app)

    asyncio.run(run())


async def fill(app: FastAPI) -> None:
    """Let three accounts receive credentials, all be read, and the tree be signed."""
    runtime = runtime_of(app)
    accounts = [uuid7() for _ in range(3)]
    for number in range(EVENTS):
        account = accounts[number % 3]
        event = CredentialReceived(account_id=account, digest=f"d{number}", issuer="https://issuer.example")
        sealed = seal(uuid7(), event, Context(SYSTEM, NOON, "test"))
        await runtime.log.append(Append(f"account-{account}", number // 3, [sealed]))
    await runtime.caught_up("wallet", EVENTS, 60)
    await Checkpointing(runtime.log, TreeStore(runtime.engine), signer_of(runtime.settings), rest=0).run()


def test_an_old_partition_goes_and_comes_back(
    told: Callable[..., str],
    settings: Settings,
    database: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _forget_log(database)
    assert told("log", "install", "--partition-events", SIZE, owner=True) == ""
    within(settings, fill)
    assert told("audit", "keep", str(tmp_path / "kept")) == f"kept {EVENTS} events\n"
    assert [line.split()[:2] for line in told("log", "partitions", owner=True).splitlines()] == [
        ["1", "20"], ["21", "40"], ["41", "60"],
    ]  # fmt: skip
    folder = tmp_path / "detached"
    detach = ("log", "detach", "--before", "41", "--to", str(folder))
    assert told(*detach, "--dsn", settings.database_dsn).startswith("1 not_the_owner:")
    assert told(*detach, owner=True).startswith("1 streams_open: 3 streams in log_p1 ")
    assert told("log", "snapshot", "--before", "41", owner=True) == "made 3 snapshots; 0 streams can have none\n"
    assert told(*detach, owner=True).count("detached wallet-") == 2
    assert told("audit", "verify", str(tmp_path / "kept")).startswith("2 nothing can be said: log_no_longer_kept:")
    monkeypatch.setenv("KOMPETENSPASS_WALLET_DETACHED_DIR", str(folder))
    assert told("audit", "verify", str(tmp_path / "kept")) == f"verified {EVENTS} events\n"
    _deploy_other_code(database)
    for made in (3, 0):
        said = told("log", "snapshot", "--before", "41", owner=True)
        assert said == f"made {made} snapshots; 0 streams can have none\n"
    assert "generation 2 is live" in told("replay", "timeline")
    assert told("audit", "export", str(tmp_path / "all.jsonl")) == f"exported {EVENTS} events\n"
    assert told("log", "attach", "--from", str(folder), owner=True).startswith("attached wallet-000000000000021-")
    assert len(told("log", "partitions", owner=True).splitlines()) == 2


def _forget_log(database: Database) -> None:
    _executed(database, "DROP SCHEMA wallet_log CASCADE")


def _deploy_other_code(database: Database) -> None:
    """Let the snapshots be those of code that is not deployed any more."""
    _executed(database, "UPDATE wallet_log.log_snapshot SET state_type = 'Account of other code'")


def _executed(database: Database, statement: str) -> None:
    async def execute() -> None:
        async with connected(database.admin_dsn) as admin:
            await admin.execute(statement)

    asyncio.run(execute())

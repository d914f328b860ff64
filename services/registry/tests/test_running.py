"""How the registry runs: stale facts, alarms, replay, a second start, durable tables, sweeping."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection
from structlog.testing import capture_logs

from kompetenspass.core.errors import Problem
from kompetenspass.core.ids import uuid7
from kompetenspass.embedded.pki import DevelopmentCA
from kompetenspass.keys.file import create_key
from kompetenspass.testing.clock import NOON
from kompetenspass.testing.keys import TestAnchor
from kompetenspass.testing.postgres import Database
from kompetenspass.testing.waiting import until
from kompetenspass.web.cli import runtime_of
from kompetenspass.web.migrate import engine_of, upgrade
from services.registry.app import create_app
from services.registry.domain.status_list import first_list
from services.registry.settings import Settings
from services.registry.state import State, metadata
from services.registry.tests.conftest import Rig, issued, running


async def test_a_command_on_stale_facts_is_refused_for_now(database: Database, tmp_path: Path) -> None:
    async with running(database, tmp_path, max_staleness_seconds=30) as rig:
        await rig.runtime.readers.stop()
        rig.clock.advance(timedelta(hours=2))
        answer = await rig.issuer_command(f"/v1/credentials/{uuid7()}/revoke", {"reason_code": "fraud"})
        assert (answer.status_code, answer.json()["code"]) == (503, "facts_stale")


async def test_a_list_that_is_four_fifths_full_alarms_once(database: Database, tmp_path: Path) -> None:
    with capture_logs() as lines:
        async with running(database, tmp_path, status_list_size=10) as rig:
            await rig.enrolled()
            await rig.issue(issued(uuid7(), *range(7)))
            assert not _alarms(lines)
            await rig.issue(issued(uuid7(), 7))
            await until(_look(lines))
            await rig.issue(issued(uuid7(), 8))
    (alarm,) = _alarms(lines)
    assert (alarm["used"], alarm["size"], alarm["alarm"]) == (8, 10, True)


def _alarms(lines: list[Any]) -> list[Any]:
    return [line for line in lines if line["event"] == "status_list_nearly_full"]


def _look(lines: list[Any]) -> Any:
    async def look() -> list[Any]:
        return _alarms(lines)

    return look


async def test_a_replay_gives_the_same_list(rig: Rig) -> None:
    await rig.enrolled()
    credential = uuid7()
    await rig.issue(issued(credential, 5))
    await rig.issuer_command(f"/v1/credentials/{credential}/revoke", {"reason_code": "fraud"})
    before = await until(lambda: _changed_token(rig))
    assert await rig.runtime.readers.replay("status") == 2
    await until(rig.ready)
    assert await rig.list_token() == before


async def _changed_token(rig: Rig) -> str | None:
    marks = await State(rig.runtime.engine).marks()
    return await rig.list_token() if marks[first_list("org:alfa")].change else None


async def test_a_second_start_finds_its_lists_and_signs_them_with_the_new_leaf(
    database: Database, tmp_path: Path
) -> None:
    async with running(database, tmp_path) as rig:
        await rig.enrolled()
        first = await rig.list_token()
    async with running(database, tmp_path) as rig:

        async def signed_anew() -> bool:
            token = await rig.list_token()
            return token is not None and token != first

        await until(signed_anew)
        assert await rig.list_token() != first


async def test_the_migration_makes_the_tables_that_the_state_declares(database: Database) -> None:
    await upgrade(database.dsn("registry"), "services.registry.migrations")
    engine = engine_of(database.dsn("registry"), "registry")

    def differences(connection: Connection) -> list[Any]:
        known = set(metadata.tables)
        options = {"include_name": lambda name, kind, _parents: kind != "table" or name in known}
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))

    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []
    await engine.dispose()


async def test_expired_challenges_are_swept_and_others_stay(database: Database) -> None:
    await upgrade(database.dsn("registry"), "services.registry.migrations")
    engine = engine_of(database.dsn("registry"), "registry")
    state = State(engine)
    await state.keep_challenge("old", "org:alfa", NOON)
    await state.keep_challenge("new", "org:alfa", NOON + timedelta(minutes=5))
    assert await state.sweep_challenges(NOON) == 1
    assert await state.spend_challenge("new", "org:alfa", NOON)
    assert not await state.spend_challenge("new", "org:alfa", NOON)
    await engine.dispose()


def from_files(database: Database, folder: Path) -> Settings:
    return Settings(
        base_url="https://registry.example",
        issuer_base_url="https://issuance.example",
        database_dsn=database.dsn("registry"),
        feed_dsns={"issuance": database.dsn("log_reader")},
        state_dir=folder,
    )


async def test_it_starts_with_the_key_files_of_its_state_folder(database: Database, tmp_path: Path) -> None:
    authority = DevelopmentCA(tmp_path / "ca")
    public_key = create_key(tmp_path / "status.key.pem")
    (tmp_path / "status.chain.pem").write_text(authority.issue("status", "Status", [], public_key))
    (tmp_path / "trust-anchors.pem").write_text(authority.root_pem)
    app = create_app(from_files(database, tmp_path))
    async with app.router.lifespan_context(app):
        assert runtime_of(app).log.healthy


@pytest.mark.parametrize(("present", "code"), [((), "trust_anchors_unreadable"), (("trust",), "key_unusable")])
async def test_without_its_key_files_it_does_not_start(
    database: Database, tmp_path: Path, present: tuple[str, ...], code: str
) -> None:
    if present:
        (tmp_path / "trust-anchors.pem").write_text(TestAnchor().root_pem)
    app = create_app(from_files(database, tmp_path))
    with pytest.raises(Problem, match=code):
        async with app.router.lifespan_context(app):
            raise AssertionError("it started")


def test_a_list_outlives_its_ttl_four_times_or_the_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="four times"):
        Settings(
            base_url="https://registry.example",
            issuer_base_url="https://issuance.example",
            database_dsn="",
            status_ttl_seconds=100,
            status_lifetime_seconds=300,
        )

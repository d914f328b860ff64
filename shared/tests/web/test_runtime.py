"""The runtime on a real PostgreSQL: tables, log, readers, freshness, timers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import Column, MetaData, Table, Uuid, select, text

from kompetenspass.core.digest import b64u_decode
from kompetenspass.core.errors import Problem
from kompetenspass.core.ids import uuid7
from kompetenspass.events.envelope import SYSTEM, Context
from kompetenspass.events.verification import PresentationJudged
from kompetenspass.keys import es256
from kompetenspass.log.api import Recorded
from kompetenspass.log.execute import execute
from kompetenspass.log.project import Projection
from kompetenspass.log.writing import Writing
from kompetenspass.testing.clock import NOON, FixedClock
from kompetenspass.testing.keys import TestSigner
from kompetenspass.testing.postgres import Database
from kompetenspass.testing.waiting import PATIENCE_SECONDS
from kompetenspass.web.migrate import upgrade
from kompetenspass.web.runtime import Runtime
from kompetenspass.web.settings import ServiceSettings, environment

MIGRATION = """
import sqlalchemy as sa
from alembic import op
revision, down_revision, branch_labels, depends_on = "0001", None, None, None
def upgrade():
    op.create_table("codes", sa.Column("code", sa.Text, primary_key=True))
"""
PACKAGE = "trial_services.verification.migrations"
TABLES = MetaData()
judged = Table("judged", TABLES, Column("request_id", Uuid, primary_key=True))


class Settings(ServiceSettings):
    service = "verification"
    model_config = environment("verification")


async def note(writing: Writing, recorded: Recorded) -> None:
    assert isinstance(recorded.event, PresentationJudged)
    writing.put(judged, {"request_id": recorded.event.request_id})


JUDGED = Projection("judged", 1, ("verification",), TABLES, {PresentationJudged: note})


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    folder = tmp_path / "trial_services" / "verification" / "migrations"
    folder.mkdir(parents=True)
    (folder / "0001_first.py").write_text(MIGRATION)
    monkeypatch.syspath_prepend(tmp_path)
    return PACKAGE


@pytest.fixture
def settings(database: Database) -> Settings:
    dsns = {"registry": database.dsn("log_reader")}
    return Settings(base_url="https://verification.example", database_dsn=database.dsn("verification"), feed_dsns=dsns)


@pytest.fixture
async def runtime(settings: Settings, package: str) -> AsyncIterator[Runtime]:
    made = Runtime(settings, clock=FixedClock(), migrations=package)
    made.project(JUDGED)
    async with made:
        yield made


async def state(runtime: Runtime, request_id: UUID) -> int:
    done = await execute(
        runtime.log,
        f"request-{request_id}",
        initial=None,
        evolve=lambda state, _event: state,
        decide=lambda _state: [PresentationJudged(request_id=request_id, outcome="verified")],
        context=Context(SYSTEM, NOON, "test"),
    )
    return done.position


async def test_what_was_appended_is_projected_and_a_reader_may_wait_for_it(runtime: Runtime) -> None:
    request_id = uuid7()
    position = await state(runtime, request_id)
    await runtime.caught_up("verification", position, PATIENCE_SECONDS)
    async with runtime.engine.connect() as connection:
        assert await connection.scalar(select(judged.c.request_id)) == request_id
    readiness = await runtime.ready()
    assert (readiness.ready, readiness.cursors[0].position) == (True, position)


async def test_waiting_for_what_never_comes_ends(runtime: Runtime) -> None:
    with pytest.raises(Problem, match="not_caught_up"):
        await runtime.caught_up("verification", 99, 0.05)
    with pytest.raises(Problem, match="invalid_request"):
        await runtime.caught_up("issuance", 1, 0.05)


async def test_of_the_own_log_without_a_projection_it_is_enough_to_hold_the_position(
    settings: Settings, package: str
) -> None:
    async with Runtime(settings, clock=FixedClock(), migrations=package) as unread:
        position = await state(unread, uuid7())
        await unread.caught_up("verification", position, PATIENCE_SECONDS)
        with pytest.raises(Problem, match="not_caught_up"):
            await unread.caught_up("verification", position + 1, 0.05)
        waiting = asyncio.create_task(unread.caught_up("verification", position + 1, PATIENCE_SECONDS))
        await state(unread, uuid7())
        await waiting


async def test_facts_are_fresh_until_they_were_checked_too_long_ago(runtime: Runtime) -> None:
    await runtime.caught_up("verification", await state(runtime, uuid7()), PATIENCE_SECONDS)
    await until_ready(runtime)
    await runtime.require_fresh("verification")
    assert isinstance(runtime.clock, FixedClock)
    await runtime.readers.stop()
    runtime.clock.advance(timedelta(seconds=31))
    with pytest.raises(Problem, match="facts_stale"):
        await runtime.require_fresh("verification")


async def until_ready(runtime: Runtime) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not (await runtime.ready()).ready or await runtime.readers.checked_at("verification") is None:
            await runtime.log.wait(10**9, 0.05)


async def test_migrations_run_once_whoever_starts_first(settings: Settings, package: str, runtime: Runtime) -> None:
    await asyncio.gather(*(upgrade(settings.database_dsn, package) for _ in range(3)))
    async with runtime.engine.connect() as connection:
        assert await connection.scalar(text("select count(*) from codes")) == 0
        assert await connection.scalar(text("select version_num from verification.alembic_version")) == "0001"


async def test_a_timer_runs_in_one_process_only_and_survives_its_own_failure(settings: Settings, package: str) -> None:
    runs: list[str] = []
    third = asyncio.Event()
    first, second = (Runtime(settings, migrations=package) for _ in range(2))

    def tick(name: str) -> None:
        async def run() -> None:
            runs.append(name)
            if len(runs) == 1:
                raise RuntimeError("the first run fails")
            if len(runs) == 3:
                third.set()

        {"first": first, "second": second}[name].every(0.01, f"tick-{name}", run)

    tick("first")
    tick("second")
    async with first:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not runs:
                await first.log.wait(10**9, 0.01)
        async with second, asyncio.timeout(PATIENCE_SECONDS):
            await third.wait()
    assert set(runs) == {"first"}


async def test_the_readers_can_be_maintained_beside_the_service(settings: Settings, package: str) -> None:
    beside = Runtime(settings, migrations=package)
    beside.project(JUDGED)
    async with beside.maintained() as readers:
        assert await readers.parked.list() == []
        assert await readers.replay("judged") == 2
        assert await readers.drop_old("judged") == 1


async def test_a_service_computes_es256_with_what_its_settings_say_while_it_is_open(
    settings: Settings, package: str
) -> None:
    jwk = TestSigner().public_jwk
    point = b"\4" + b64u_decode(jwk["x"]) + b64u_decode(jwk["y"])
    switched = settings.model_copy(update={"crypto": "aws-lc"})
    async with Runtime(switched, clock=FixedClock(), migrations=package):
        assert isinstance(es256.public_key(point), es256.P256Key)
        with pytest.raises(Problem, match="crypto_of_two_kinds"):
            await Runtime(settings, clock=FixedClock(), migrations=package).__aenter__()
    async with Runtime(settings, clock=FixedClock(), migrations=package):
        assert not isinstance(es256.public_key(point), es256.P256Key)

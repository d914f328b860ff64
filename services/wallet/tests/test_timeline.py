"""The timeline's tables: any order of the logs gives the same rows, and a replay gives them byte for byte."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from datetime import timedelta
from uuid import UUID

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from kompetenspass.events.envelope import SYSTEM, Context, seal
from kompetenspass.log.api import Recorded
from kompetenspass.testing.clock import NOON
from kompetenspass.testing.postgres import Database
from kompetenspass.web.migrate import engine_of
from kompetenspass.web.runtime import Runtime
from services.wallet.projections import TIMELINE
from services.wallet.queries import Queries, Timeline
from services.wallet.tables import timeline as tables
from services.wallet.tests.conftest import Owners, body_of, waiting
from services.wallet.tests.facts import everything, id_of

ME = id_of("me")
Logs = dict[str, list[Recorded]]


def logs() -> Logs:
    """Return every fact of every log, as recorded a minute apart."""
    made: Logs = {}
    for minute, (stream, event) in enumerate(everything(ME)):
        log = made.setdefault(event.owner(), [])
        moment = NOON + timedelta(minutes=minute)
        draft = seal(id_of(f"event {minute}"), event, Context(SYSTEM, moment, "test"))
        log.append(Recorded(len(log) + 1, stream, 1, draft.id, draft.type, moment, draft.data))
    return made


def interleaved(order: Sequence[str]) -> list[Recorded]:
    """Return the facts, each log in its own order, the logs taken in turns as `order` says."""
    left = {owner: list(log) for owner, log in logs().items()}
    return [left[owner].pop(0) for owner in order]


TURNS = [owner for owner, log in logs().items() for _ in log]


class Loop:
    """A database's tables of the timeline, and a loop to work with them from a synchronous test."""

    def __init__(self, database: Database) -> None:
        self.runner = asyncio.Runner()
        self.engine = engine_of(database.dsn("wallet"), "wallet")
        self.run(self._make())

    def run(self, work: object) -> object:
        return self.runner.run(work)  # type: ignore[arg-type]  # a coroutine

    async def _make(self) -> None:
        async with self.engine.begin() as connection:
            await connection.run_sync(tables.create_all)

    async def applied(self, facts: Sequence[Recorded]) -> Timeline:
        async with self.engine.begin() as connection:
            for table in tables.sorted_tables:
                await connection.execute(table.delete())
            for fact in facts:
                await TIMELINE.handlers[type(fact.event)](connection, fact)
        return await Queries(self.engine).timeline(ME)


@pytest.fixture
def loop(database: Database) -> Iterator[Loop]:
    made = Loop(database)
    yield made
    made.run(made.engine.dispose())
    made.runner.close()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(TURNS), repeated=st.booleans())
def test_every_interleaving_of_the_logs_gives_the_same_rows(loop: Loop, order: list[str], repeated: bool) -> None:
    in_order = loop.run(loop.applied([fact for log in logs().values() for fact in log]))
    facts = interleaved(order)
    assert loop.run(loop.applied(facts + facts if repeated else facts)) == in_order


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(TURNS), seen=st.integers(0, len(TURNS)))
def test_a_row_shows_only_beside_its_issue(loop: Loop, order: list[str], seen: int) -> None:
    found = loop.run(loop.applied(interleaved(order)[:seen]))
    assert isinstance(found, Timeline)
    issued = {row.merit.credential_id for row in found.rows if row.kind == "issued"}
    assert {row.merit.credential_id for row in found.rows} == issued


def test_the_whole_life_is_told_and_nothing_of_another_learner(loop: Loop) -> None:
    found = loop.run(loop.applied([fact for log in logs().values() for fact in log]))
    assert isinstance(found, Timeline)
    kinds = [row.kind for row in found.rows]
    assert kinds[:5] == ["issued", "issued", "suspended", "suspended", "reinstated"]
    assert kinds[5:] == ["superseded", "issued", "revoked", "expired"]
    assert {holding.merit.credential_id: holding.status for holding in found.holdings} == {
        id_of("a"): "revoked",
        id_of("b"): "expired",
    }
    assert dict(found.rows[1].merit.title) == {"sv": "Vägen", "en": "The way"}
    assert [share.credential_id for share in found.shares] == [id_of("a")]


async def dump(engine: AsyncEngine) -> dict[str, list[str]]:
    """Return every row of every table of the live generation as text."""
    async with engine.connect() as connection:
        return {
            table.name: sorted(await connection.scalars(text(f"select t::text from {table.name} t")))
            for table in tables.sorted_tables
        }


async def test_a_replay_gives_the_same_rows_byte_for_byte(
    client: httpx2.AsyncClient, runtime: Runtime, owners: Owners, learner: dict[str, str], account_id: UUID
) -> None:
    positions = [await owners.state(stream, event) for stream, event in everything(account_id)]
    before_page = await client.get("/v1/timeline", headers=learner | waiting(*positions))
    assert before_page.status_code == 200, before_page.text
    assert len(before_page.json()["rows"]) == 9
    before = await dump(runtime.engine)
    assert await runtime.readers.replay("timeline") == 2
    assert await dump(runtime.engine) == before
    assert body_of(await client.get("/v1/timeline", headers=learner)) == body_of(before_page)
    async with runtime.engine.connect() as connection:
        assert await connection.scalar(text("select count(*) from wallet_timeline_g2.issues")) == 4

"""The timeline's tables: any order of the logs gives the same rows, and a replay gives them byte for byte."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from kompetenspass.events.base import Event
from kompetenspass.events.envelope import SYSTEM, Context, seal
from kompetenspass.log.api import Recorded
from kompetenspass.log.writing import Writing
from kompetenspass.testing.clock import NOON
from kompetenspass.testing.postgres import Database
from kompetenspass.web.migrate import engine_of
from kompetenspass.web.runtime import Runtime
from services.wallet.domain.pathways import PathwayView
from services.wallet.projections import TIMELINE
from services.wallet.queries import Queries, Timeline
from services.wallet.tables import timeline as tables
from services.wallet.tests.conftest import Owners, body_of, waiting
from services.wallet.tests.facts import everything, id_of
from services.wallet.tests.stack_facts import TECHNICIAN, ladder

ME = id_of("me")
ROWS = 24
Logs = dict[str, list[Recorded]]


def life(account_id: UUID) -> list[tuple[str, Event]]:
    """Return (stream, event) of all logs: two merits and all that can happen to them, then the ladder of awards."""
    return [*everything(account_id), *ladder(account_id)]


def logs() -> Logs:
    """Return every fact of every log, as recorded a minute apart."""
    made: Logs = {}
    for minute, (stream, event) in enumerate(life(ME)):
        log = made.setdefault(event.owner(), [])
        moment = NOON + timedelta(minutes=minute)
        draft = seal(id_of(f"event {minute}"), event, Context(SYSTEM, moment, "test"))
        log.append(Recorded(len(log) + 1, stream, 1, draft.id, draft.type, moment, draft.data))
    return made


def interleaved(order: Sequence[str]) -> list[Recorded]:
    """Return the facts, each log in its own order, the logs taken in turns as `order` says."""
    left = {owner: list(log) for owner, log in logs().items()}
    return [left[owner].pop(0) for owner in order]


def whole() -> list[Recorded]:
    """Return every fact, a log after the other."""
    return [fact for log in logs().values() for fact in log]


TURNS = [owner for owner, log in logs().items() for _ in log]


@dataclass(frozen=True)
class Seen:
    """What the learner sees."""

    timeline: Timeline
    pathways: Sequence[PathwayView]


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

    async def applied(self, facts: Sequence[Recorded]) -> Seen:
        async with self.engine.begin() as connection:
            for table in tables.sorted_tables:
                await connection.execute(table.delete())
            writing = Writing(connection)
            for fact in facts:
                await TIMELINE.handlers[type(fact.event)](writing, fact)
            await writing.flush()
        queries = Queries(self.engine)
        return Seen(await queries.timeline(ME), await queries.pathways(ME))

    def seen(self, facts: Sequence[Recorded]) -> Seen:
        """Return what the learner sees once exactly these facts have been read, in this order."""
        found = self.run(self.applied(facts))
        assert isinstance(found, Seen)
        return found


@pytest.fixture
def loop(database: Database) -> Iterator[Loop]:
    made = Loop(database)
    yield made
    made.run(made.engine.dispose())
    made.runner.close()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(TURNS), repeated=st.booleans())
def test_every_interleaving_of_the_logs_gives_the_same_rows(loop: Loop, order: list[str], repeated: bool) -> None:
    in_order = loop.seen(whole())
    facts = interleaved(order)
    assert loop.seen(facts + facts if repeated else facts) == in_order


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(TURNS), seen=st.integers(0, len(TURNS)))
def test_a_row_shows_only_beside_its_issue_or_award(loop: Loop, order: list[str], seen: int) -> None:
    found = loop.seen(interleaved(order)[:seen]).timeline
    issued = {row.merit.credential_id for row in found.rows if row.kind in ("issued", "awarded")}
    assert {row.merit.credential_id for row in found.rows} == issued


def test_the_whole_life_is_told_and_nothing_of_another_learner(loop: Loop) -> None:
    found = loop.seen(whole()).timeline
    mine = {id_of("a"), id_of("b")}
    kinds = [row.kind for row in found.rows if row.merit.credential_id in mine]
    assert kinds[:5] == ["issued", "issued", "suspended", "suspended", "reinstated"]
    assert kinds[5:] == ["superseded", "issued", "revoked", "expired"]
    status = {holding.merit.credential_id: holding.status for holding in found.holdings}
    assert (status[id_of("a")], status[id_of("b")]) == ("revoked", "expired")
    assert id_of("x") not in status
    assert dict(found.rows[1].merit.title) == {"sv": "Vägen", "en": "The way"}
    assert [share.credential_id for share in found.shares] == [id_of("a")]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(TURNS), seen=st.integers(0, len(TURNS)))
def test_an_award_never_shows_a_suspension_or_an_end_twice(loop: Loop, order: list[str], seen: int) -> None:
    found = loop.seen(interleaved(order)[:seen]).timeline
    shown = [(row.merit.credential_id, row.kind) for row in found.rows if row.award]
    for stack in ("tech", "duty"):
        for kind in ("awarded", "suspended", "reinstated", "revoked"):
            assert shown.count((id_of(f"{stack} credential"), kind)) <= 1


def test_the_ladder_is_told_with_two_hops_and_progress(loop: Loop) -> None:
    found = loop.seen(whole())
    duty = [row for row in found.timeline.rows if row.merit.credential_id == id_of("duty credential")]
    assert [row.kind for row in duty] == ["awarded", "suspended", "reinstated", "revoked"]
    assert [(one.kind, one.definition_id, one.change) for one in duty[1].why.lapsed] == [
        ("pathway", TECHNICIAN, "suspended")
    ]
    tech = [row.kind for row in found.timeline.rows if row.merit.credential_id == id_of("tech credential")]
    assert tech == ["awarded", "issued", "suspended", "reinstated", "review_opened"]
    fall = [row for row in found.timeline.rows if row.merit.credential_id == id_of("fall")]
    assert [(row.kind, row.why.by) for row in fall] == [("issued", None), ("superseded", id_of("new fall"))]
    assert [(view.info.pathway_id, view.state, view.done, view.total) for view in found.pathways] == [
        (TECHNICIAN, "awarded", 2, 2),
        ("path-duty", "revoked", 2, 2),
    ]


@pytest.mark.parametrize("name", ["issues", "supersessions", "awards", "proposals", "progress"])
def test_what_is_looked_up_by_learner_ref_has_an_index_for_it(name: str) -> None:
    table = tables.tables[name]
    first = [next(iter(index.columns)).name for index in table.indexes]
    assert "learner_ref" in [*first, next(iter(table.primary_key.columns)).name]


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
    positions = [await owners.state(stream, event) for stream, event in life(account_id)]
    before_page = await client.get("/v1/timeline", headers=learner | waiting(*positions))
    assert before_page.status_code == 200, before_page.text
    assert len(before_page.json()["rows"]) == ROWS
    before_walks = await client.get("/v1/pathways", headers=learner)
    before = await dump(runtime.engine)
    assert await runtime.readers.replay("timeline") == 2
    assert await dump(runtime.engine) == before
    assert body_of(await client.get("/v1/timeline", headers=learner)) == body_of(before_page)
    assert body_of(await client.get("/v1/pathways", headers=learner)) == body_of(before_walks)
    async with runtime.engine.connect() as connection:
        assert await connection.scalar(text("select count(*) from wallet_timeline_g2.issues")) == 8

"""Parts of a log that come at their own speeds: what was half seen is judged by nobody, and breaks no answer."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

import pytest

from kompetenspass.core.errors import Problem
from kompetenspass.events.issuance import CredentialIssued
from kompetenspass.log.project import Projection
from kompetenspass.pathway.held import Held
from kompetenspass.testing.postgres import Database
from services.issuance import projections as issuance
from services.issuance.queries import Queries as Overview
from services.issuance.service.stacking_ports import Holdings
from services.issuance.tests.stated import queries_on
from services.wallet.projections import TIMELINE
from services.wallet.queries import Queries as Wallet
from tests.integration import told
from tests.integration.agreeing import KeptFeed, Look, Pace, Tables, engine_on, filled
from tests.integration.told_world import id_of

SEEDS = (1, 2)
_LOOKS = 0.2


@pytest.fixture(scope="module")
def logs() -> told.Logs:
    return told.logs(20261122)


async def fill(tables: Tables, projection: Projection, logs: told.Logs, pace: Pace, look: Look | None = None) -> None:
    feeds = [KeptFeed(owner, logs[owner]) for owner in projection.logs]
    await filled(tables, projection, feeds, pace, look)


async def held_by(queries: Overview, learner: str) -> Holdings | None:
    """Return what a learner has, None where that is not known yet."""
    await queries.refresh()
    try:
        return await queries.holdings(learner)
    except Problem as problem:
        if problem.code != "facts_stale":
            raise
        return None


def check_held(held: Sequence[Held], in_the_end: dict[object, Held]) -> None:
    """A credential counts as what it is, or not at all; its place is taken only by one that counts."""
    ids = {one.credential_id for one in held}
    for one in held:
        known = in_the_end[one.credential_id]
        withdrawn = known.reason_code == "holder_request"  # and nothing that became of it since is told
        assert one.superseded_by in (None, known.superseded_by) or withdrawn
        assert one.superseded_by is None or one.superseded_by in ids
        assert (one.rpl, one.awarded_at, one.valid_to) == (known.rpl, known.awarded_at, known.valid_to)
        replaced_only = one.reason_code == "superseded" and one.superseded_by is None
        assert not replaced_only or one.standing == "unknown"


@pytest.mark.parametrize("seed", SEEDS)
async def test_no_credential_counts_as_what_it_is_not(database: Database, logs: told.Logs, seed: int) -> None:
    dice = random.Random(seed)
    async with engine_on(database, "facts", "overview") as engine:
        facts = Tables(engine, "facts", issuance.facts.metadata)
        overview = Tables(engine, "overview", issuance.overview.metadata)
        await asyncio.gather(facts.make(), overview.make())
        queries, seen = queries_on(engine), list[tuple[str, Holdings]]()
        learners = sorted(
            {row.event.learner_ref for row in logs["issuance"] if isinstance(row.event, CredentialIssued)}
        )
        learners += [f"guest-{number}" for number in range(6)]

        async def look() -> None:
            learner = dice.choice(learners)
            found = await held_by(queries, learner)
            seen.extend([(learner, found)] if found is not None and found.held else [])

        await fill(facts, issuance.facts, logs, Pace(3, random.Random(seed)), look)
        await fill(overview, issuance.overview, logs, Pace(64, random.Random(seed)), look)
        assert len(seen) > len(learners)
        for learner, found in seen:
            known = await held_by(queries, learner)
            assert known is not None
            check_held(found.held, {one.credential_id: one for one in known.held})


@pytest.mark.parametrize("seed", SEEDS)
async def test_the_wallet_answers_whatever_it_has_seen(database: Database, logs: told.Logs, seed: int) -> None:
    dice = random.Random(seed)
    async with engine_on(database, "timeline") as engine:
        tables, queries = Tables(engine, "timeline", TIMELINE.metadata), Wallet(engine)
        await tables.make()
        looks = 0

        async def look() -> None:
            nonlocal looks
            if dice.random() > _LOOKS:
                return
            account = id_of(f"account learner-{dice.randrange(12)}")
            looks += bool((await queries.timeline(account)).rows)
            await queries.pathways(account)

        await fill(tables, TIMELINE, logs, Pace(16, random.Random(seed)), look)
        assert looks

"""The read tables: the same rows whatever the order of the logs, however often an event is told."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from kompetenspass.events import registry, stacking
from kompetenspass.events.base import Event
from kompetenspass.events.issuance import OfferWithdrawn
from kompetenspass.log.api import Recorded
from kompetenspass.log.project import Poison
from kompetenspass.testing.clock import NOON
from kompetenspass.testing.postgres import Database
from services.issuance import tables as t
from services.issuance.tests.stated import (
    PATHWAY,
    STACK,
    constituent,
    defined,
    earned,
    founded,
    id_of,
    issued,
    lapse,
    log_of,
    merit,
    offered,
    pathway,
    proposed,
    rows,
    say,
    stacked,
    tabled,
)

A = id_of("a")
SUSPENDED = registry.CredentialSuspended(
    credential_id=A, copies=(), cause="lapse:1", causes=("issuer", "lapse:1"), reason_code="under_review"
)
REVOKED = registry.CredentialRevoked(
    credential_id=A, copies=(), reason_code="fraud", effective_from=NOON, void_ab_initio=True
)
REVIEW = stacking.StackReviewOpened(
    stack_id=STACK, constituent_id=A, reason_code="fraud", deadline=NOON + timedelta(days=30)
)
CONFIRMED = stacking.StackConfirmed(stack_id=STACK, decision_ref="d", accepted=(A,))
DECLINED = stacking.StackAwardDeclined(stack_id=STACK, decision_ref="d", reason_code="r")
RULE_OF_TWO = {"any_of": [{"credential": "sko-ys-02"}, {"pathway": "other-path"}]}


@pytest.fixture
async def connection(database: Database) -> AsyncIterator[AsyncConnection]:
    async with tabled(database) as engine, engine.connect() as made:
        yield made


def reinstated(*causes: str) -> registry.CredentialReinstated:
    return registry.CredentialReinstated(credential_id=A, copies=(), cause="x", causes=causes, reason_code="cleared")


def interleavings(one: Sequence[Recorded], other: Sequence[Recorded]) -> Iterator[list[Recorded]]:
    total = len(one) + len(other)
    for places in itertools.combinations(range(total), len(one)):
        first, second = iter(one), iter(other)
        yield [next(first) if n in places else next(second) for n in range(total)]


async def only(connection: AsyncConnection, table: Any) -> dict[str, Any]:
    return dict((await connection.execute(select(table))).mappings().one())


async def test_every_interleaving_of_registry_and_catalog_fills_the_same_facts(connection: AsyncConnection) -> None:
    said = log_of([*founded(), SUSPENDED, REVOKED]), log_of([*defined(), pathway(), pathway(version=2)])
    seen = []
    for events in interleavings(*said):
        nested = await connection.begin_nested()
        await say(connection, *events)
        seen.append(await rows(connection, t.FACTS))
        await nested.rollback()
    assert len(seen) == 35
    assert all(one == seen[0] for one in seen)
    assert all(seen[0][name] for name in ("pathways", "pathway_members", "sector_approvals", "credential_statuses"))


async def test_an_event_that_comes_twice_changes_nothing(connection: AsyncConnection) -> None:
    facts = [*founded(), SUSPENDED, reinstated("issuer"), REVOKED, *defined(), pathway()]
    own = [*earned("a"), proposed(), stacked(), REVIEW, lapse(stacking.StackSuspended), CONFIRMED]
    own += [stacking.StackRebound(stack_id=STACK, from_credential_id=A, to=constituent("c"))]
    seen = []
    for times in (1, 2):
        nested = await connection.begin_nested()
        await say(connection, *facts, *own, times=times)
        seen.append((await rows(connection, t.FACTS), await rows(connection, t.OVERVIEW)))
        await nested.rollback()
    assert seen[0] == seen[1]


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ((SUSPENDED,), ("suspended", "under_review", False, ["issuer", "lapse:1"], 1)),
        ((SUSPENDED, reinstated("issuer")), ("suspended", "under_review", False, ["issuer"], 2)),
        ((SUSPENDED, reinstated()), ("valid", None, False, [], 2)),
        ((SUSPENDED, REVOKED), ("revoked", "fraud", True, [], 2)),
        ((registry.CredentialExpired(credential_id=A, copies=(), at=NOON),), ("expired", None, False, [], 1)),
    ],
)
async def test_a_status_says_why_and_since_when(
    connection: AsyncConnection, events: Sequence[Event], expected: tuple[Any, ...]
) -> None:
    await say(connection, *events)
    row = await only(connection, t.credential_statuses)
    assert tuple(row.values())[1:-1] == expected


async def test_each_version_of_a_pathway_stays_with_its_members(connection: AsyncConnection) -> None:
    await say(connection, pathway(), pathway(version=2, rule=RULE_OF_TWO))
    members = (await connection.execute(select(t.pathway_members))).all()
    assert len([one for one in members if one.version == 1]) == 10
    second = {(one.kind, one.id) for one in members if one.version == 2}
    assert second == {("definition", "sko-ys-02"), ("pathway", "other-path")}
    kept = (await connection.execute(select(t.pathways.c.version, t.pathways.c.mode, t.pathways.c.selectors))).all()
    assert sorted(map(tuple, kept)) == [(1, "automatic", False), (2, "automatic", False)]


async def test_a_pathway_with_selectors_is_marked(connection: AsyncConnection) -> None:
    await say(connection, pathway(rule={"credits": {"unit": "hours", "min": 10, "from": [{"field": "0231"}]}}))
    assert (await only(connection, t.pathways))["selectors"] is True


async def test_a_pathway_that_cannot_be_read_is_poison(connection: AsyncConnection) -> None:
    with pytest.raises(Poison, match="pathway_malformed"):
        await say(connection, pathway(rule={"none_of": []}))


async def test_a_credential_says_whose_it_is_and_which_copies_are_live(connection: AsyncConnection) -> None:
    again = offered("a", number=2)
    await say(connection, *earned("a"), again, issued(again, "x", "y", replaces=["copy of a"]))
    row = await only(connection, t.credentials)
    assert (row["kind"], row["learner_ref"], row["definition_id"]) == ("definition", "learner-1", "sko-ys-01")
    assert (row["offer_state"], row["digests"], row["superseded_by"]) == ("fetched", ["x", "y"], None)


async def test_a_withdrawn_offer_leaves_the_copies_that_are_live(connection: AsyncConnection) -> None:
    again = offered("a", number=2)
    over = OfferWithdrawn(credential_id=A, offer_id=again.offer_id, cause="expired")
    await say(connection, *earned("a"), again, over)
    row = await only(connection, t.credentials)
    assert (row["offer_state"], row["digests"]) == ("withdrawn:expired", ["copy of a"])


async def test_a_superseded_credential_names_its_successor(connection: AsyncConnection) -> None:
    event = stacking.CredentialSuperseded(
        credential_id=A, by_credential_id=id_of("b"), learner_ref="learner-1", definition_id="sko-ys-01",
        issuer_org="org:a", cause="correction",
    )  # fmt: skip
    await say(connection, *earned("a"), event)
    assert (await only(connection, t.credentials))["superseded_by"] == id_of("b")


async def test_an_award_of_an_earlier_day_counts_from_its_start(connection: AsyncConnection) -> None:
    await say(connection, *merit("a", on=NOON.date() - timedelta(days=2)))
    row = await only(connection, t.achievements)
    assert row["awarded_at"] == NOON - timedelta(days=2, hours=12)
    assert row["vault_ref"] == id_of("vault a")


async def test_an_award_of_the_same_day_counts_from_its_confirmation(connection: AsyncConnection) -> None:
    await say(connection, *merit("a"))
    assert (await only(connection, t.achievements))["awarded_at"] == NOON + timedelta(seconds=3)


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ((proposed(),), ("proposed", [])),
        ((proposed(), DECLINED), ("declined", [])),
        ((proposed(), stacked()), ("awarded", [])),
        ((stacked(), lapse(stacking.StackSuspended)), ("suspended", ["lapse:1"])),
        (
            (
                stacked(),
                lapse(stacking.StackSuspended),
                lapse(stacking.StackSuspended, "review"),
                lapse(stacking.StackReinstated),
            ),
            ("suspended", ["review"]),
        ),
        (
            (stacked(), lapse(stacking.StackSuspended), lapse(stacking.StackReinstated)),
            ("awarded", []),
        ),
        (
            (stacked(), lapse(stacking.StackRevoked), lapse(stacking.StackReinstated)),
            ("revoked", []),
        ),
    ],
)  # fmt: skip
async def test_the_state_of_an_award_follows_its_events(
    connection: AsyncConnection, events: Sequence[Event], expected: tuple[str, list[str]]
) -> None:
    await say(connection, *events)
    row = await only(connection, t.stacks)
    assert (row["state"], row["causes"]) == expected


@pytest.mark.parametrize(
    "end",
    [
        CONFIRMED,
        lapse(stacking.StackSuspended, "review", decision_ref="d"),
        lapse(stacking.StackRevoked),
    ],
)
async def test_a_review_is_open_until_it_is_decided(connection: AsyncConnection, end: Event) -> None:
    await say(connection, stacked(), REVIEW, lapse(stacking.StackSuspended))
    row = await only(connection, t.stacks)
    assert row["review"]["constituent_id"] == str(A)
    assert row["review_deadline"] == NOON + timedelta(days=30)
    await say(connection, end)
    assert (await only(connection, t.stacks))["review"] is None


async def test_a_rebound_constituent_takes_the_place_of_the_former(connection: AsyncConnection) -> None:
    to_another = stacking.StackRebound(stack_id=STACK, from_credential_id=A, to=constituent("c"))
    anew = constituent("c", "sko-ys-01", "fresh")
    to_new_copies = stacking.StackRebound(stack_id=STACK, from_credential_id=id_of("c"), to=anew)
    await say(connection, stacked(), to_another, to_new_copies)
    bound = {one["credential_id"]: one["digests"] for one in (await only(connection, t.stacks))["constituents"]}
    assert bound == {str(id_of("b")): ["copy of b"], str(id_of("c")): ["fresh"]}
    assert (await only(connection, t.stacks))["pathway_id"] == PATHWAY["id"]

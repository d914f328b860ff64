"""Holdings: all that a learner has, in as few statements as that takes, as evaluation sees it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from kompetenspass.core.errors import Problem
from kompetenspass.events import catalog, registry, stacking
from kompetenspass.events.base import Event
from kompetenspass.events.envelope import SYSTEM, Context, seal
from kompetenspass.log.api import Recorded
from kompetenspass.pathway.held import Held, LearningOutcome
from kompetenspass.testing.clock import NOON
from kompetenspass.testing.postgres import Database
from services.issuance.service.stacking_ports import Holdings
from services.issuance.tests.counting import Statements
from services.issuance.tests.stated import (
    LEARNER,
    PATHWAY,
    STACK,
    STACK_CREDENTIAL,
    TODAY,
    defined,
    earned,
    founded,
    id_of,
    issued,
    lapse,
    merit,
    offered,
    queries_on,
    stack_offer,
    stacked,
    tabled,
    told,
)
from services.issuance.tests.world import KOMMUN

A, B = id_of("a"), id_of("b")
FACTS: Sequence[Event] = (*founded(KOMMUN, "awarding_body", "issuer"), *defined(), *defined("sko-ys-02"))


@pytest.fixture
async def engine(database: Database) -> AsyncIterator[AsyncEngine]:
    async with tabled(database) as made:
        await told(made, *FACTS)
        yield made


def said(kind: type[Event], credential_id: UUID, **more: Any) -> Event:
    values = {"credential_id": credential_id, "copies": (), "cause": "issuer", "causes": ("issuer",)}
    values |= {"reason_code": "fraud", "effective_from": NOON, "void_ab_initio": True, "at": NOON}
    return kind.read(values | more)


def caused(event: Event) -> Recorded:
    """Return an event that another one has led to."""
    because = Context(SYSTEM, NOON, "test", causation_id=str(id_of("cause")))
    draft = seal(id_of("followed"), event, because)
    return Recorded(1, "status", 1, draft.id, draft.type, NOON, draft.data)


async def holdings(engine: AsyncEngine, *events: Event | Recorded) -> Holdings:
    await told(engine, *events)
    return await queries_on(engine).holdings(LEARNER)


async def test_a_learner_who_is_not_known_has_nothing(engine: AsyncEngine) -> None:
    assert await holdings(engine) == Holdings()


async def test_an_issued_credential_is_held_with_all_that_rules_measure(engine: AsyncEngine) -> None:
    (held,) = (await holdings(engine, *earned("a"))).held
    assert isinstance(held, Held)
    assert (held.credential_id, held.definition_id, held.version) == (A, "sko-ys-01", 1)
    assert (held.issuer_org, held.issuer_roles) == (KOMMUN, frozenset({"awarding_body", "issuer"}))
    assert (held.awarded_at, held.recognition_level) == (NOON + timedelta(seconds=3), "R4")
    assert (held.standing, held.reason_code, held.superseded_by) == ("valid", None, None)
    assert (held.hours, held.seqf, held.sector, held.rpl) == (20, 2, "org:sector", False)
    assert LearningOutcome("responsibility_autonomy") in held.outcomes


async def test_a_result_in_per_cent_is_in_the_vault_only(engine: AsyncEngine) -> None:
    found = await holdings(engine, *earned("a"))
    assert (found.held[0].result_percent, found.held[0].result_known) == (None, False)
    assert found.vault_refs == {A: id_of("vault a")}


async def test_what_was_only_offered_is_not_held(engine: AsyncEngine) -> None:
    assert await holdings(engine, *merit("a")) == Holdings()


async def test_what_was_validated_says_so(engine: AsyncEngine) -> None:
    assert (await holdings(engine, *earned("a", route="validation_rpl"))).held[0].rpl


async def test_credentials_stand_in_the_order_of_their_award(engine: AsyncEngine) -> None:
    later, earlier = earned("a"), earned("b", "sko-ys-02", on=TODAY - timedelta(days=3))
    assert [held.credential_id for held in (await holdings(engine, *later, *earlier)).held] == [B, A]


@pytest.mark.parametrize(
    ("kind", "standing", "reason", "void"),
    [
        (registry.CredentialSuspended, "suspended", "fraud", False),
        (registry.CredentialRevoked, "revoked", "fraud", True),
        (registry.CredentialExpired, "expired", None, False),
    ],
)
async def test_the_registry_says_how_a_credential_stands(
    engine: AsyncEngine, kind: type[Event], standing: str, reason: str | None, void: bool
) -> None:
    found = await holdings(engine, *earned("a"), said(kind, A))
    held = found.held[0]
    assert (held.standing, held.reason_code, held.void_ab_initio) == (standing, reason, void)
    assert found.constituents[A].status_at_award == standing


async def test_a_superseded_credential_is_there_with_its_successor(engine: AsyncEngine) -> None:
    found = await holdings(engine, *earned("a"), *earned("b"), SUPERSEDED)
    assert {held.credential_id: held.superseded_by for held in found.held} == {A: B, B: None}


SUPERSEDED = stacking.CredentialSuperseded(
    credential_id=A, by_credential_id=B, learner_ref=LEARNER, definition_id="sko-ys-01", issuer_org=KOMMUN,
    cause="correction",
)  # fmt: skip


async def test_a_successor_that_was_not_seen_yet_takes_nobodys_place(engine: AsyncEngine) -> None:
    found = await holdings(engine, *earned("a"), *merit("b"), SUPERSEDED)
    assert [(held.credential_id, held.superseded_by) for held in found.held] == [(A, None)]
    assert found.held[0].standing == "valid"
    followed = said(registry.CredentialRevoked, A, reason_code="superseded", void_ab_initio=False)
    assert (await holdings(engine, caused(followed))).held[0].standing == "unknown"
    found = await holdings(engine, issued(offered("b"), "copy of b"))
    assert {held.credential_id: held.superseded_by for held in found.held} == {A: B, B: None}
    assert found.held[0].standing == "revoked"


async def test_what_an_issuer_itself_calls_superseded_is_revoked(engine: AsyncEngine) -> None:
    revoked = said(registry.CredentialRevoked, A, reason_code="superseded", void_ab_initio=False)
    assert (await holdings(engine, *earned("a"), revoked)).held[0].standing == "revoked"


async def test_a_credential_is_not_held_before_its_achievement_was_seen(engine: AsyncEngine) -> None:
    planned, result, confirmed, *credential = earned("a", route="validation_rpl")
    assert await holdings(engine, *credential) == Holdings()
    assert await holdings(engine, planned, result) == Holdings()
    (held,) = (await holdings(engine, planned, result, confirmed)).held
    assert (held.rpl, held.awarded_at) == (True, NOON + timedelta(seconds=3))


async def test_a_constituent_has_the_copies_that_are_live_now(engine: AsyncEngine) -> None:
    again = offered("a", number=2)
    found = await holdings(engine, *earned("a"), again, issued(again, "x", "y", replaces=["copy of a"]))
    assert found.constituents[A].digests == ("x", "y")
    assert (found.constituents[A].kind, found.constituents[A].definition_id) == ("definition", "sko-ys-01")


async def test_an_award_counts_before_its_credential_is_fetched(engine: AsyncEngine) -> None:
    found = await holdings(engine, stacked())
    (award,) = found.awards
    assert (award.stack_id, award.pathway_id, award.version) == (STACK, PATHWAY["id"], 1)
    assert (award.issuer_org, award.standing, award.recognition_level) == (KOMMUN, "valid", "R4")
    assert found.constituents[STACK_CREDENTIAL].kind == "pathway"
    assert found.constituents[STACK_CREDENTIAL].digests == ()
    assert [row.state for row in found.stacks] == ["awarded"]


async def test_an_award_has_the_copies_of_its_credential_and_is_no_credential_of_a_definition(
    engine: AsyncEngine,
) -> None:
    found = await holdings(engine, stacked(), stack_offer(), issued(stack_offer(), "stack copy"))
    assert found.constituents[STACK_CREDENTIAL].digests == ("stack copy",)
    assert found.held == ()


@pytest.mark.parametrize(
    ("events", "standing"),
    [
        ([], "valid"),
        ([lapse(stacking.StackSuspended)], "suspended"),
        ([said(registry.CredentialSuspended, STACK_CREDENTIAL)], "suspended"),
        ([lapse(stacking.StackSuspended), said(registry.CredentialExpired, STACK_CREDENTIAL)], "expired"),
        ([lapse(stacking.StackRevoked), said(registry.CredentialSuspended, STACK_CREDENTIAL)], "revoked"),
        ([said(registry.CredentialRevoked, STACK_CREDENTIAL)], "revoked"),
    ],
)
async def test_an_award_stands_as_the_worse_of_its_state_and_its_credentials_status(
    engine: AsyncEngine, events: Sequence[Event], standing: str
) -> None:
    assert [award.standing for award in (await holdings(engine, stacked(), *events)).awards] == [standing]


@pytest.mark.parametrize("void", [True, False])
async def test_of_an_award_too_the_registry_says_whether_it_never_was(engine: AsyncEngine, void: bool) -> None:
    about = {"reason_code": "key_compromise", "void_ab_initio": void}
    (award,) = (await holdings(engine, stacked(), said(registry.CredentialRevoked, STACK_CREDENTIAL, **about))).awards
    assert (award.reason_code, award.void_ab_initio) == ("key_compromise", void)


async def test_a_retired_definition_changes_nothing_of_what_is_held(engine: AsyncEngine) -> None:
    before = await holdings(engine, *earned("a"))
    assert await holdings(engine, catalog.DefinitionRetired(definition_id="sko-ys-01", version=1)) == before


async def test_a_definition_that_has_not_arrived_is_never_guessed(engine: AsyncEngine) -> None:
    with pytest.raises(Problem, match="facts_stale"):
        await holdings(engine, *earned("a", "sko-ys-03"))


async def test_it_takes_one_statement_for_each_kind_of_thing_that_a_learner_has(engine: AsyncEngine) -> None:
    statements = Statements(engine)
    await told(engine, *earned("a"), *earned("b", "sko-ys-02"))
    queries = queries_on(engine)
    first, _ = await queries.holdings(LEARNER), await statements.counted()
    assert await queries.holdings(LEARNER) == first
    assert await statements.counted() == 1, "definitions and issuers are known"
    await told(engine, stacked())
    assert await statements.counted()
    assert (await queries.holdings(LEARNER)).stacks
    assert await statements.counted() == 2

"""What an assessor is authorised for, with the award on which it rests, as the logs of registry and issuance say."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from kompetenspass.events import registry, stacking
from kompetenspass.events.base import Event
from kompetenspass.testing.clock import NOON
from kompetenspass.testing.postgres import Database
from services.issuance.domain.authority import AssessorAward
from services.issuance.tests.stated import (
    PATHWAY,
    STACK,
    STACK_CREDENTIAL,
    TODAY,
    issued,
    lapse,
    proposed,
    queries_on,
    say,
    stack_offer,
    stacked,
    tabled,
)

ASSESSOR = "assessor:alfa-1"
AWARD = AssessorAward(PATHWAY["id"], holds=True, awarded_on=TODAY)
BY_ISSUER = {"credential_id": STACK_CREDENTIAL, "copies": (), "cause": "issuer", "reason_code": "under_review"}


def authorised(basis: Any = "stack_award", decision_ref: str = str(STACK)) -> registry.AssessorAuthorised:
    return registry.AssessorAuthorised(
        org_id="org:alfa", assessor_ref=ASSESSOR, fields=("0713",), basis=basis, decision_ref=decision_ref,
        valid_from=NOON,
    )  # fmt: skip


@pytest.fixture
async def engine(database: Database) -> AsyncIterator[AsyncEngine]:
    async with tabled(database) as made:
        yield made


async def award_of(engine: AsyncEngine, *events: Event) -> tuple[str, AssessorAward | None]:
    """Return the basis of the only authorisation, and what is known of its award."""
    async with engine.begin() as connection:
        await say(connection, *events)
    (held,) = await queries_on(engine).authorisations(ASSESSOR)
    assert (held.org_id, held.fields, held.valid_from, held.valid_to) == ("org:alfa", frozenset({"0713"}), NOON, None)
    return held.basis, held.award


@pytest.mark.parametrize(
    ("events", "holds"),
    [
        ([], True),
        ([lapse(stacking.StackSuspended)], False),
        ([lapse(stacking.StackSuspended), lapse(stacking.StackReinstated)], True),
        ([lapse(stacking.StackRevoked)], False),
        ([registry.CredentialSuspended(**BY_ISSUER, causes=("issuer",))], False),
        ([registry.CredentialReinstated(**BY_ISSUER, causes=())], True),
    ],
)
async def test_an_award_holds_unless_the_stack_or_its_credential_is_suspended_or_revoked(
    engine: AsyncEngine, events: list[Event], holds: bool
) -> None:
    expected = AssessorAward(PATHWAY["id"], holds, TODAY)
    assert await award_of(engine, authorised(), stacked(), *events) == ("stack_award", expected)


async def test_the_end_of_the_awards_credential_is_its_end(engine: AsyncEngine) -> None:
    end = NOON + timedelta(days=30)
    fetched = issued(stack_offer(), "digest").model_copy(update={"valid_to": end})
    _, award = await award_of(engine, authorised(), stacked(), stack_offer(), fetched)
    assert award == AssessorAward(PATHWAY["id"], holds=True, awarded_on=TODAY, valid_to=end)


@pytest.mark.parametrize(
    "held",
    [
        authorised("founding_decision", "D-1"),
        authorised("rpl", str(STACK)),
        authorised(decision_ref="0190f7a0-0000-7000-8000-0000000000a1"),
        authorised(decision_ref="D-1"),
    ],
)
async def test_what_rests_on_no_award_or_on_one_that_was_not_seen_has_none(
    engine: AsyncEngine, held: registry.AssessorAuthorised
) -> None:
    assert await award_of(engine, held, stacked()) == (held.basis, None)


async def test_a_proposal_is_no_award(engine: AsyncEngine) -> None:
    assert await award_of(engine, authorised(), proposed()) == ("stack_award", None)

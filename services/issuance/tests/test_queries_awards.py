"""Awards and proposals: one by its id, pages of an awarding body's, overdue reviews, and whose a credential is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from kompetenspass.events.stacking import CredentialStacked, StackReviewOpened, StackSuspended
from kompetenspass.testing.clock import NOON
from kompetenspass.testing.postgres import Database
from services.issuance.service.stacking_ports import AwardFilter, OpenOffer, Review, Touched
from services.issuance.tests.stated import (
    LEARNER,
    PATHWAY,
    STACK,
    STACK_CREDENTIAL,
    constituent,
    earned,
    id_of,
    lapse,
    proposed,
    queries_on,
    stack_offer,
    stacked,
    tabled,
    told,
)
from services.issuance.tests.world import KOMMUN

DEADLINE = NOON + timedelta(days=30)
REVIEW = StackReviewOpened(stack_id=STACK, reason_code="appeal", deadline=DEADLINE)
OTHER, STRANGE = UUID(int=1), UUID(int=2)


def another(stack_id: UUID, **changes: str) -> CredentialStacked:
    """Return an award that differs in its ids and in what is named."""
    ids = {"stack_id": stack_id, "credential_id": UUID(int=stack_id.int + 100)}
    return stacked().model_copy(update=ids | changes)


@pytest.fixture
async def engine(database: Database) -> AsyncIterator[AsyncEngine]:
    async with tabled(database) as made:
        yield made


async def test_an_award_is_told_with_its_offer_and_its_review(engine: AsyncEngine) -> None:
    offer = stack_offer()
    await told(engine, stacked(), offer, REVIEW, lapse(StackSuspended))
    row = await queries_on(engine).award(STACK)
    assert row is not None
    assert (row.credential_id, row.learner_ref, row.pathway_id) == (STACK_CREDENTIAL, LEARNER, PATHWAY["id"])
    assert (row.state, row.causes) == ("suspended", ("lapse:1",))
    assert row.offer == OpenOffer(offer.offer_id, offer.offer_expires_at)
    assert row.review == Review(None, "appeal", DEADLINE)
    assert row.constituents == (constituent("a"), constituent("b", "sko-ys-02"))
    assert row.awarded_on == NOON.date()


async def test_a_proposal_has_no_award_yet(engine: AsyncEngine) -> None:
    await told(engine, proposed())
    row = await queries_on(engine).award(STACK)
    assert row is not None
    assert (row.state, row.awarded_on, row.offer, row.review) == ("proposed", None, None, None)
    assert await queries_on(engine).award(OTHER) is None


async def test_awards_come_in_pages(engine: AsyncEngine) -> None:
    await told(engine, stacked(), another(OTHER), another(STRANGE))
    queries, wanted = queries_on(engine), AwardFilter(KOMMUN)
    first = await queries.awards(wanted, limit=2)
    assert [row.stack_id for row in first] == [OTHER, STRANGE]
    assert [row.stack_id for row in await queries.awards(wanted, limit=2, after=STRANGE)] == [STACK]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (AwardFilter(KOMMUN), {STACK, OTHER}),
        (AwardFilter("org:strange"), {STRANGE}),
        (AwardFilter(KOMMUN, learner_ref="learner-2"), {OTHER}),
        (AwardFilter(KOMMUN, pathway_id="another"), {OTHER}),
        (AwardFilter(KOMMUN, state="suspended"), {STACK}),
        (AwardFilter(KOMMUN, in_review=True), {STACK}),
        (AwardFilter(KOMMUN, overdue_at=DEADLINE), set()),
        (AwardFilter(KOMMUN, overdue_at=DEADLINE + timedelta(seconds=1)), {STACK}),
    ],
)
async def test_awards_are_an_awarding_bodys_own_narrowed_by_what_is_asked(
    engine: AsyncEngine, wanted: AwardFilter, found: set[UUID]
) -> None:
    other = another(OTHER, learner_ref="learner-2", pathway_id="another")
    strange = another(STRANGE, awarding_body="org:strange")
    await told(engine, stacked(), REVIEW, lapse(StackSuspended), other, strange)
    assert {row.stack_id for row in await queries_on(engine).awards(wanted, limit=10)} == found


async def test_overdue_reviews_are_found_for_all_awarding_bodies(engine: AsyncEngine) -> None:
    await told(engine, stacked(), REVIEW)
    queries = queries_on(engine)
    assert await queries.overdue_reviews(DEADLINE, 10) == []
    overdue = await queries.overdue_reviews(DEADLINE + timedelta(days=1), 10)
    assert [row.stack_id for row in overdue] == [STACK]


async def test_a_credential_is_known_by_its_learner_and_an_award_by_its_credential(engine: AsyncEngine) -> None:
    await told(engine, *earned("a"), proposed())
    queries = queries_on(engine)
    assert await queries.learners_of(id_of("a")) == [LEARNER]
    assert await queries.learners_of(STACK_CREDENTIAL) == [LEARNER]
    assert await queries.learners_of(id_of("unknown")) == []
    assert await queries.stack_of_credential(STACK_CREDENTIAL) == STACK
    assert await queries.stack_of_credential(id_of("a")) is None


async def test_a_credential_is_there_for_what_it_was_issued_or_awarded_for(engine: AsyncEngine) -> None:
    await told(engine, *earned("a"), proposed())
    queries = queries_on(engine)
    none, own = frozenset[str](), frozenset({PATHWAY["id"]})
    assert await queries.touched_by(id_of("a")) == [Touched(LEARNER, frozenset({"sko-ys-01"}), none)]
    assert await queries.touched_by(STACK_CREDENTIAL) == [Touched(LEARNER, none, own)]
    await told(engine, stacked())
    assert await queries.touched_by(STACK_CREDENTIAL) == [Touched(LEARNER, own, own)]
    assert await queries.touched_by(id_of("unknown")) == []

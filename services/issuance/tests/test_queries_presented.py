"""What counts because it was presented: that itself, and what took its place, whatever is seen first."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from sqlalchemy import bindparam, delete
from sqlalchemy.ext.asyncio import AsyncEngine

from kompetenspass.events import stacking
from kompetenspass.events.base import Event
from kompetenspass.testing.postgres import Database
from services.issuance.queries.presented import presented_by
from services.issuance.tables import OVERVIEW
from services.issuance.tests.stated import earned, id_of, queries_on, tabled, told
from services.issuance.tests.world import KOMMUN

GUEST, RESULT = "guest", id_of("disclosed")
CREDENTIALS = [event for name in ("a", "b", "c") for event in earned(name)]


@pytest.fixture
async def engine(database: Database) -> AsyncIterator[AsyncEngine]:
    async with tabled(database) as made:
        yield made


def shown(name: str, *, result: bool = False) -> Event:
    return stacking.CredentialRecognised(
        learner_ref=GUEST, awarding_body="org:two", credential_id=id_of(name), digest="d", issuer_org=KOMMUN,
        definition_id="sko-ys-01", definition_version=1, request_id=id_of("r"), vault_ref=RESULT if result else None,
    )  # fmt: skip


def gone(name: str) -> Event:
    return stacking.CredentialUnrecognised(
        learner_ref=GUEST, credential_id=id_of(name), definition_id="sko-ys-01", reason_code="holder_request"
    )


def follows(name: str, by: str, cause: Any = "re_key") -> Event:
    return stacking.CredentialSuperseded(
        credential_id=id_of(name), by_credential_id=id_of(by), learner_ref="learner-1", definition_id="sko-ys-01",
        issuer_org=KOMMUN, cause=cause,
    )  # fmt: skip


async def counted(engine: AsyncEngine, *events: Event) -> dict[str, tuple[str | None, bool]]:
    """Return what counts for the guest, of nothing but these: by name, why no more, and whether a result is known."""
    async with engine.begin() as connection:
        for table in OVERVIEW.sorted_tables:
            await connection.execute(delete(table))
    await told(engine, *CREDENTIALS, *events)
    async with engine.connect() as connection:
        found = (await connection.execute(presented_by(bindparam("of")), {"of": GUEST})).all()
    names = {id_of(name): name for name in ("a", "b", "c")}
    assert {row.awarding_body for row in found} <= {"org:two"}
    return {names[row.credential_id]: (row.ended, row.vault_ref is not None) for row in found}


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ((shown("a", result=True),), {"a": (None, True)}),
        ((shown("a", result=True), follows("a", "b")), {"a": (None, True), "b": (None, True)}),
        ((shown("a", result=True), follows("a", "b", "correction")), {"a": (None, True), "b": (None, False)}),
        (
            (shown("a", result=True), follows("a", "b"), follows("b", "c", "renewal")),
            {"a": (None, True), "b": (None, True), "c": (None, False)},
        ),
        ((shown("a"), shown("b", result=True), follows("a", "b")), {"a": (None, False), "b": (None, True)}),
        ((shown("a"), shown("b"), follows("a", "c"), follows("b", "c")), dict.fromkeys("abc", (None, False))),
    ],
)
async def test_successors_count_whether_they_or_the_presentation_are_seen_first(
    engine: AsyncEngine, events: Sequence[Event], expected: dict[str, tuple[str | None, bool]]
) -> None:
    for order in itertools.permutations(events):
        assert await counted(engine, *order) == expected


async def test_what_is_withdrawn_takes_its_successors_with_it(engine: AsyncEngine) -> None:
    found = await counted(engine, shown("a", result=True), gone("a"), follows("a", "b"))
    assert found == {"a": ("holder_request", False), "b": ("holder_request", False)}


async def test_what_was_presented_itself_counts_by_its_own_presentation(engine: AsyncEngine) -> None:
    found = await counted(engine, shown("a"), shown("b"), gone("b"), follows("a", "b"), follows("b", "c"))
    assert found == {"a": (None, False), "b": ("holder_request", False), "c": ("holder_request", False)}


async def test_of_two_that_one_follows_the_one_that_still_counts_says(engine: AsyncEngine) -> None:
    found = await counted(engine, shown("a"), gone("a"), shown("b"), follows("a", "c"), follows("b", "c"))
    assert found["c"] == (None, False)


async def test_whoever_presented_a_credential_is_told_of_its_successors(engine: AsyncEngine) -> None:
    queries = queries_on(engine)
    await told(engine, *CREDENTIALS, shown("a"), follows("a", "b"), follows("b", "c"))
    for name in ("a", "b", "c"):
        assert await queries.learners_of(id_of(name)) == [GUEST, "learner-1"]
    touched = {one.learner_ref: one.named for one in await queries.touched_by(id_of("c"))}
    assert touched == dict.fromkeys((GUEST, "learner-1"), frozenset({"sko-ys-01"}))
    await told(engine, gone("a"))
    assert await queries.learners_of(id_of("c")) == ["learner-1"]

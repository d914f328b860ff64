"""What a look costs: statements, counted; and what must be looked at nevertheless."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from kompetenspass.events.issuance import CredentialIssued
from kompetenspass.events.stacking import PathwayProgressed
from kompetenspass.log.api import Recorded
from kompetenspass.testing.postgres import Database
from services.issuance.state.schema import METADATA
from services.issuance.tests.counting import Statements
from services.issuance.tests.interleaved import Issuance
from services.issuance.tests.stated import PATHWAY, defined, earned, founded, pathway, tabled
from services.issuance.tests.world import KOMMUN

ONE, TWO = "sko-ys-01", "sko-ys-02"
ABOVE = pathway(id="above", urn="urn:above", rule={"all_of": [{"pathway": PATHWAY["id"]}, {"credential": "sko-ys-03"}]})
AWARDS, CREDENTIALS = "awards_change", "credentials_change"


@pytest.fixture
async def issuance(database: Database) -> AsyncIterator[Issuance]:
    async with tabled(database) as engine:
        async with engine.begin() as connection:
            await connection.run_sync(METADATA.create_all)
        made = Issuance(engine)
        world = (*founded(KOMMUN, "awarding_body", "issuer"), *defined(ONE), *defined(TWO), pathway())
        await made.state(*world, *earned("a"))
        await made.drained()
        yield made


@pytest.fixture
def statements(issuance: Issuance) -> Statements:
    return Statements(issuance.engine)


async def test_a_usual_look_takes_one_statement_to_find_it_and_one_for_the_holdings(
    issuance: Issuance, statements: Statements
) -> None:
    await issuance.state(*earned("b", TWO))
    await read(issuance, "overview")
    issued = await newest(issuance, CredentialIssued)
    await statements.counted()
    await heard(issuance, CREDENTIALS, issued)
    assert await progressed(issuance) == 2
    assert await statements.counted() == 5, "one, once, to know the definition; two to know that it is still so"
    await heard(issuance, CREDENTIALS, issued)
    assert await statements.counted() == 2


async def test_a_step_on_a_pathway_that_none_names_costs_nothing_once_the_facts_were_asked(
    issuance: Issuance, statements: Statements
) -> None:
    step = await newest(issuance, PathwayProgressed)
    await heard(issuance, AWARDS, step)
    assert await statements.counted() == 0
    await issuance.state(*earned("b", TWO))
    await read(issuance, "overview", CREDENTIALS)
    await statements.counted()
    await heard(issuance, AWARDS, await newest(issuance, PathwayProgressed))
    assert await statements.counted() == 1


async def test_a_step_is_one_on_a_pathway_that_was_published_since_the_facts_were_asked(issuance: Issuance) -> None:
    await issuance.state(ABOVE, *earned("b", TWO))
    await read(issuance, "facts", "overview", CREDENTIALS)
    assert await progressed(issuance, ABOVE.pathway_id) == 0, "it does not name the credential"
    await heard(issuance, AWARDS, await newest(issuance, PathwayProgressed))
    assert await progressed(issuance, ABOVE.pathway_id) == 1


async def read(issuance: Issuance, *names: str) -> None:
    """Let readers read all there is, one after the other."""
    for name in names:
        for number, reader in enumerate(issuance.readers):
            if reader.of.name == name:
                await issuance.turn(number, 1000, again=False)


async def heard(issuance: Issuance, name: str, recorded: Recorded) -> None:
    """Let a reaction hear an event, whether it has heard it or not."""
    reactions = [reader.of for reader in issuance.readers if reader.of.name == name]
    await reactions[0].handlers[type(recorded.event)](recorded)  # type: ignore[call-arg,arg-type]  # no projection's


async def newest(issuance: Issuance, kind: type) -> Recorded:
    """Return the newest event of a kind."""
    return [one for one in await issuance.logs["issuance"].read(0, 1000) if isinstance(one.event, kind)][-1]


async def progressed(issuance: Issuance, pathway_id: str = PATHWAY["id"]) -> int:
    """Return how many steps were said of a pathway."""
    events = [one.event for one in await issuance.logs["issuance"].read(0, 1000)]
    return sum(isinstance(one, PathwayProgressed) and one.pathway_id == pathway_id for one in events)

"""Published pathways, by id and by digest; which of them something may matter for; titles."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from kompetenspass.pathway.rule import leaves
from kompetenspass.testing.clock import NOON
from kompetenspass.testing.postgres import Database
from services.issuance.tests.stated import PATHWAY, defined, founded, pathway, queries_on, tabled, told
from services.issuance.tests.world import KOMMUN

FIRST, SECOND = pathway(), pathway(version=2, rule={"all_of": [{"credential": "sko-ys-02"}]}, title={"sv": "Ny"})
OTHER = pathway(id="other", urn="urn:mikromerit:demo:other", awarding_body="org:other", rule={"pathway": PATHWAY["id"]})
BY_FIELD = pathway(
    id="by-field",
    urn="urn:mikromerit:demo:by-field",
    rule={"credits": {"unit": "hours", "min": 10, "from": [{"field": "0231"}]}},
)


@pytest.fixture
async def engine(database: Database) -> AsyncIterator[AsyncEngine]:
    async with tabled(database) as made:
        await told(made, *founded(), *defined(), *defined("sko-ys-02"), FIRST, SECOND)
        yield made


async def test_the_newest_version_is_found_by_id_and_parsed(engine: AsyncEngine) -> None:
    found = await queries_on(engine).pathway(PATHWAY["id"])
    assert found is not None
    assert (found.pathway.version, found.digest, found.rule_digest) == (2, SECOND.content_digest, SECOND.rule_digest)
    assert [leaf.place for leaf in leaves(found.pathway.rule)] == [("rule", "all_of", 0)]
    assert (found.awarding_body, found.urn, found.title) == (KOMMUN, PATHWAY["urn"], {"sv": "Ny"})


async def test_every_version_is_found_by_its_digest(engine: AsyncEngine) -> None:
    found = await queries_on(engine).pathway_version(FIRST.content_digest)
    assert found is not None
    assert (found.pathway.version, found.content) == (1, PATHWAY)


async def test_what_is_not_published_is_not_found(engine: AsyncEngine) -> None:
    queries = queries_on(engine)
    assert await queries.pathway("none") is None
    assert await queries.pathway_version("none") is None
    assert await queries.concerned("none") == ()


async def test_a_pathway_is_concerned_by_what_any_of_its_versions_names(engine: AsyncEngine) -> None:
    await told(engine, OTHER)
    queries = queries_on(engine)
    assert await queries.concerned("sko-ys-01") == (PATHWAY["id"],)
    assert await queries.concerned("sko-ys-02") == (PATHWAY["id"],)
    assert await queries.concerned(PATHWAY["id"]) == ("other",)


async def test_a_pathway_with_selectors_may_be_concerned_by_any_definition(engine: AsyncEngine) -> None:
    await told(engine, BY_FIELD)
    assert await queries_on(engine).concerned("sko-ys-02") == ("by-field", PATHWAY["id"])
    assert await queries_on(engine).concerned("anything") == ("by-field",)


async def test_what_is_remembered_lasts_until_the_facts_change(engine: AsyncEngine) -> None:
    queries = queries_on(engine)
    await queries.refresh()
    assert await queries.concerned("anything") == ()
    await told(engine, FIRST, SECOND, OTHER, BY_FIELD)
    assert await queries.concerned("anything") == ()
    await queries.refresh()
    assert await queries.concerned("anything") == ("by-field",)


async def test_titles_are_those_of_the_newest_versions(engine: AsyncEngine) -> None:
    titles = await queries_on(engine).titles([PATHWAY["id"], "sko-ys-01", "none"])
    assert titles.keys() == {PATHWAY["id"], "sko-ys-01"}
    assert titles[PATHWAY["id"]] == {"sv": "Ny"}
    assert titles["sko-ys-01"]["en"] == "Words and concepts in the care implementation plan"


async def test_a_definition_is_part_of_the_pathways_whose_newest_version_names_it(engine: AsyncEngine) -> None:
    queries = queries_on(engine)
    assert await queries.part_of("sko-ys-01") == []
    assert await queries.part_of("sko-ys-02") == [PATHWAY["urn"]]


async def test_metadata_name_a_pathway_once_with_its_newest_title(engine: AsyncEngine) -> None:
    queries = queries_on(engine)
    issuer = (await queries.organisations(KOMMUN))[KOMMUN]
    shown = {one.id: one.title for one in await queries.configurations(issuer, NOON)}
    assert shown[PATHWAY["id"]] == {"sv": "Ny"}

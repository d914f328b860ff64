from __future__ import annotations

from typing import Any

import pytest

from kompetenspass.core.digest import content_digest
from kompetenspass.core.errors import Problem
from kompetenspass.events import catalog
from kompetenspass.events.envelope import Context
from kompetenspass.log.memory import MemoryLog
from kompetenspass.testing.clock import NOON
from kompetenspass.testing.domain import given, prefixes_agree
from services.catalog.domain import pathway
from services.catalog.service.definitions import Definitions
from services.catalog.service.pathways import Pathways

OWNER = "org:kommun"


async def publish(service: Pathways, content: dict[str, Any], by: Context) -> str:
    await service.draft(content, by)
    await service.submit(content["id"], OWNER, by)
    return (await service.publish(content["id"], OWNER, by)).state


@pytest.fixture
async def published_definition(definitions: Definitions, good: dict[str, Any], by_owner: Context) -> None:
    await definitions.draft(good, by_owner)
    await definitions.submit("mm-01", OWNER, by_owner)
    await definitions.publish("mm-01", OWNER, by_owner)


@pytest.mark.usefixtures("published_definition")
async def test_a_pathway_is_published_with_the_digest_of_its_rule(
    pathways: Pathways, good_pathway: dict[str, Any], by_owner: Context, log: MemoryLog
) -> None:
    assert await publish(pathways, good_pathway, by_owner) == "published"
    event = (await log.read_stream("path-path-01"))[-1].event
    assert isinstance(event, catalog.PathwayPublished)
    assert event.rule_digest == content_digest(good_pathway["rule"])


async def test_a_pathway_over_an_unpublished_definition_is_refused(
    pathways: Pathways, good_pathway: dict[str, Any], by_owner: Context
) -> None:
    with pytest.raises(Problem) as refused:
        await publish(pathways, good_pathway, by_owner)
    reason = refused.value.members["reasons"][0]  # type: ignore[index]  # a list
    assert (reason["code"], reason["path"]) == ("reference_unpublished", "rule.all_of[0].credential")


@pytest.mark.usefixtures("published_definition")
async def test_pathways_do_not_lead_back_to_themselves(
    pathways: Pathways, good_pathway: dict[str, Any], by_owner: Context
) -> None:
    await publish(pathways, good_pathway, by_owner)
    await publish(pathways, good_pathway | {"id": "path-02", "rule": {"pathway": "path-01"}}, by_owner)
    again = good_pathway | {"version": 2, "rule": {"pathway": "path-02"}}
    with pytest.raises(Problem) as refused:
        await publish(pathways, again, by_owner)
    assert refused.value.members["reasons"][0]["code"] == "pathway_cycle"  # type: ignore[index]  # a list


@pytest.mark.usefixtures("published_definition")
async def test_a_published_pathway_never_changes_and_is_its_owners(
    pathways: Pathways, good_pathway: dict[str, Any], by_owner: Context
) -> None:
    await publish(pathways, good_pathway, by_owner)
    with pytest.raises(Problem) as refused:
        await pathways.draft(good_pathway | {"rule": {"credential": "mm-01"}}, by_owner)
    assert refused.value.code == "published_immutable"
    with pytest.raises(Problem) as refused:
        await pathways.draft(good_pathway | {"version": 2, "awarding_body": "org:other"}, by_owner)
    assert refused.value.code == "owner_differs"
    with pytest.raises(Problem) as refused:
        await pathways.submit("path-01", "org:other", by_owner)
    assert refused.value.code == "not_found"


async def test_an_ill_formed_rule_is_refused_at_once(
    pathways: Pathways, good_pathway: dict[str, Any], by_owner: Context
) -> None:
    with pytest.raises(Problem) as refused:
        await pathways.draft(good_pathway | {"rule": {"n_of": {"min": 3, "of": [{"credential": "mm-01"}]}}}, by_owner)
    assert refused.value.members["reasons"][0]["path"] == "rule.n_of.min"  # type: ignore[index]  # a list
    with pytest.raises(Problem) as refused:
        await pathways.draft(good_pathway | {"award": {"mode": "decision", "on_satisfied": "award"}}, by_owner)
    assert refused.value.members["reasons"][0]["code"] == "award_mode"  # type: ignore[index]  # a list


def test_a_pathway_moves_only_forward(good_pathway: dict[str, Any]) -> None:
    drafted = tuple(pathway.draft(pathway.INITIAL, good_pathway))
    state = given(pathway.INITIAL, pathway.evolve, drafted)
    with pytest.raises(Problem) as refused:
        pathway.publish(state, NOON)
    assert refused.value.code == "wrong_state"
    events = (*drafted, *pathway.request_review(state))
    assert prefixes_agree(pathway.INITIAL, pathway.evolve, events)
    in_review = given(pathway.INITIAL, pathway.evolve, events)
    with pytest.raises(Problem) as refused:
        pathway.draft(in_review, good_pathway | {"urn": "urn:mikromerit:demo:other"})
    assert refused.value.code == "wrong_state"

from __future__ import annotations

from typing import Any

import pytest

from kompetenspass.core.errors import Problem
from kompetenspass.events.envelope import Actor, Context
from kompetenspass.log.memory import MemoryLog
from kompetenspass.testing.clock import NOON
from services.catalog.service.definitions import Approval, Definitions
from services.catalog.service.ports import Outcome

OWNER, OTHER = "org:kommun", "org:other"
BY_COUNCIL = Context(Actor("org:council", "sector_body"), NOON, "test")


async def published(service: Definitions, content: dict[str, Any], by: Context) -> Outcome:
    await service.draft(content, by)
    await service.submit(content["id"], OWNER, by)
    return await service.publish(content["id"], OWNER, by)


async def test_a_definition_is_published_step_by_step(
    definitions: Definitions, good: dict[str, Any], by_owner: Context
) -> None:
    await definitions.draft(good, by_owner)
    await definitions.submit("mm-01", OWNER, by_owner)
    await definitions.approve("mm-01", "org:council", Approval("D-1", "2026-09-01"), BY_COUNCIL)
    outcome = await definitions.publish("mm-01", OWNER, by_owner)
    assert (outcome.state, outcome.version, outcome.position) == ("published", 1, 4)


async def test_another_organisations_definition_is_not_there(
    definitions: Definitions, good: dict[str, Any], by_owner: Context
) -> None:
    await published(definitions, good, by_owner)
    for command in (definitions.submit, definitions.publish):
        with pytest.raises(Problem) as refused:
            await command("mm-01", OTHER, by_owner)
        assert refused.value.code == "not_found"
    with pytest.raises(Problem) as refused:
        await definitions.grant_right("mm-01", OTHER, by_owner, issuer_org=OTHER, since=NOON, until=None)
    assert refused.value.code == "not_found"


async def test_an_incomplete_draft_is_kept_but_not_reviewed(
    definitions: Definitions, good: dict[str, Any], by_owner: Context
) -> None:
    good.pop("participation")
    await definitions.draft(good, by_owner)
    with pytest.raises(Problem) as refused:
        await definitions.submit("mm-01", OWNER, by_owner)
    assert refused.value.members["reasons"] == [
        {
            "code": "annex_element_missing",
            "path": "participation",
            "text": "The mandatory element A-10 form of participation is missing.",
        }
    ]


async def test_only_a_sector_body_approves(definitions: Definitions, good: dict[str, Any], by_owner: Context) -> None:
    await definitions.draft(good, by_owner)
    await definitions.submit("mm-01", OWNER, by_owner)
    with pytest.raises(Problem) as refused:
        await definitions.approve("mm-01", OTHER, Approval("D-1", "2026-09-01"), by_owner)
    assert refused.value.code == "definition_refused"


async def test_prerequisites_are_published_first(
    definitions: Definitions, good: dict[str, Any], by_owner: Context
) -> None:
    second = good | {"id": "mm-02", "prerequisites": ["mm-01"]}
    await definitions.draft(second, by_owner)
    await definitions.submit("mm-02", OWNER, by_owner)
    with pytest.raises(Problem) as refused:
        await definitions.publish("mm-02", OWNER, by_owner)
    assert refused.value.members["reasons"][0]["code"] == "prerequisite_unpublished"  # type: ignore[index]  # a list
    await published(definitions, good, by_owner)
    assert (await definitions.publish("mm-02", OWNER, by_owner)).state == "published"


async def test_a_new_version_does_not_close_a_circle(
    definitions: Definitions, good: dict[str, Any], by_owner: Context
) -> None:
    await published(definitions, good, by_owner)
    await published(definitions, good | {"id": "mm-02", "prerequisites": ["mm-01"]}, by_owner)
    with pytest.raises(Problem) as refused:
        await published(definitions, good | {"version": 2, "prerequisites": ["mm-02"]}, by_owner)
    assert refused.value.members["reasons"][0]["code"] == "definition_cycle"  # type: ignore[index]  # a list


async def test_the_owner_grants_and_withdraws_the_right_to_issue(
    definitions: Definitions, good: dict[str, Any], by_owner: Context, log: MemoryLog
) -> None:
    await published(definitions, good, by_owner)
    await definitions.grant_right("mm-01", OWNER, by_owner, issuer_org=OTHER, since=NOON, until=None)
    await definitions.withdraw_right("mm-01", OWNER, by_owner, issuer_org=OTHER)
    types = [recorded.type for recorded in await log.read_stream("def-mm-01", 3)]
    assert types == ["catalog.IssuingRightGranted.v1", "catalog.IssuingRightWithdrawn.v1"]


async def test_only_an_issuer_is_granted_the_right(
    definitions: Definitions, good: dict[str, Any], by_owner: Context
) -> None:
    await published(definitions, good, by_owner)
    with pytest.raises(Problem) as refused:
        await definitions.grant_right("mm-01", OWNER, by_owner, issuer_org="org:council", since=NOON, until=None)
    assert refused.value.code == "definition_refused"


async def test_a_successor_of_a_retired_definition_is_published(
    definitions: Definitions, good: dict[str, Any], by_owner: Context
) -> None:
    await published(definitions, good, by_owner)
    with pytest.raises(Problem) as refused:
        await definitions.retire("mm-01", OWNER, by_owner, superseded_by="mm-02", last_issue_date=None)
    assert refused.value.code == "definition_refused"
    await published(definitions, good | {"id": "mm-02"}, by_owner)
    outcome = await definitions.retire("mm-01", OWNER, by_owner, superseded_by="mm-02", last_issue_date=None)
    assert outcome.state == "retired"

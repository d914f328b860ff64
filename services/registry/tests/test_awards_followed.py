"""The status of an award's credential follows issuance, over the two logs and onto the published list."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from kompetenspass.core.ids import uuid7
from kompetenspass.events.base import Event
from kompetenspass.events.registry import CredentialReinstated, CredentialRevoked, CredentialSuspended
from kompetenspass.testing.postgres import Database
from kompetenspass.testing.waiting import until
from services.registry.tests.conftest import Rig, issued, running, stated
from services.registry.tests.stacked import (
    AWARD,
    CONSTITUENT,
    LAPSE,
    STACK,
    STACKED,
    reinstated,
    revoked,
    superseded,
    suspended,
)
from services.registry.tests.test_status_http import becomes, values

ISSUED = issued(AWARD, 5, achievement_id=None, stack_id=STACK)
PATH = f"/v1/credentials/{AWARD}"


async def stack(rig: Rig, *events: Event, after: int = 0) -> None:
    """State what issuance says of the award, and wait until the registry has reacted to all of it."""
    for version, event in enumerate(events, after):
        last = await stated(rig.issuance, f"stack-{STACK}", version, event)
    await passed(rig, last)


async def passed(rig: Rig, position: int) -> None:
    async def reacted() -> bool:
        lags = await rig.runtime.readers.lags()
        return all(lag.position >= position for lag in lags if lag.log == "issuance")

    await until(reacted)


async def history(rig: Rig, credential_id: UUID = AWARD) -> list[Any]:
    return [recorded.event for recorded in await rig.runtime.log.read_stream(f"status-{credential_id}")]


async def shown(rig: Rig) -> Any:
    return (await rig.client.get(PATH, headers=rig.headers("org:alfa", "issuer"))).json()


@pytest.fixture
async def awarded(rig: Rig) -> Rig:
    await rig.enrolled()
    await stack(rig, STACKED)
    await rig.issue(ISSUED)
    return rig


async def test_a_lapse_is_published_shown_with_what_lapsed_and_lifted_when_it_is_over(awarded: Rig) -> None:
    await stack(awarded, suspended(), after=1)
    await becomes(awarded, [2], 5)
    (event,) = await history(awarded)
    assert isinstance(event, CredentialSuspended)
    assert (event.cause, event.copies, event.lapsed) == (LAPSE, ISSUED.copies, (CONSTITUENT,))
    row = await until(lambda: _with_status(awarded, "suspended"))
    assert (row["causes"], row["stack_id"]) == ([LAPSE], str(STACK))
    assert row["suspensions"] == {LAPSE: {"reason_code": "constituent_lapsed", "lapsed": [str(CONSTITUENT)]}}

    await stack(awarded, reinstated(), after=2)
    await becomes(awarded, [0], 5)
    row = await until(lambda: _with_status(awarded, "valid"))
    assert (row["causes"], row["suspensions"]) == ([], {})


async def _with_status(rig: Rig, status: str) -> Any:
    row = await shown(rig)
    return row if row["status"] == status else None


async def test_the_issuers_own_cause_and_a_lapse_do_not_lift_each_other(awarded: Rig) -> None:
    await awarded.issuer_command(f"{PATH}/suspend", {"reason_code": "under_review"})
    await stack(awarded, suspended(), suspended("review"), after=1)
    cleared = await awarded.issuer_command(f"{PATH}/reinstate", {"reason_code": "cleared"})
    assert cleared.json()["causes"] == [LAPSE, "review"]
    refused = await awarded.issuer_command(f"{PATH}/reinstate", {"reason_code": "cleared"})
    assert (refused.status_code, refused.json()["code"]) == (409, "not_suspended")

    await awarded.issuer_command(f"{PATH}/suspend", {"reason_code": "under_review"})
    await stack(awarded, reinstated(), reinstated("review"), after=3)
    assert (await history(awarded))[-1].causes == ("issuer",)
    await becomes(awarded, [2], 5)
    await awarded.issuer_command(f"{PATH}/reinstate", {"reason_code": "cleared"})
    await becomes(awarded, [0], 5)


async def test_an_award_suspended_before_it_was_fetched_is_born_suspended(rig: Rig) -> None:
    await rig.enrolled()
    await stack(rig, STACKED, suspended())
    (event,) = await history(rig)
    assert event.copies == ()
    await rig.issue(ISSUED)
    await becomes(rig, [2, 0], 5, 6)
    assert (await shown(rig))["status"] == "suspended"
    await stack(rig, reinstated(), after=2)
    await becomes(rig, [0, 0], 5, 6)


async def test_an_award_revoked_before_it_was_fetched_is_born_invalid(rig: Rig) -> None:
    await rig.enrolled()
    await stack(rig, STACKED, revoked())
    await rig.issue(ISSUED)
    await becomes(rig, [1, 0], 5, 6)


async def test_a_revoked_award_is_over_whatever_comes_after(awarded: Rig) -> None:
    await stack(awarded, suspended(), revoked(), reinstated(), suspended("review"), after=1)
    await becomes(awarded, [1], 5)
    events = await history(awarded)
    assert isinstance(events[-1], CredentialRevoked)
    assert (events[-1].reason_code, events[-1].void_ab_initio) == ("fraud", True)
    assert not any(isinstance(event, CredentialReinstated) for event in events)


async def test_an_award_that_its_issuer_revoked_is_not_revoked_again(awarded: Rig) -> None:
    await awarded.issuer_command(f"{PATH}/revoke", {"reason_code": "issued_in_error"})
    await stack(awarded, revoked(), suspended(), after=1)
    (event,) = await history(awarded)
    assert event.reason_code == "issued_in_error"
    assert not await awarded.runtime.readers.parked.list()


async def test_a_superseded_credential_is_revoked_as_such_once(awarded: Rig) -> None:
    credential = uuid7()
    await awarded.issue(issued(credential, 9))
    for version in (1, 2):
        await passed(awarded, await stated(awarded.issuance, f"cred-{credential}", version, superseded(credential)))
    await becomes(awarded, [0, 1], 5, 9)
    (event,) = await history(awarded, credential)
    assert (event.reason_code, event.void_ab_initio) == ("superseded", False)


@pytest.mark.parametrize(
    "foreign",
    [suspended(issuer_org="org:beta"), reinstated("issuer"), revoked(stack_id=uuid7()), superseded(issuer_org="org:x")],
)
async def test_an_event_about_anothers_credential_is_parked_and_changes_nothing(awarded: Rig, foreign: Event) -> None:
    await stack(awarded, foreign, after=1)
    assert [entry.error for entry in await awarded.runtime.readers.parked.list()] == ["Poison"]
    assert await history(awarded) == []
    assert await values(awarded, [5]) == [0]


async def test_an_award_on_one_bit_lists_is_not_suspended_but_still_revoked(database: Database, tmp_path: Path) -> None:
    async with running(database, tmp_path, one_bit_issuers=frozenset({"org:alfa"})) as rig:
        await rig.enrolled()
        await stack(rig, STACKED, suspended())
        await rig.issue(ISSUED)
        assert await history(rig) == []
        await stack(rig, revoked(), after=2)
        await becomes(rig, [1, 0], 5, 6)
        assert [entry.error for entry in await rig.runtime.readers.parked.list()] == ["Poison"]


async def test_an_assessor_is_authorised_by_an_award_that_was_seen_and_holds(awarded: Rig) -> None:
    path = "/v1/organisations/org:alfa/assessors"
    body = {
        "assessor_ref": "assessor:alfa-1",
        "fields": ["0713"],
        "basis": "stack_award",
        "decision_ref": str(STACK),
        "valid_from": "2026-09-01T00:00:00Z",
    }
    unknown = await awarded.post(path, body | {"decision_ref": str(uuid7())})
    assert (unknown.status_code, unknown.json()["code"]) == (409, "award_unknown")
    assert (await awarded.post(path, body | {"decision_ref": "D-1"})).json()["code"] == "invalid_assessor"
    assert (await awarded.post(path, body)).status_code == 201

    founding = body | {
        "basis": "founding_decision",
        "assessor_ref": "assessor:alfa-2",
        "valid_to": "2027-09-01T00:00:00Z",
    }
    over = await awarded.post(path, founding)
    assert (over.status_code, over.json()["code"]) == (409, "bootstrapping_over")

    await stack(awarded, revoked(), after=1)
    late = await awarded.post(path, body | {"assessor_ref": "assessor:alfa-3"})
    assert (late.status_code, late.json()["code"]) == (409, "award_not_valid")


async def test_an_authorisation_by_award_waits_for_fresh_facts(database: Database, tmp_path: Path) -> None:
    async with running(database, tmp_path, max_staleness_seconds=30) as rig:
        await rig.issuer()
        await rig.runtime.readers.stop()
        rig.clock.advance(timedelta(hours=2))
        body = {
            "assessor_ref": "assessor:alfa-1",
            "basis": "stack_award",
            "decision_ref": str(STACK),
            "valid_from": "2026-09-01T00:00:00Z",
        }
        answer = await rig.post("/v1/organisations/org:alfa/assessors", body)
        assert (answer.status_code, answer.json()["code"]) == (503, "facts_stale")

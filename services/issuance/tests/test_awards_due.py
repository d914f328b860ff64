"""What time alone brings about: expiry, grace, age; noted when it is seen, and done by a timer when it has come."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from kompetenspass.events import registry
from services.issuance.service.stacking_ports import Due
from services.issuance.state import Reassessments
from services.issuance.tests.pathways import (
    ONE,
    PATH,
    TWO,
    all_of,
    award,
    becomes,
    later,
    merit,
    merits,
    pathway,
    publish,
    publish_lasting,
    settled,
    stacking,
)
from services.issuance.tests.rig import Rig

YEAR = timedelta(days=366)
LIVE = {"credential": ONE, "validity": "live"}


async def test_a_live_leaf_ends_with_its_credential_though_nobody_says_so(rig: Rig) -> None:
    await publish_lasting(rig, ONE, 12)
    await publish(rig, pathway(all_of(LIVE), on_lapse="suspend"))
    await merit(rig, ONE)
    (row,) = await due(rig)
    assert row.due_at > rig.clock()
    await later(rig, timedelta(days=300))
    assert (await award(rig))["state"] == "awarded"
    await later(rig, timedelta(days=100))
    assert (await award(rig))["state"] == "suspended"
    assert [one for one in await due(rig) if one.due_at <= rig.clock()] == []


async def test_grace_ends_some_days_after_the_credential(rig: Rig) -> None:
    await publish_lasting(rig, ONE, 12)
    await publish(rig, pathway({"credential": ONE, "validity": "grace:P30D"}, on_lapse="suspend"))
    held = await merit(rig, ONE)
    await later(rig, YEAR)
    await becomes(rig, held.credential_id, registry.CredentialExpired)
    assert (await award(rig))["state"] == "awarded"
    await later(rig, timedelta(days=31))
    assert (await award(rig))["state"] == "suspended"


async def test_what_is_too_old_before_the_award_is_said_as_progress(rig: Rig) -> None:
    await publish(rig, pathway(all_of({"credential": ONE, "max_age": "P1Y"}, TWO)))
    await merit(rig, ONE)
    await later(rig, YEAR + timedelta(days=2))
    said = [one["done"] for one in await rig.events("PathwayProgressed") if one["pathway_id"] == PATH]
    assert said == [1, 0]


async def test_the_same_moment_handled_twice_says_nothing_twice(rig: Rig) -> None:
    await publish_lasting(rig, ONE, 12)
    await publish(rig, pathway(all_of(LIVE), on_lapse="suspend"))
    await merit(rig, ONE)
    (row,) = await due(rig)
    await later(rig, YEAR)
    await execute_again(rig, row)
    assert len(await rig.events("StackSuspended")) == 1


async def test_a_moment_is_only_ever_brought_forward(rig: Rig) -> None:
    noon, rows = rig.clock(), Reassessments(rig.runtime.engine)
    for moment in (noon, noon + timedelta(hours=1), noon - timedelta(hours=1)):
        await rows.note("learner", PATH, moment)
    (found,) = await rows.due(noon, 10)
    assert (found.due_at, found.revision) == (noon - timedelta(hours=1), 3)


async def test_what_somebody_noted_meanwhile_is_not_taken_away(rig: Rig) -> None:
    noon, rows = rig.clock(), Reassessments(rig.runtime.engine)
    await rows.note("learner", PATH, noon)
    (found,) = await rows.due(noon, 10)
    await rows.note("learner", PATH, noon + timedelta(days=1))
    await rows.settle(found, None)
    assert len(await rows.due(noon, 10)) == 1
    (found,) = await rows.due(noon, 10)
    await rows.settle(found, noon + timedelta(days=2))
    assert await rows.due(noon + timedelta(days=1), 10) == []
    (found,) = await rows.due(noon + timedelta(days=2), 10)
    await rows.settle(found, None)
    assert await rig.rows("reassessments") == 0


async def test_what_never_changes_by_time_leaves_no_row(rig: Rig) -> None:
    await publish(rig, pathway(all_of(ONE, TWO)))
    await merits(rig, ONE, TWO)
    assert await rig.rows("reassessments") == 0
    assert UUID((await award(rig))["stack_id"])


async def due(rig: Rig) -> list[Due]:
    """Return all that is noted for the pathway."""
    far = datetime.fromisoformat("2100-01-01T00:00:00+00:00")
    found = await Reassessments(rig.runtime.engine).due(far, 100)
    return [row for row in found if row.pathway_id == PATH]


async def execute_again(rig: Rig, row: Due) -> None:
    """Let the timer act on a moment on which it acted before."""
    await Reassessments(rig.runtime.engine).note(row.learner_ref, row.pathway_id, row.due_at)
    await stacking(rig).stacks.reassess_due()
    await settled(rig)

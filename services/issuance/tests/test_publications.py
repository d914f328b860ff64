"""A pathway that is published after the merits: who holds something of it is looked at soon."""

from __future__ import annotations

from datetime import timedelta

from kompetenspass.core.ids import credential_id_of
from kompetenspass.events import registry
from services.issuance.domain.stack import stack_id_of
from services.issuance.service.stacking_ports import Named
from services.issuance.state import Reassessments
from services.issuance.tests.abroad import STRANGER, THEIRS, Abroad, recognised
from services.issuance.tests.pathways import (
    ONE,
    PATH,
    THREE,
    TWO,
    all_of,
    award,
    becomes,
    later,
    merit,
    merits,
    pathway,
    publish,
)
from services.issuance.tests.rig import Rig

NOW = timedelta()


async def test_what_was_earned_before_is_awarded_by_the_timer(rig: Rig) -> None:
    first, _ = await merits(rig, ONE, TWO)
    await publish(rig, pathway(all_of(ONE, TWO)))
    await later(rig, NOW)
    assert (await award(rig))["learner_ref"] == first.learner_ref
    assert await rig.rows("reassessments") == 0
    await publish(rig, pathway(all_of(ONE), "other-path", mode="decision"))
    await later(rig, NOW)
    assert (await award(rig, "other-path"))["state"] == "proposed"


async def test_a_pathway_of_pathways_is_looked_at_for_those_who_are_on_their_way(rig: Rig) -> None:
    await publish(rig, pathway(all_of(ONE, TWO)))
    await merit(rig, ONE)
    await publish(rig, pathway(all_of({"pathway": PATH}), "outer-path"))
    await later(rig, NOW)
    said = [(one["pathway_id"], one["done"], one["total"]) for one in await rig.events("PathwayProgressed")]
    assert said[-2:] == [(PATH, 1, 2), ("outer-path", 1, 2)]


async def test_nobody_is_noted_who_holds_nothing_of_it(rig: Rig) -> None:
    await publish(rig, pathway(all_of(ONE)))
    assert await rig.rows("reassessments") == 0
    await merit(rig, TWO)
    await publish(rig, pathway(all_of(THREE), "other-path"))
    assert await rig.rows("reassessments") == 0


async def test_learners_are_read_a_page_at_a_time_and_each_of_them_once(rig: Rig) -> None:
    await (abroad := Abroad(rig)).founded()
    await abroad.earned()
    first, _ = await merits(rig, ONE, TWO)
    second = await merit(rig, ONE)
    third = await merit(rig, THREE)
    await recognised(rig, third.learner_ref)
    named = Named((ONE, TWO, THEIRS), selectors=False)
    assert await pages(rig, named) == sorted({STRANGER, first.learner_ref, second.learner_ref, third.learner_ref})
    assert await pages(rig, Named((TWO,), selectors=False)) == [first.learner_ref]
    assert await pages(rig, Named((), selectors=False)) == []
    assert len(await pages(rig, Named((), selectors=True))) == 4


async def test_what_a_pathway_names_is_what_all_its_versions_and_parts_name(rig: Rig) -> None:
    await publish(rig, pathway(all_of(ONE)), pathway(all_of(TWO), version=2))
    await publish(rig, pathway(all_of({"pathway": PATH}), "outer-path"))
    assert await rig.queries.named_by("outer-path") == Named((ONE, TWO, PATH), selectors=False)
    assert await rig.queries.named_by("no-path") == Named((), selectors=False)


async def test_several_learners_are_noted_at_once_and_again(rig: Rig) -> None:
    rows, noon = Reassessments(rig.runtime.engine), rig.clock()
    await rows.note("b", PATH, noon - timedelta(hours=1))
    for _ in range(2):
        await rows.note_all(("a", "b"), PATH, noon)
    found = {row.learner_ref: (row.due_at, row.revision) for row in await rows.due(noon, 10)}
    assert found == {"a": (noon, 2), "b": (noon - timedelta(hours=1), 3)}


async def test_an_award_ends_whose_credential_was_revoked_before_the_award_was_read(rig: Rig) -> None:
    await publish(rig, pathway(all_of(ONE, TWO)))
    first = await merit(rig, ONE)
    credential_id = credential_id_of(stack_id_of(first.learner_ref, PATH, 1, 1))
    await becomes(rig, credential_id, registry.CredentialRevoked)
    await merit(rig, TWO, first.learner_ref)
    assert (await award(rig))["state"] == "revoked"
    assert [one["reason_code"] for one in await rig.events("StackRevoked")] == ["issued_in_error"]


async def pages(rig: Rig, named: Named) -> list[str]:
    """Return all holders, read one at a time."""
    found: list[str] = []
    after = ""
    while page := await rig.queries.holders(named, limit=1, after=after):
        found += page
        after = page[-1]
    return found

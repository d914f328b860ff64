"""Publishing: flips follow each other into the list, through a replay and a rest, and a list at rest is made small."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import UUID

from structlog.testing import capture_logs

from kompetenspass.core.ids import uuid7
from kompetenspass.events.registry import StatusRef
from kompetenspass.testing.waiting import until
from services.registry.domain.publication import Mark
from services.registry.domain.status_list import first_list
from services.registry.state import State
from services.registry.tests.conftest import Rig, issued, list_uri

LIST = first_list("org:alfa")


async def become(rig: Rig, wanted: dict[int, int]) -> None:
    """Return once the served list says so."""
    await rig.says(wanted)


async def credential_on(rig: Rig, *indices: int) -> UUID:
    credential_id = uuid7()
    await rig.issue(issued(credential_id, *indices))
    return credential_id


async def command(rig: Rig, credential_id: UUID, verb: str) -> None:
    reason = "fraud" if verb == "revoke" else "under_review"
    answer = await rig.issuer_command(f"/v1/credentials/{credential_id}/{verb}", {"reason_code": reason})
    assert answer.status_code == 200, answer.text


async def mark(rig: Rig) -> Mark:
    return (await State(rig.runtime.engine).marks())[LIST]


def compact(rig: Rig) -> Callable[[], Awaitable[bool]]:
    async def look() -> bool:
        return (await mark(rig)).compact

    return look


async def test_flips_in_both_directions_follow_each_other_into_the_list(rig: Rig) -> None:
    await rig.enrolled()
    one, other, third = [await credential_on(rig, index) for index in (3, 4, 5)]
    await command(rig, one, "revoke")
    await become(rig, {3: 1, 4: 0, 5: 0})
    await command(rig, other, "suspend")
    await become(rig, {3: 1, 4: 2, 5: 0})
    await command(rig, other, "reinstate")
    await command(rig, third, "revoke")
    await become(rig, {3: 1, 4: 0, 5: 1})


async def test_flips_after_a_replay_join_those_before_it(rig: Rig) -> None:
    await rig.enrolled()
    one, other = await credential_on(rig, 3), await credential_on(rig, 4)
    await command(rig, one, "revoke")
    await become(rig, {3: 1, 4: 0})
    await rig.runtime.readers.replay("status")
    await until(rig.ready)
    await command(rig, other, "revoke")
    await become(rig, {3: 1, 4: 1})


async def test_where_an_index_clashes_the_worse_of_the_two_is_shown_whichever_came_first(rig: Rig) -> None:
    await rig.enrolled()
    one = await credential_on(rig, 3)
    rival = uuid7()
    with capture_logs():
        clash = issued(rival, 9).model_copy(
            update={"copies": (StatusRef(digest="rival", status_uri=list_uri(), index=3),)}
        )
        await rig.issue(clash)
    await command(rig, one, "suspend")
    await become(rig, {3: 2})
    await command(rig, rival, "revoke")
    await become(rig, {3: 1})
    await command(rig, one, "reinstate")
    await command(rig, await credential_on(rig, 7), "revoke")
    await become(rig, {3: 1, 7: 1})


async def test_a_list_at_rest_is_made_small_once_and_follows_the_next_flip(rig: Rig) -> None:
    await rig.enrolled()
    one, other = await credential_on(rig, 3), await credential_on(rig, 4)
    await command(rig, one, "revoke")
    await become(rig, {3: 1})
    assert not (await mark(rig)).compact
    in_haste = await mark(rig)
    rig.clock.advance(seconds=rig.settings.status_ttl_seconds)
    await until(compact(rig))
    assert (await mark(rig)).content == in_haste.content
    small = await rig.list_token()
    rig.clock.advance(seconds=2 * rig.settings.status_ttl_seconds)
    await rig.issue(issued(uuid7(), 8))
    assert await rig.list_token() == small
    await command(rig, other, "revoke")
    await become(rig, {3: 1, 4: 1})
    assert not (await mark(rig)).compact


async def test_each_list_that_rests_is_made_small_one_after_the_other(rig: Rig) -> None:
    for org in ("org:alfa", "org:beta"):
        await rig.enrolled(org)
    rig.clock.advance(seconds=rig.settings.status_ttl_seconds)

    async def all_small() -> bool:
        marks = await State(rig.runtime.engine).marks()
        return len(marks) == 4 and all(one.compact for one in marks.values())

    await until(all_small)


async def test_a_list_is_served_as_published_elsewhere_within_a_quarter_of_a_second(rig: Rig) -> None:
    await rig.enrolled()
    first = await rig.list_token()
    await command(rig, await credential_on(rig, 3), "revoke")

    async def published() -> bool:
        return (await mark(rig)).change is not None

    await until(published)
    rig.clock.advance(seconds=0.25)
    assert (await rig.client.get(f"/status/{LIST}")).text != first

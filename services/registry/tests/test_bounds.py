"""Bounds: what a registry keeps in memory does not grow with what happens, and what it no longer has it reads again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from uuid import UUID

from kompetenspass.openid.status import MEDIA_TYPE
from kompetenspass.testing.clock import FixedClock
from kompetenspass.testing.keys import TestSigner
from kompetenspass.testing.waiting import until
from services.registry.domain.publication import Entries, Mark, Moment, OpenList, Published
from services.registry.domain.status_list import first_list, list_after
from services.registry.routes import status_lists
from services.registry.service.publishing import Publisher
from services.registry.state import State
from services.registry.tests.conftest import Rig, list_uri

LIST = first_list("org:alfa")
TTL_SECONDS = 300


class OneList:
    """The rows of one list of which no value ever changes, and what is published of it; counts how often it is read."""

    def __init__(self) -> None:
        self.listed = OpenList(LIST, list_uri(), 64, 1, TTL_SECONDS, None, 0)
        self.mark: Mapping[UUID, Mark] = {}
        self.read = Counter[str]()

    async def open_lists(self) -> Sequence[OpenList]:
        return [self.listed]

    async def moment(self) -> Moment:
        return Moment(1, 1)

    async def changes(self, _since: Moment) -> Mapping[str, Entries]:
        return {}

    async def not_valid(self, status_uri: str) -> Entries:
        self.read[status_uri] += 1
        return {1: [3]}

    async def marks(self) -> Mapping[UUID, Mark]:
        return self.mark

    async def publish(self, made: Sequence[tuple[Published, Mark]]) -> None:
        self.mark = {published.list_id: mark for published, mark in made}

    async def still_holds(self, changes: Mapping[UUID, str | None]) -> None:
        self.mark = {id_: replace(mark, change=changes[id_]) for id_, mark in self.mark.items()}


async def test_the_bytes_of_a_list_are_kept_only_until_it_rests() -> None:
    rows, clock, signer = OneList(), FixedClock(), TestSigner()
    publisher = Publisher(rows, rows, signer=lambda: signer, clock=clock, lifetime=timedelta(days=1))

    async def reads(change: str, *, rests: bool) -> int:
        """Return how often the list was read until now: there was a change and back again, and maybe a tick after."""
        rows.listed = replace(rows.listed, change=change)
        for _ in range(2 if rests else 1):
            await publisher.publish_changed()
        return rows.read[list_uri()]

    assert await reads("first", rests=True) == 1
    clock.advance(seconds=TTL_SECONDS)
    await publisher.publish_changed()
    assert rows.mark[LIST].compact
    small = rows.read[list_uri()]
    assert await reads("second", rests=False) == small + 1
    assert await reads("third", rests=True) == small + 1
    assert await reads("fourth", rests=True) == small + 2
    assert rows.mark[LIST].compact


async def test_of_the_served_lists_so_many_are_in_memory_and_no_more(rig: Rig) -> None:
    await rig.enrolled()
    state, both = State(rig.runtime.engine), (LIST, list_after(LIST))
    for list_id in both:
        await until(partial(state.published, list_id))
    served = status_lists.Served(state, rig.clock, most=1)
    for list_id in (*both, *both):
        published = await state.published(list_id)
        assert published is not None
        assert (await served.get(list_id)).etag == published.etag
        assert len(served) == 1


async def test_a_header_of_any_length_is_understood_and_a_long_one_not_remembered(rig: Rig) -> None:
    await rig.enrolled()
    rig.clock.advance(seconds=1)
    known = status_lists._known.cache_info().currsize
    many = ",".join(f"text/x-{number}" for number in range(1000))
    for accept, status in ((f"{many},{MEDIA_TYPE}", 200), (f"{many},*/*;q=0", 406)):
        answer = await rig.client.get(f"/status/{LIST}", headers={"Accept": accept, "Accept-Encoding": many})
        assert answer.status_code == status
    assert status_lists._known.cache_info().currsize == known

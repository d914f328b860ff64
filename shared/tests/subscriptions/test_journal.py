"""What a page does with events it cannot show, with a log that was restored or cut, and how far it looks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from uuid import UUID

import pytest

from kompetenspass.core.errors import Problem
from kompetenspass.core.ids import uuid7
from kompetenspass.events.envelope import SYSTEM, Context, Draft, seal
from kompetenspass.log.api import Append, Recorded
from kompetenspass.log.memory import MemoryLog
from kompetenspass.subscriptions.audience import types_for
from kompetenspass.subscriptions.journal import Asked, Journal
from kompetenspass.subscriptions.rendering import Rendering
from kompetenspass.subscriptions.starts import At
from kompetenspass.testing.clock import NOON, FixedClock
from kompetenspass.testing.subscribed import granted, revoked

EVERYBODY = Asked("public", types_for("registry", "public"))


class Counted(MemoryLog):
    """Counts how often it is read."""

    reads = 0

    async def read(self, after: int, limit: int) -> Sequence[Recorded]:
        self.reads += 1
        return await super().read(after, limit)


async def stated(log: MemoryLog, *drafts: Draft) -> None:
    for number, draft in enumerate(drafts):
        await log.append(Append(f"org-{number}-{draft.id}", 0, [draft]))


def public() -> Draft:
    return seal(uuid7(), granted("org:a"), Context(SYSTEM, NOON, "c"))


def journal(log: MemoryLog) -> Journal:
    return Journal(log, "https://registry.example", asyncio.Event())


class Cut(MemoryLog):
    """A log whose oldest events were moved to the archive."""

    async def read(self, after: int, limit: int) -> Sequence[Recorded]:
        return [row for row in await super().read(after, limit) if row.position > 2]


class Restored(MemoryLog):
    """A log that becomes another one when it is read."""

    async def read(self, after: int, limit: int) -> Sequence[Recorded]:
        self._epoch = uuid7()
        return await super().read(after, limit)


@pytest.mark.parametrize("kind", ["registry.FromTheFuture.v1", "registry.RoleGranted.v1"])
async def test_a_page_ends_before_an_event_that_cannot_be_read_and_the_next_one_says_so(kind: str) -> None:
    log = MemoryLog("registry", FixedClock())
    await stated(log, public(), Draft(UUID(int=1), kind, "{}"), public())
    found = journal(log)
    page = await found.page(At(0), EVERYBODY, 10)
    assert ([event.position for event in page.events], page.cursor.position, page.ended) == ([1], 1, False)
    with pytest.raises(Problem) as refused:
        await found.page(page.cursor, EVERYBODY, 10)
    assert (refused.value.code, refused.value.members) == ("event_unreadable", {"position": 2})
    assert [event.position for event in (await found.page(At(2), EVERYBODY, 10)).events] == [3]


async def test_one_page_looks_only_so_far() -> None:
    log = MemoryLog("registry", FixedClock())
    drafts = [seal(uuid7(), revoked(), Context(SYSTEM, NOON, "c")) for _ in range(5_001)]
    await stated(log, *drafts, public())
    page = await journal(log).page(At(0), EVERYBODY, 10)
    assert (page.events, page.cursor.position, page.ended) == ([], 5_000, False)
    page = await journal(log).page(page.cursor, EVERYBODY, 10)
    assert (len(page.events), page.cursor.position, page.ended) == (1, 5_002, True)


async def test_a_log_with_nothing_to_show_is_not_looked_through() -> None:
    log = Counted("registry", FixedClock())
    await stated(log, public(), public())
    page = await journal(log).page(At(0), Asked("public", frozenset()), 10)
    assert (page.cursor.position, page.ended, log.reads) == (2, True, 0)
    with pytest.raises(Problem, match="cursor_ahead"):
        await journal(log).page(At(3), Asked("public", frozenset()), 10)


async def test_waiting_ends_when_the_service_stops() -> None:
    stopping = asyncio.Event()
    stopping.set()
    found = Journal(MemoryLog("registry", FixedClock()), "https://registry.example", stopping)
    page = await found.follow(At(0), EVERYBODY, 10, wait_seconds=1000)
    assert (page.events, page.cursor.position) == ([], 0)


async def test_who_waits_does_not_read_until_the_log_has_grown() -> None:
    log = Counted("registry", FixedClock())
    found = journal(log)
    page = await found.page(At(0), EVERYBODY, 10)
    assert not await found.grown(page, 0.05)
    waiting = asyncio.create_task(found.grown(page, 1000))
    await stated(log, public())
    assert await waiting
    assert log.reads == 1


async def test_a_cursor_of_another_life_of_the_log_is_refused() -> None:
    log = MemoryLog("registry", FixedClock())
    await stated(log, public())
    for start in (At(1, uuid7()), At(0, uuid7())):
        with pytest.raises(Problem, match="log_restored"):
            await journal(log).page(start, EVERYBODY, 10)
        with pytest.raises(Problem, match="log_restored"):
            await journal(log).place(str(start))
    assert (await journal(log).page(At(0, await log.epoch()), EVERYBODY, 10)).cursor == At(1, await log.epoch())


async def test_a_log_that_is_restored_while_it_is_read_gives_no_page() -> None:
    log = Restored("registry", FixedClock())
    await stated(log, public())
    with pytest.raises(Problem, match="log_restored"):
        await journal(log).page(At(0), EVERYBODY, 10)


async def test_events_that_were_moved_to_the_archive_are_not_passed_over_in_silence() -> None:
    log = Cut("registry", FixedClock())
    await stated(log, public(), public(), public())
    with pytest.raises(Problem) as refused:
        await journal(log).page(At(0), EVERYBODY, 10)
    assert refused.value.code == "events_detached"
    assert len((await journal(log).page(At(2), EVERYBODY, 10)).events) == 1


async def test_an_event_is_rendered_once_for_all_and_forgotten_in_time() -> None:
    log = MemoryLog("registry", FixedClock())
    await stated(log, *(public() for _ in range(3)))
    rows = await log.read(0, 3)
    size = len(Rendering("https://registry.example").of(rows[0], "public").body)  # type: ignore[union-attr]  # shown
    rendering = Rendering("https://registry.example", remembered_bytes=2 * size)
    first = rendering.of(rows[0], "public")
    assert first is rendering.of(rows[0], "public")
    assert first is not rendering.of(rows[0], "partner")
    rendering.of(rows[1], "public")
    rendering.of(rows[2], "public")
    again = rendering.of(rows[0], "public")
    assert again == first
    assert again is not first
    assert first
    assert json.loads(first.body)["id"] == str(first.id)

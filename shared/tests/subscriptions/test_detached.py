"""A log whose oldest events were detached, and are not at hand or damaged: where to begin, and who is held up."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from kompetenspass.core.errors import Problem
from kompetenspass.core.ids import uuid7
from kompetenspass.events.envelope import SYSTEM, Context, seal
from kompetenspass.log.api import Append, NoLongerKept, Recorded
from kompetenspass.log.detached.files import FileBroken
from kompetenspass.log.memory import MemoryLog
from kompetenspass.subscriptions.audience import types_for
from kompetenspass.subscriptions.journal import Asked, Journal
from kompetenspass.subscriptions.starts import At
from kompetenspass.testing.clock import NOON, FixedClock
from kompetenspass.testing.subscribed import Rig, granted
from kompetenspass.testing.webhooks import Receiver

FIRST, LAST = 6, 12


class Detached(MemoryLog):
    """A log that begins at its sixth event."""

    async def read(self, after: int, limit: int) -> Sequence[Recorded]:
        if after + 1 < FIRST:
            raise NoLongerKept(FIRST)
        return await super().read(after, limit)


class Damaged(MemoryLog):
    """A log whose first events stand in a file that is damaged."""

    async def read(self, after: int, limit: int) -> Sequence[Recorded]:
        if after + 1 < FIRST:
            raise FileBroken(Path("registry.log.gz"), after + 1, "it cannot be read")
        return await super().read(after, limit)


async def filled(kind: type[MemoryLog] = Detached) -> Journal:
    """Return the journal of a log with an event a minute from noon on."""
    clock = FixedClock()
    log = kind("registry", clock)
    for number in range(LAST):
        sealed = seal(uuid7(), granted("org:a"), Context(SYSTEM, NOON, "c"))
        await log.append(Append(f"org-{number}", 0, [sealed]))
        clock.advance(seconds=60)
    return Journal(log, "https://registry.example", asyncio.Event())


@pytest.mark.parametrize("position", range(FIRST, LAST))
async def test_a_time_that_is_still_there_is_found(position: int) -> None:
    place = await (await filled()).place(NOON + timedelta(minutes=position))
    assert place.position == position


@pytest.mark.parametrize("minutes", [-5, 0, 3, 5])
async def test_a_time_before_what_is_there_is_refused_when_it_is_read(minutes: int) -> None:
    journal = await filled()
    place = await journal.place(NOON + timedelta(minutes=minutes))
    with pytest.raises(Problem, match="events_detached"):
        await journal.page(place, Asked("public", types_for("registry", "public")), 10)


async def test_a_damaged_file_is_refused_and_the_operator_is_told_once() -> None:
    journal = await filled(Damaged)
    asked = Asked("public", types_for("registry", "public"))
    with capture_logs() as lines:
        for _ in range(2):
            with pytest.raises(Problem, match="events_detached"):
                await journal.page(At(2), asked, 10)
    assert [(line["event"], line["why"], line["alarm"]) for line in lines] == [
        ("event_unreadable", "registry.log.gz, position 3: it cannot be read", True)
    ]
    with pytest.raises(Problem, match="events_detached"):
        await journal.place(NOON)
    assert len((await journal.page(At(FIRST), asked, 10)).events) == LAST - FIRST


async def test_a_damaged_file_stops_the_deliveries_that_need_it_and_no_others(
    rig: Rig, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = rig.runtime.log.read

    async def damaged(after: int, limit: int) -> Sequence[Recorded]:
        if after < 1:
            raise FileBroken(Path("registry.log.gz"), 1, "it cannot be read")
        return await read(after, limit)

    await rig.state("org-a", granted("org:a"))
    monkeypatch.setattr(rig.runtime.log, "read", damaged)
    stopped = await rig.subscribe(receiver)
    assert (await rig.until_state(stopped, "disabled"))["reason"] == "events_detached"
    await rig.subscribe(receiver, **{"from": "now"})
    await rig.state("org-b", granted("org:b"))
    assert await receiver.until_accepted(1) == [2]

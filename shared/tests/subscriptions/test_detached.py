"""Where to begin by time in a log whose oldest events were detached, and are not at hand."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest

from kompetenspass.core.errors import Problem
from kompetenspass.core.ids import uuid7
from kompetenspass.events.envelope import SYSTEM, Context, seal
from kompetenspass.log.api import Append, NoLongerKept, Recorded
from kompetenspass.log.memory import MemoryLog
from kompetenspass.subscriptions.audience import types_for
from kompetenspass.subscriptions.journal import Asked, Journal
from kompetenspass.testing.clock import NOON, FixedClock
from kompetenspass.testing.subscribed import granted

FIRST, LAST = 6, 12


class Detached(MemoryLog):
    """A log that begins at its sixth event."""

    async def read(self, after: int, limit: int) -> Sequence[Recorded]:
        if after + 1 < FIRST:
            raise NoLongerKept(FIRST)
        return await super().read(after, limit)


async def filled() -> Journal:
    """Return the journal of a log with an event a minute from noon on."""
    clock = FixedClock()
    log = Detached("registry", clock)
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

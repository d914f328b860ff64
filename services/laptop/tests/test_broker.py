"""Kafka for the laptop: what fails ends the start or the stop, and is told."""

from __future__ import annotations

import asyncio

import pytest

from kompetenspass.core.errors import Problem
from kompetenspass.web.settings import Kafka
from services.laptop import broker
from services.laptop.broker import Relays, until_copied

NOWHERE = Kafka(bootstrap_servers="127.0.0.1:1", security="PLAINTEXT", partitions=2)


async def test_where_one_relay_has_failed_the_others_end_before_anything_is_stopped() -> None:
    relays, over = Relays({}), asyncio.Event()

    async def fails() -> None:
        raise Problem("relay_topic_differs", "The topic is another.")

    async def ends() -> None:
        await relays._stopping.wait()
        for _ in range(9):
            await asyncio.sleep(0)
        over.set()

    relays._tasks = [asyncio.create_task(work()) for work in (fails, ends)]
    with pytest.raises(Problem, match="relay_topic_differs"):
        await relays.stop()
    assert over.is_set()


async def test_a_relay_that_sends_nothing_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker, "_COPIED_SECONDS", 0.2)
    with pytest.raises(Problem, match="not_started"):
        await until_copied(NOWHERE, lambda: None)

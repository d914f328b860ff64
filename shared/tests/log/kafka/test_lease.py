"""Who may send a log: one at a time, and not any more once another took over."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import event

from kompetenspass.core.errors import Problem
from kompetenspass.log.kafka.headers import Watermark
from kompetenspass.log.kafka.lease import LeaseLost, rewind
from kompetenspass.log.memory import MemoryLog
from kompetenspass.testing.clock import FixedClock
from kompetenspass.testing.waiting import until

Stage = Any


class Gate:
    """Holds a relay at one step, the first time it comes there."""

    def __init__(self, step: str) -> None:
        self._step = step
        self.reached, self.opened = asyncio.Event(), asyncio.Event()

    async def __call__(self, step: str) -> None:
        if step == self._step:
            self.reached.set()
            await self.opened.wait()


async def test_one_has_the_lease_and_the_next_one_a_larger_fence(stage: Stage) -> None:
    first, second = stage.lease(), stage.lease()
    standing = await first.take()
    assert standing is not None
    assert (standing.fence, standing.position, standing.epoch, standing.places) == (1, 0, None, ())
    assert await second.take() is None
    another = stage.lease("registry")
    assert await another.take() is not None
    await another.release()
    await first.check(standing)
    await first.release()
    following = await second.take()
    assert following is not None
    assert following.fence == 2
    with pytest.raises(LeaseLost):
        await first.check(standing)
    await second.release()


async def test_one_that_waits_asks_over_the_connection_that_it_has(stage: Stage) -> None:
    first, second, opened = stage.lease(), stage.lease(), list[object]()
    assert await first.take() is not None
    assert await second.take() is None
    event.listen(stage.engine.sync_engine, "connect", lambda connection, _record: opened.append(connection))
    for _ in range(3):
        assert await second.take() is None
    assert opened == []
    await first.release()


async def test_one_without_signs_of_life_is_replaced_and_moves_nothing_more(stage: Stage) -> None:
    first, second, epoch = stage.lease(), stage.lease(), await stage.log.epoch()
    standing = await first.take()
    assert standing is not None
    await stage.cut_lease()
    following = await second.take()
    assert following is not None
    assert following.fence == 2
    with pytest.raises(LeaseLost):
        await first.move(standing, position=1, epoch=epoch, event_id=epoch)
    assert await stage.position() == 0
    await first.release()  # it is not its own to give up
    assert await stage.lease().take() is None
    await second.release()


async def test_a_lost_connection_is_a_lost_lease(stage: Stage) -> None:
    lease, epoch = stage.lease(), await stage.log.epoch()
    standing = await lease.take()
    assert standing is not None
    await stage.admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'wallet'")
    with pytest.raises(LeaseLost):
        await lease.move(standing, position=1, epoch=epoch, event_id=epoch)
    assert await stage.position() == 0
    assert await lease.take() is not None
    await lease.release()


async def test_a_fence_that_another_has_raised_moves_nothing(stage: Stage) -> None:
    lease, epoch = stage.lease(), await stage.log.epoch()
    standing = await lease.take()
    assert standing is not None
    await stage.admin.execute("UPDATE wallet.relay_cursor SET fence = fence + 1")
    with pytest.raises(LeaseLost):
        await lease.move(standing, position=1, epoch=epoch, event_id=epoch)
    assert await stage.position() == 0


async def test_one_whose_lease_was_taken_sends_nothing_more(stage: Stage) -> None:
    """It had read its page and was frozen then; meanwhile another has sent everything."""
    stage.make_topics()
    await stage.append(200)
    gate = Gate("read")
    zombie = stage.relay(at=gate)
    async with stage.running(zombie):
        await gate.reached.wait()
        await stage.cut_lease()
        async with stage.running(stage.relay()):
            await stage.until_sent()
            gate.opened.set()

            async def gave_up() -> bool:
                return zombie.lag is None

            await until(gave_up)
            await stage.append(200)
            await stage.until_sent()
            assert {one.fence for said in await stage.said() for one in said} == {2}
    assert await stage.kept() == await stage.rows()


async def test_what_one_sends_that_had_just_looked_is_dropped_by_readers(stage: Stage) -> None:
    """It was frozen between its look at the lease and the sending: nothing can prevent that, so its fence tells."""
    stage.make_topics()
    await stage.append(200)
    gate = Gate("checked")
    zombie = stage.relay(at=gate)
    async with stage.running(zombie):
        await gate.reached.wait()
        await stage.cut_lease()
        async with stage.running(stage.relay()):
            await stage.until_sent()
            await stage.append(200)
            await stage.until_sent()
            gate.opened.set()

            async def gave_up() -> bool:
                return zombie.lag is None

            await until(gave_up)
            assert await stage.position() == 400
    fences = [[one.fence for one in said] for said in await stage.said()]
    assert any(1 in part[part.index(2) :] for part in fences if 2 in part)
    assert await stage.kept() == await stage.rows()


async def test_what_waits_for_kafka_is_dropped_once_the_lease_is_gone(stage: Stage) -> None:
    stage.make_topics()
    gate = Gate("opened")
    relay = stage.relay(at=gate)
    async with stage.running(relay) as stopping:
        await gate.reached.wait()
        await stage.append(100)
        stage.kafka.down()
        gate.opened.set()

        async def lags() -> bool:
            return bool(relay.lag)

        await until(lags)
        await stage.cut_lease()

        async def gave_up() -> bool:
            return relay.lag is None

        await until(gave_up)
        stopping.set()
    stage.kafka.up()
    assert await stage.said() == [[], [], [], []]


async def test_a_log_that_is_another_one_is_not_sent(stage: Stage) -> None:
    stage.make_topics()
    await stage.append(10)
    async with stage.running(stage.relay()):
        await stage.until_sent()
    stage.log = MemoryLog("wallet", FixedClock())
    await stage.append(10)
    with pytest.raises(Problem, match="relay_log_differs") as refused:
        await stage.relay().run(asyncio.Event())
    assert "topics rewind" in refused.value.remedy


async def test_topics_made_anew_are_noticed_and_filled_from_the_start_after_a_rewind(stage: Stage) -> None:
    stage.make_topics()
    await stage.append(100)
    async with stage.running(stage.relay()):
        await stage.until_sent()
        with pytest.raises(Problem, match="relay_running"):
            await rewind(stage.engine, "wallet")
    stage.kafka.stop()
    stage.kafka.start()
    stage.make_topics()
    with pytest.raises(Problem, match="relay_topic_differs"):
        await stage.relay().run(asyncio.Event())
    stage.kafka.stop()
    stage.kafka.start()
    stage.make_topics()
    await rewind(stage.engine, "wallet")
    async with stage.running(stage.relay()):
        await stage.until_sent()
    assert await stage.kept() == await stage.rows()
    assert all(isinstance(said[-1], Watermark) for said in await stage.said())

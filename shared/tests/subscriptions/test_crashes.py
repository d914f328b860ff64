"""A crash before or after any step of the deliverer: nothing is lost or out of order, and what is repeated says so."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from kompetenspass.subscriptions.attempting import Once
from kompetenspass.subscriptions.delivering import Bounds, Deliverer
from kompetenspass.subscriptions.delivery_log import Deliveries
from kompetenspass.subscriptions.journal import Journal
from kompetenspass.subscriptions.keyring import Secrets
from kompetenspass.subscriptions.sending import Attempt, Sender
from kompetenspass.subscriptions.tables import Subscription
from kompetenspass.testing.subscribed import Rig, Start, granted
from kompetenspass.testing.waiting import until
from kompetenspass.testing.webhooks import Receiver
from kompetenspass.web.timers import Leadership

STEPS = 13
EVENTS = [granted("org:a"), granted("org:a", "provider"), granted("org:a", "creator")]


class Crash(BaseException):
    """The process ends here."""


class Steps:
    """Counts the steps of a run, and ends it before or after one of them."""

    def __init__(self, fatal: int, *, after: bool) -> None:
        self.fatal, self.after, self.done = fatal, after, 0

    async def step(self, work: Callable[[], Any]) -> Any:
        """Do one step, unless it is the one before which the process ends."""
        self.done += 1
        last = self.done == self.fatal
        if last and not self.after:
            raise Crash
        answer = await work()
        if last:
            raise Crash
        return answer


class Mortal(Deliveries):
    """Deliveries in a process that ends at some step."""

    def __init__(self, rig: Rig, steps: Steps) -> None:
        super().__init__(rig.runtime.engine)
        self._steps = steps

    async def plan(self, *said: Any) -> Any:
        return await self._steps.step(lambda: super(Mortal, self).plan(*said))

    async def hold(self, *said: Any) -> Any:
        return await self._steps.step(lambda: super(Mortal, self).hold(*said))

    async def delivered(self, *said: Any) -> None:
        await self._steps.step(lambda: super(Mortal, self).delivered(*said))

    async def failed(self, *said: Any, **named: Any) -> Any:
        return await self._steps.step(lambda: super(Mortal, self).failed(*said, **named))

    async def let_go(self, *_said: Any) -> None:
        """Do nothing: who is killed cleans up nothing."""


class MortalSender(Sender):
    """What posts, in the same process."""

    def __init__(self, rig: Rig, secrets: Secrets, steps: Steps) -> None:
        super().__init__(rig.runtime.http, secrets, rig.clock)
        self._steps = steps

    async def send(self, subscription: Subscription, event_id: str, body: bytes) -> Attempt:
        attempt = await self._steps.step(lambda: super(MortalSender, self).send(subscription, event_id, body))
        assert isinstance(attempt, Attempt)
        return attempt


class Enough(Leadership):
    """Leads until nothing is left to deliver."""

    def __init__(self, rig: Rig) -> None:
        super().__init__(rig.runtime.engine, "registry:webhooks of a crash")
        self._rig = rig

    async def held(self) -> bool:
        left = "SELECT count(*) FROM webhook_delivery WHERE state <> 'done'"
        planned = "SELECT count(*) FROM webhook_subscription WHERE position < 3"
        async with self._rig.runtime.engine.connect() as connection:
            counted = [await connection.scalar(text(asked)) for asked in (left, planned)]
        return bool(sum(counted)) and await until(super().held)  # the one before may not be gone yet


async def run(rig: Rig, folder: Path, steps: Steps) -> None:
    """Deliver in a process of that fate; what was held by one that died is free, as if the time were over."""
    async with rig.runtime.engine.begin() as connection:
        await connection.execute(text("UPDATE webhook_delivery SET held_until = NULL"))
    secrets = Secrets(folder / "registry-webhooks.key")
    await secrets.open()
    journal = Journal(rig.runtime.log, rig.runtime.settings.base_url, rig.runtime.stopping)
    deliveries, sender = Mortal(rig, steps), MortalSender(rig, secrets, steps)
    once = Once(journal, deliveries, sender, rig.clock, lambda: 0.5)
    bounds = Bounds(look_seconds=0, least_seconds=0)
    await Deliverer(journal, deliveries, once, Enough(rig), rig.clock, bounds).run()


@pytest.mark.parametrize("after", [False, True])
async def test_a_crash_at_any_step_loses_nothing(
    start: Start, receiver: Receiver, tmp_path: Path, *, after: bool
) -> None:
    async with start("one", "api") as rig:
        await rig.subscribe(receiver)
        await rig.state("org-a", *EVENTS)
        assert await crashes(rig, receiver, tmp_path, after=after) == 10  # planning; each taken, posted, recorded


async def crashes(rig: Rig, receiver: Receiver, tmp_path: Path, *, after: bool) -> int:
    """Let the deliverer end at each step in turn and look what came; return how many steps there are."""
    crashes = 0
    for fatal in range(1, STEPS):
        receiver.received.clear()
        await _begin_again(rig)
        steps = Steps(fatal, after=after)
        with suppress(Crash):  # after the very last step it may have ended by itself
            await run(rig, tmp_path, steps)
        crashes += steps.done >= fatal
        await run(rig, tmp_path, Steps(0, after=False))
        positions = [came.position for came in receiver.received]
        assert sorted(set(positions)) == [1, 2, 3]
        assert positions == sorted(positions)
        assert len({came.headers["webhook-id"] for came in receiver.received}) == 3
        assert len(positions) <= 4
    return crashes


async def _begin_again(rig: Rig) -> None:
    """Let the subscription stand before the first event."""
    async with rig.runtime.engine.begin() as connection:
        await connection.execute(text("DELETE FROM webhook_delivery"))
        await connection.execute(text("UPDATE webhook_subscription SET position = 0, state = 'active'"))

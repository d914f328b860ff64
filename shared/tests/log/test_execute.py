"""The loop load -> decide -> append, on a log in memory."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import pytest

from kompetenspass.core.errors import Problem
from kompetenspass.core.ids import derived_event_id, uuid7
from kompetenspass.events.base import Event
from kompetenspass.events.envelope import SYSTEM, Context
from kompetenspass.events.wallet import CredentialReceived
from kompetenspass.log.api import Recorded
from kompetenspass.log.conformance import request
from kompetenspass.log.execute import Done, execute, fold
from kompetenspass.log.memory import MemoryLog
from kompetenspass.testing.clock import NOON, FixedClock

CONTEXT = Context(SYSTEM, NOON, "test")
EVENT = CredentialReceived(account_id=UUID(int=1), digest="d", issuer="https://issuer.test")


def counted(state: int, _event: Event) -> int:
    return state + 1


class Rivalled(MemoryLog):
    """A log in which, `rivals` times, another append comes first."""

    def __init__(self, rivals: int) -> None:
        super().__init__("wallet", FixedClock())
        self.rivals = rivals

    async def read_stream(self, stream: str, after_version: int = 0) -> Sequence[Recorded]:
        rows = await super().read_stream(stream, after_version)
        if self.rivals:
            self.rivals -= 1
            await self.append(request(stream, (rows[-1].version if rows else after_version)))
        return rows


async def run(log: MemoryLog, events: Sequence[Event] = (EVENT,), ids: UUID | None = None) -> Done[int]:
    return await execute(
        log,
        "s",
        initial=0,
        evolve=counted,
        decide=lambda _: events,
        context=CONTEXT,
        event_ids=(lambda _n: ids) if ids else None,
    )


async def test_the_state_after_the_append_is_returned() -> None:
    log = MemoryLog("wallet", FixedClock())
    await run(log)
    assert await run(log, [EVENT, EVENT]) == Done(3, 3, (EVENT, EVENT))
    assert await fold(log, "s", 0, counted) == (3, 3)


async def test_deciding_nothing_appends_nothing() -> None:
    log = MemoryLog("wallet", FixedClock())
    assert await run(log, []) == Done(0, 0, ())
    assert await log.head() == 0


async def test_after_another_append_it_is_decided_again_on_the_new_state() -> None:
    seen: list[int] = []

    async def decide(state: int) -> list[Event]:
        seen.append(state)
        return [EVENT]

    done = await execute(Rivalled(2), "s", initial=0, evolve=counted, decide=decide, context=CONTEXT)
    assert seen == [0, 1, 2]
    assert done.state == 3


async def test_after_five_conflicts_it_is_refused() -> None:
    with pytest.raises(Problem) as refused:
        await run(Rivalled(6))
    assert refused.value.code == "conflict"


async def test_what_decide_raises_is_raised_and_nothing_is_stored() -> None:
    log = MemoryLog("wallet", FixedClock())

    def refuse(_state: int) -> list[Event]:
        raise Problem("no", "No.")

    with pytest.raises(Problem):
        await execute(log, "s", initial=0, evolve=counted, decide=refuse, context=CONTEXT)
    assert await log.head() == 0


async def test_a_reaction_tried_again_is_done_once() -> None:
    log = MemoryLog("wallet", FixedClock())
    derived = derived_event_id(uuid7(), "greet", "s", EVENT.type)
    assert await run(log, ids=derived) == Done(1, 1, (EVENT,))
    assert await run(log, ids=derived) == Done(1, 1, ())


async def test_a_reaction_that_would_now_say_something_else_is_done_as_well() -> None:
    log = MemoryLog("wallet", FixedClock())
    derived = derived_event_id(uuid7(), "greet", "s", EVENT.type)
    await run(log, ids=derived)
    other = EVENT.model_copy(update={"digest": "other"})
    assert await run(log, [other], ids=derived) == Done(1, 0, ())


async def test_an_id_taken_by_chance_is_a_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    log = MemoryLog("wallet", FixedClock())
    await log.append(request("t"))
    taken = (await log.read(0, 1))[0]
    monkeypatch.setattr("kompetenspass.log.execute.uuid7", lambda: taken.id)
    with pytest.raises(RuntimeError):
        await run(log)


async def test_what_was_folded_before_is_begun_with_and_only_a_conflict_reads_again() -> None:
    log, seen = MemoryLog("wallet", FixedClock()), list[int]()
    before = await fold(log, "s", 0, counted)
    await run(log)

    def decide(state: int) -> list[Event]:
        seen.append(state)
        return [EVENT]

    done = await execute(log, "s", initial=0, evolve=counted, decide=decide, context=CONTEXT, folded=before)
    assert (seen, done.state) == ([0, 1], 2)

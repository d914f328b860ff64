"""Reactions: after the own projections, at least once, with one effect."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from kompetenspass.core.errors import Kind, Problem
from kompetenspass.core.ids import derived_event_id
from kompetenspass.events.base import Event
from kompetenspass.events.envelope import SYSTEM, Context
from kompetenspass.events.wallet import CredentialPresented, CredentialReceived
from kompetenspass.log import fates, reactions
from kompetenspass.log.api import Recorded
from kompetenspass.log.execute import execute
from kompetenspass.log.memory import MemoryLog
from kompetenspass.log.project import Poison, Reaction
from kompetenspass.testing.clock import FixedClock

World = Any


class Presenting:
    """A reaction that answers each receipt with one event on a log of its own; `errors` are raised after the append."""

    def __init__(self, *errors: Exception) -> None:
        self.log = MemoryLog("wallet", FixedClock())
        self.errors = list(errors)

    async def __call__(self, cause: Recorded) -> None:
        stream = f"shown-{cause.stream}"
        said = CredentialPresented(account_id=cause.id, digest="d", verifier="v")
        await execute(
            self.log,
            stream,
            initial=0,
            evolve=lambda count, _event: count + 1,
            decide=lambda _count: [said],
            context=Context(SYSTEM, self.log._clock(), "test"),
            event_ids=lambda _n: derived_event_id(cause.id, "presenting", stream, said.type),
        )
        if self.errors:
            raise self.errors.pop(0)

    def reaction(self, after: tuple[str, ...] = ()) -> Reaction:
        handlers: dict[type[Event], Callable[[Recorded], Awaitable[None]]] = {CredentialReceived: self}
        return Reaction("presenting", ("wallet",), handlers, after)


async def test_each_event_is_reacted_to_once(world: World) -> None:
    presenting = Presenting()
    await _react(world, presenting, 3)
    assert await presenting.log.head() == 3


@pytest.mark.parametrize(
    "error", [OSError(), Problem("busy", "Busy.", kind=Kind.UNAVAILABLE), Problem("c", "C.", kind=Kind.CONFLICT)]
)
async def test_a_reaction_that_failed_after_its_append_has_one_effect(world: World, error: Exception) -> None:
    presenting = Presenting(error)
    readers = await _react(world, presenting, 2)
    assert await presenting.log.head() == 2
    assert await readers.parked.list() == []


async def test_two_runners_of_a_reaction_have_one_effect(world: World) -> None:
    presenting = Presenting()
    rival = world.readers(reactions=[presenting.reaction()])
    await rival.start()
    await _react(world, presenting, 20)
    assert await presenting.log.head() == 20


async def test_a_reaction_comes_after_the_projections_that_it_names(world: World) -> None:
    gate = asyncio.Event()

    async def late(_connection: object, _recorded: Recorded) -> None:
        await gate.wait()

    presenting = Presenting()
    slow = world.projection(handlers={CredentialReceived: late})
    readers = world.readers(slow, reactions=[presenting.reaction(after=("seeing",))])
    await world.append("a")
    await readers.start()
    assert not await readers.caught_up("wallet", 1, 0.1)
    assert await presenting.log.head() == 0
    gate.set()
    await world.until(presenting.log.head)


async def test_a_reaction_after_an_undeclared_projection_is_refused(world: World) -> None:
    readers = world.readers(reactions=[Presenting().reaction(after=("nothing",))])
    with pytest.raises(ValueError, match="nothing"):
        await readers.prepare()


@pytest.mark.parametrize("error", [Poison(), Problem("no", "No."), Problem("c", "C.", kind=Kind.CONFLICT)])
async def test_what_a_reaction_cannot_do_is_parked_with_its_stream(
    world: World, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(fates, "RETRY_PAUSES_SECONDS", (0, 0))
    presenting = Presenting(error, error, error)
    await world.append("a", "b", stream="s")
    readers = await _react(world, presenting, 0)
    await world.until(lambda: _parked(readers, 2))
    assert [p.error for p in await readers.parked.list()] == [type(error).__name__, "behind"]
    presenting.errors.clear()
    assert await readers.parked.retry("presenting") == 2
    assert await presenting.log.head() == 2


async def test_the_cursor_moves_within_a_page_that_takes_long(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reactions, "_MOVE_SECONDS", -1)
    gate, handled = asyncio.Event(), list[int]()

    async def handle(cause: Recorded) -> None:
        handled.append(cause.position)
        if cause.position == 3:
            await gate.wait()

    readers = world.readers(reactions=[Reaction("halting", ("wallet",), {CredentialReceived: handle})])
    await world.append("a", "b", "c", "d")
    await readers.start()

    async def before_the_third() -> bool:
        moved = any((s.key.reader, s.position) == ("halting", 2) for s in await readers.stands())
        return moved and handled == [1, 2, 3]

    await world.until(before_the_third)
    gate.set()


async def _react(world: World, presenting: Presenting, events: int) -> Any:
    """Start, append, and return when the reaction's cursor has passed them all."""
    readers = world.readers(reactions=[presenting.reaction()])
    await readers.start()
    await world.append(*(str(n) for n in range(events)))
    head = await world.log.head()

    async def passed() -> bool:
        return any(s.key.kind == "reaction" and s.position >= head for s in await readers.stands())

    await world.until(passed)
    return readers


async def _parked(readers: Any, count: int) -> bool:
    return len(await readers.parked.list()) == count

"""A log that was restored from a backup is shorter, and has another epoch: what read it is rebuilt, or begun anew."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from kompetenspass.core.errors import Problem
from kompetenspass.events.wallet import CredentialReceived
from kompetenspass.log.api import Recorded
from kompetenspass.log.memory import MemoryLog
from kompetenspass.log.project import Reaction
from kompetenspass.log.readers import Readers
from kompetenspass.testing.waiting import PATIENCE_SECONDS

World = Any


async def read(world: World, *digests: str, reactions: tuple[Reaction, ...] = ()) -> None:
    """Have some events read; then put another, empty log in the place of theirs."""
    await world.append(*digests)
    readers = world.readers(reactions=reactions)
    await readers.start()
    assert await readers.caught_up("wallet", len(digests), PATIENCE_SECONDS)
    await world.until(reached(readers, len(digests)))
    await readers.stop()
    world.log = MemoryLog("wallet", world.clock)


def reached(readers: Readers, position: int) -> Callable[[], Awaitable[bool]]:
    async def look() -> bool:
        return all(lag.position >= position for lag in await readers.lags())

    return look


def halted(readers: Readers) -> Callable[[], Awaitable[bool]]:
    async def look() -> bool:
        return {lag.halted for lag in await readers.lags()} == {"log_has_another_epoch"}

    return look


def let_go(readers: Readers) -> Callable[[], Awaitable[bool]]:
    async def look() -> bool:
        return all(stand.holder is None for stand in await readers.stands())

    return look


async def test_a_replay_of_a_log_that_is_shorter_now_ends(world: World) -> None:
    await read(world, "a", "b", "c")
    await world.append("a")
    readers = world.readers()
    await readers.start()
    await world.until(halted(readers))
    async with asyncio.timeout(PATIENCE_SECONDS):
        assert await readers.replay("seeing") == 2
    await world.append("d")
    assert await readers.caught_up("wallet", 2, PATIENCE_SECONDS)
    assert await world.rows() == [("a", 1), ("d", 1)]


async def test_a_reaction_that_has_halted_is_restarted_with_the_first_event(world: World) -> None:
    noted = list[int]()

    async def note(recorded: Recorded) -> None:
        noted.append(recorded.position)

    noting = Reaction("noting", ("wallet",), {CredentialReceived: note})
    await read(world, "a", "b", "c", reactions=(noting,))
    await world.append("a", "d")
    readers = world.readers(reactions=(noting,))
    await readers.start()
    await world.until(halted(readers))
    await world.until(let_go(readers))
    await readers.restart("noting", "wallet")
    await readers.stop()
    assert await readers.replay("seeing") == 2
    await readers.start()
    await world.until(reached(readers, 2))
    assert noted == [1, 2, 3, 1, 2]


async def test_what_is_followed_or_no_reaction_is_not_restarted(world: World) -> None:
    async def note(recorded: Recorded) -> None:
        """Do nothing."""

    await world.append("a")
    readers = world.readers(reactions=(Reaction("noting", ("wallet",), {CredentialReceived: note}),))
    await readers.start()
    await world.until(reached(readers, 1))
    with pytest.raises(Problem, match="reader_is_followed"):
        await readers.restart("noting", "wallet")
    await readers.stop()
    for reader, log in (("seeing", "wallet"), ("noting", "catalog")):
        with pytest.raises(Problem, match="not_found"):
            await readers.restart(reader, log)
    await readers.restart("noting", "wallet")

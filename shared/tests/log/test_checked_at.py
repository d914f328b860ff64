"""How fresh the facts are, asked in a process that keeps none of them up to date itself."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import MetaData, event
from sqlalchemy.exc import DBAPIError

from kompetenspass.log import progress as room
from kompetenspass.log.project import Projection
from kompetenspass.log.stamping import Stamper, Track
from kompetenspass.log.supervisor import Supervisor
from kompetenspass.testing.waiting import PATIENCE_SECONDS

World = Any


@pytest.fixture
def asked(world: World) -> list[str]:
    """The statements that read the stored cursors."""
    seen = list[str]()

    def sent(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        if statement.startswith("SELECT") and "checked_at" in statement:
            seen.append(statement)

    event.listen(world.engine.sync_engine, "before_cursor_execute", sent)
    return seen


async def followed(world: World) -> Any:
    """Return readers without loops, of what others follow."""
    keeping, asking = world.readers(), world.readers()
    await keeping.start()

    async def checked() -> bool:
        stands = await asking.stands()
        return all(stand.checked_at is not None for stand in stands)

    await asking.prepare()
    await world.until(lambda: keeping.checked_at("wallet"))
    await world.until(checked)
    await keeping.stop()
    return asking


async def test_all_who_ask_at_once_share_one_look_at_the_stored_cursors(
    world: World, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    readers = await followed(world)
    monkeypatch.setattr(room, "_RECENT_SECONDS", 3600)
    asked.clear()
    moments = await asyncio.gather(*(readers.checked_at("wallet") for _ in range(20)))
    assert moments == [world.clock()] * 20
    assert len(asked) == 1
    await readers.checked_at("wallet")
    assert len(asked) == 1


async def test_once_it_is_old_it_is_looked_at_again(
    world: World, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    readers = await followed(world)
    await readers.checked_at("wallet")
    monkeypatch.setattr(room, "_RECENT_SECONDS", -1)
    asked.clear()
    await readers.checked_at("wallet")
    assert len(asked) == 1


async def test_while_the_cursors_cannot_be_read_all_who_ask_share_one_failure(world: World, asked: list[str]) -> None:
    readers = world.readers()
    answers = await asyncio.gather(*(readers.checked_at("wallet") for _ in range(20)), return_exceptions=True)
    assert all(isinstance(answer, DBAPIError) for answer in answers)
    assert len(asked) == 1


async def test_it_is_not_known_while_one_that_reads_the_log_is_not_followed_yet(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    look, gate = Supervisor._look, asyncio.Event()

    async def late(supervisor: Supervisor) -> None:
        if supervisor.projection.name == "late":
            await gate.wait()
        await look(supervisor)

    monkeypatch.setattr(Supervisor, "_look", late)
    readers = world.readers(world.projection(), Projection("late", 1, ("wallet",), MetaData(), {}))
    await readers.start()
    await world.until(lambda: _checked(readers, "seeing"))
    assert await readers.checked_at("wallet") is None
    gate.set()
    await world.until(lambda: readers.checked_at("wallet"))


async def _checked(readers: Any, name: str) -> bool:
    return any(stand.key.reader == name and stand.checked_at for stand in await readers.stands())


async def test_a_position_has_passed_only_once_it_is_known_how_fresh_it_is(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command that waits for a position and then rests on it is not refused because its facts seem unchecked."""
    stamp, gate = Stamper.stamp, asyncio.Event()

    async def held_up(stamper: Stamper, track: Track) -> None:
        await gate.wait()
        await stamp(stamper, track)

    monkeypatch.setattr(Stamper, "stamp", held_up)
    await world.append("a")
    readers = world.readers()
    await readers.start()
    await world.until(world.rows)
    assert not await readers.caught_up("wallet", 1, 0.6)
    gate.set()
    assert await readers.caught_up("wallet", 1, PATIENCE_SECONDS)
    assert await readers.checked_at("wallet") == world.clock()

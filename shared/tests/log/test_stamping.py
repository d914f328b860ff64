"""Stamps: all readers of a process in one statement; a cursor that another runner moved is left alone and told of."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from kompetenspass.core.ids import uuid7
from kompetenspass.events.wallet import CredentialPresented
from kompetenspass.log.cursors import Cursor, Key, Taken, install_runner_tables, open_cursor, schemas
from kompetenspass.log.generations import transaction
from kompetenspass.log.project import Reaction
from kompetenspass.log.stamping import Stamper, Track
from kompetenspass.testing.clock import NOON

World = Any
EPOCH = uuid7()


async def opened(engine: AsyncEngine, *readers: str) -> list[Track]:
    await install_runner_tables(engine, "wallet")
    tracks = [Track(Key("reaction", reader), "wallet") for reader in readers]
    async with transaction(engine, schemas("wallet")) as connection:
        for track in tracks:
            track.opened(await open_cursor(connection, track.key, track.log, EPOCH))
    return tracks


async def positions(engine: AsyncEngine, tracks: list[Track]) -> list[int]:
    async with transaction(engine, schemas("wallet")) as connection:
        return [(await open_cursor(connection, track.key, track.log, EPOCH)).position for track in tracks]


async def test_what_concerned_nobody_is_stored_for_all_at_once(engine: AsyncEngine) -> None:
    tracks = await opened(engine, "a", "b", "c")
    stamper = Stamper(engine, "wallet")
    for track in tracks:
        stamper.follow(track)
        track.reached, track.moment = Cursor(EPOCH, 7, uuid7()), NOON
    await stamper.stamp(tracks[0])
    assert await positions(engine, tracks) == [7, 7, 7]
    assert {(track.stored, track.checked_at) for track in tracks} == {(track.reached, NOON) for track in tracks}


async def test_a_cursor_that_another_moved_stays_and_its_reader_is_told(engine: AsyncEngine) -> None:
    tracks = await opened(engine, "a", "b")
    stamper, rival = Stamper(engine, "wallet"), Stamper(engine, "wallet")
    (theirs,) = await opened(engine, "b")
    theirs.reached = Cursor(EPOCH, 9, uuid7())
    rival.follow(theirs)
    await rival.stamp(theirs)
    for track in tracks:
        stamper.follow(track)
        track.reached, track.moment = Cursor(EPOCH, 5, uuid7()), NOON
    await stamper.stamp(tracks[0])
    assert await positions(engine, tracks) == [5, 9]
    with pytest.raises(Taken):
        await stamper.stamp(tracks[1])
    assert tracks[1].checked_at is None


async def test_a_cursor_that_a_transaction_holds_keeps_nobody_waiting(engine: AsyncEngine) -> None:
    tracks = await opened(engine, "a", "b")
    stamper = Stamper(engine, "wallet")
    for track in tracks:
        stamper.follow(track)
        track.reached = Cursor(EPOCH, 5, uuid7())
    async with stamper.holding(tracks[1]):
        await stamper.stamp(tracks[0])
    assert await positions(engine, tracks) == [5, 0]
    assert not tracks[1].taken


async def test_what_does_not_concern_a_reader_is_seen_here_at_once_and_stored_within_a_second(world: World) -> None:
    async def never(_recorded: object) -> None:
        raise AssertionError

    reaction = Reaction("idle", ("wallet",), {CredentialPresented: never})
    readers = world.readers(world.projection(handlers={CredentialPresented: never}), reactions=[reaction])
    await readers.start()
    await world.append("a", "b")
    async with asyncio.timeout(0.9):
        assert await readers.caught_up("wallet", 2, 10)
    await world.until(lambda: _stored(readers, 2))


async def _stored(readers: Any, position: int) -> bool:
    return {stand.position for stand in await readers.stands()} == {position}

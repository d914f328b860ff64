"""Stamps: all readers of a process in one statement; a cursor that another runner moved is left alone and told of."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from kompetenspass.core.ids import uuid7
from kompetenspass.events.wallet import CredentialPresented
from kompetenspass.log import cursors, stamping
from kompetenspass.log.api import Cursor
from kompetenspass.log.bare import bare
from kompetenspass.log.cursors import (
    Key,
    Lane,
    Layout,
    Stamp,
    Taken,
    all_stands,
    begin,
    hold,
    store,
    take,
)
from kompetenspass.log.generations import transaction
from kompetenspass.log.project import Reaction
from kompetenspass.log.stamping import Stamper, Track
from kompetenspass.log.tables import install_runner_tables, schemas
from kompetenspass.testing.clock import NOON
from kompetenspass.testing.postgres import Database
from kompetenspass.testing.waiting import PATIENCE_SECONDS

World = Any
EPOCH = uuid7()


async def opened(engine: AsyncEngine, *readers: str) -> list[Track]:
    await install_runner_tables(engine, "wallet")
    tracks = [Track(Lane(Key("reaction", reader), "wallet")) for reader in readers]
    async with transaction(engine, schemas("wallet")) as connection:
        for track in tracks:
            await begin(connection, "wallet", track.lane.key, "wallet", Layout(1, "postgres"), EPOCH)
    async with bare(engine) as driver:
        for track in tracks:
            track.opened(await take(driver, "wallet", track.lane, "postgres", 1))
    return tracks


async def positions(engine: AsyncEngine, tracks: list[Track]) -> list[int]:
    async with bare(engine) as driver:
        stored = await all_stands(driver, "wallet")
    return [stored[track.lane.key, "wallet"][0].position for track in tracks]


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


async def test_a_cursor_that_another_transaction_holds_is_skipped_until_the_next_second_and_nobody_took_it(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, other = await opened(engine, "held", "other")
    stamper, tried = Stamper(engine, "wallet"), list[int]()

    async def counted(driver: Any, service: str, stamps: Sequence[Stamp]) -> Mapping[Lane, bool]:
        tried.append(len(stamps))
        return await store(driver, service, stamps)

    monkeypatch.setattr(cursors, "store", counted)
    monkeypatch.setattr(stamping, "STAMP_SECONDS", 3600)
    for track in (held, other):
        stamper.follow(track)
        track.reached, track.moment = Cursor(EPOCH, 5, uuid7()), NOON
    async with transaction(engine, schemas("wallet")) as connection:
        await hold(connection, held.lane.key, held.lane.log)
        for _ in range(3):
            await stamper.stamp(held)
    assert (await positions(engine, [held, other]), tried) == ([0, 5], [2])
    monkeypatch.setattr(stamping, "STAMP_SECONDS", 0)
    await stamper.stamp(held)
    assert (await positions(engine, [held]), held.checked_at) == ([5], NOON)


async def test_a_track_can_be_held_while_the_stamps_wait_for_a_connection(
    engine: AsyncEngine, database: Database
) -> None:
    (track,) = await opened(engine, "a")
    dsn = database.dsn("wallet").replace("postgresql:", "postgresql+asyncpg:", 1)
    narrow = create_async_engine(dsn, pool_size=1, max_overflow=0)
    stamper = Stamper(narrow, "wallet")
    stamper.follow(track)
    track.reached = Cursor(EPOCH, 5, uuid7())
    async with narrow.connect() as the_only_one:
        await the_only_one.exec_driver_sql("SELECT 1")
        stamping_it = asyncio.create_task(stamper.stamp(track))
        await asyncio.sleep(0)
        async with asyncio.timeout(PATIENCE_SECONDS), stamper.holding(track):
            assert not stamping_it.done()
    await stamping_it
    assert await positions(engine, [track]) == [5]
    await narrow.dispose()


async def test_what_does_not_concern_a_reader_is_seen_here_at_once_and_stored_when_it_is_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stamping, "STAMP_SECONDS", 3600)

    async def never(_recorded: object) -> None:
        raise AssertionError

    reaction = Reaction("idle", ("wallet",), {CredentialPresented: never})
    readers = world.readers(world.projection(handlers={CredentialPresented: never}), reactions=[reaction])
    await readers.start()
    await world.until(lambda: _checked(readers))
    await world.append("a", "b")
    assert await readers.caught_up("wallet", 2, PATIENCE_SECONDS)
    assert await _stored(readers, 0)
    monkeypatch.setattr(stamping, "STAMP_SECONDS", 0)
    await world.append("c")
    await world.until(lambda: _stored(readers, 3))


async def _checked(readers: Any) -> bool:
    return [bool(stand.checked_at) for stand in await readers.stands()] == [True, True]


async def _stored(readers: Any, position: int) -> bool:
    return {stand.position for stand in await readers.stands()} == {position}

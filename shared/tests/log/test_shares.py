"""Shares: processes come and go, and each part of a log is followed by one of them; each event is applied once."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import pytest
from sqlalchemy.exc import DBAPIError

from kompetenspass.core.ids import uuid7
from kompetenspass.embedded.provision import connected
from kompetenspass.log import presence
from kompetenspass.log.api import Part
from kompetenspass.log.bare import bare
from kompetenspass.log.conformance import request
from kompetenspass.log.cursors import Key, Lane, Layout, Stand, all_stands, begin, release, take
from kompetenspass.log.generations import transaction
from kompetenspass.log.presence import Beat
from kompetenspass.log.readers import Readers
from kompetenspass.log.shares import by_share
from kompetenspass.log.tables import install_runner_tables, schemas
from kompetenspass.testing.postgres import Database
from kompetenspass.testing.waiting import PATIENCE_SECONDS
from kompetenspass.testing.walking import MemoryInParts, walked, walking

World = Any
PARTS = 8
SESSIONS = "SELECT pg_terminate_backend(pid, 5000) FROM pg_locks WHERE objsubid = 2 AND objid::bigint = $1"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence, "BEAT_SECONDS", 0.05)


@pytest.fixture
def parted(world: World) -> World:
    world.log = MemoryInParts("wallet", world.clock, PARTS)
    return world


async def append(world: World, count: int, chance: random.Random | None = None) -> Counter[str]:
    """Append some events, and return how many each stream has now."""
    chance = chance or random.Random(await world.log.head())
    for _ in range(count):
        stream = f"s-{chance.randrange(20)}"
        await world.log.append(request(stream, len(await world.log.read_stream(stream))))
    return Counter(row.stream for row in await world.log.read(0, 100_000))


async def check(world: World, readers: Readers) -> None:
    """Wait until all is applied; each event was, once, after those before it in its stream."""
    assert await readers.caught_up("wallet", await world.log.head(), PATIENCE_SECONDS)
    expected = {stream: (count, 0) for stream, count in (await append(world, 0)).items()}
    assert await walked(world.engine) == expected


def me(readers: Readers) -> int:
    last = readers._place.presence.last
    return last.me if last else 0


def shared(asking: Readers, *running: Readers) -> Callable[[], Any]:
    """Return what says whether each part has the holder that its share says, of those that run."""

    async def look() -> bool:
        peers = tuple(sorted(map(me, running)))
        stands = await asking.stands()
        wanted = [p for s in stands for p in peers if by_share(s, Beat(p, peers, frozenset(peers)))]
        return len(stands) == PARTS and [s.holder for s in stands] == wanted

    return look


async def test_each_part_is_followed_by_the_process_whose_share_it_is(parted: World) -> None:
    running = [parted.readers(walking()) for _ in range(3)]
    await append(parted, 50)
    for readers in running:
        await readers.start()
    await parted.until(shared(running[0], *running))
    await append(parted, 50)
    for readers in running:
        await check(parted, readers)
        await parted.until(lambda readers=readers: _is_done(readers))


async def test_who_joins_gets_its_share_and_who_leaves_gives_it_back(parted: World) -> None:
    first, second = parted.readers(walking()), parted.readers(walking())
    await first.start()
    await parted.until(shared(first, first))
    await append(parted, 40)
    await second.start()
    await parted.until(shared(first, first, second))
    await append(parted, 40)
    await first.stop()
    await parted.until(shared(second, second))
    await append(parted, 40)
    await check(parted, second)


async def test_who_loses_its_connection_loses_its_share_and_comes_back(parted: World, database: Database) -> None:
    first, second = parted.readers(walking()), parted.readers(walking())
    for readers in (first, second):
        await readers.start()
    await parted.until(shared(first, first, second))
    former = me(first)
    async with connected(database.admin_dsn) as admin:
        assert await admin.fetch(SESSIONS, former)
    await append(parted, 40)

    async def back() -> bool:
        return me(first) not in (0, former) and await shared(first, first, second)()

    await parted.until(back)
    await append(parted, 40)
    await check(parted, first)


async def test_a_part_that_is_given_up_late_leaves_alone_the_one_in_its_place(world: World) -> None:
    """The log was cut into other parts meanwhile, and the same process has the new one."""
    await install_runner_tables(world.engine, "wallet")
    key, me = Key("reaction", "offers"), 7
    former, now = Lane(key, "wallet", Part(0, 2)), Lane(key, "wallet", Part(0, 4))
    async with transaction(world.engine, schemas("wallet")) as connection:
        await begin(connection, "wallet", key, "wallet", Layout(4, "postgres"), uuid7())
    for released, holder in ((former, me), (now, None)):
        async with bare(world.engine) as driver:
            await take(driver, "wallet", now, "postgres", me)
            await release(driver, "wallet", released, me)
            assert (await all_stands(driver, "wallet"))[key, "wallet"][0].holder == holder


async def test_what_others_follow_is_known_by_what_they_stored(parted: World) -> None:
    first, second = parted.readers(walking()), parted.readers(walking())
    for readers in (first, second):
        await readers.start()
    await parted.until(shared(first, first, second))
    await append(parted, 30)
    for readers in (first, second):
        await check(parted, readers)
        await parted.until(lambda readers=readers: _is_started(readers))
        assert await readers.checked_at("wallet") == parted.clock()


async def _is_done(readers: Readers) -> bool:
    return [(lag.reader, lag.lag, lag.halted) for lag in await readers.lags()] == [("walking", 0, None)]


async def _is_started(readers: Readers) -> bool:
    return all(lag.started for lag in await readers.lags())


async def test_a_replay_in_parts_gives_the_same_rows(parted: World) -> None:
    first, second = parted.readers(walking()), parted.readers(walking())
    for readers in (first, second):
        await readers.start()
    await append(parted, 60)
    await check(parted, first)
    assert await first.replay("walking") == 2
    await append(parted, 30)
    await check(parted, second)
    assert {(stand.key.generation, stand.part.of) for stand in await first.stands()} == {(2, PARTS)}


@pytest.mark.parametrize("seed", range(3))
async def test_whoever_comes_and_goes_each_event_is_applied_once_and_in_order(
    parted: World, database: Database, seed: int
) -> None:
    chance = random.Random(seed)
    running = list[Readers]()

    async def come() -> None:
        coming = parted.readers(walking())
        await coming.start()
        running.append(coming)

    async def go() -> None:
        if running:
            await running.pop(chance.randrange(len(running))).stop()

    async def cut() -> None:
        async with connected(database.admin_dsn) as admin:
            await admin.fetch("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'wallet'")

    async def move() -> None:
        if running:
            feeds = {"wallet": {"postgres": parted.log}}
            await running[0].move(feeds, parts=chance.choice([1, 2, 5]))  # type: ignore[arg-type]  # a literal

    await done(come)
    for step in chance.choices([come, go, cut, move], [4, 3, 2, 2], k=12):
        await append(parted, chance.randrange(30), chance)
        await done(step)
    await append(parted, 20, chance)
    await done(come)
    await check(parted, running[-1])


async def done(step: Callable[[], Awaitable[None]]) -> None:
    """Do it, again if it used a connection that was cut."""
    for _ in range(50):
        try:
            return await step()
        except (DBAPIError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            continue
    raise AssertionError


@pytest.mark.parametrize("peers", [1, 2, 3, 7])
def test_shares_are_even_and_only_what_must_move_moves(peers: int) -> None:
    numbers = tuple(range(1, peers + 1))
    stands = [Stand(Key("projection", "facts", 1), "wallet", 0, None, Part(n, 2000)) for n in range(2000)]

    def owners(numbers: tuple[int, ...]) -> list[int]:
        return [next(n for n in numbers if by_share(s, Beat(n, numbers, frozenset(numbers)))) for s in stands]

    before, after = owners(numbers), owners((*numbers, 99))
    assert all(abs(count - 2000 / peers) < 250 for count in Counter(before).values())
    assert {new for old, new in zip(before, after, strict=True) if old != new} == {99}


def test_without_peers_nobody_has_a_share() -> None:
    stand = Stand(Key("reaction", "offers"), "wallet", 0, None)
    assert not by_share(stand, Beat(1, (), frozenset()))
    assert stand.part == Part(0, 1)

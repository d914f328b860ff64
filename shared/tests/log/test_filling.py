"""Filling: new tables, a page ahead; what was read ahead never says where the log ends now."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from kompetenspass.core.clock import Clock
from kompetenspass.events.wallet import CredentialReceived
from kompetenspass.log import generations
from kompetenspass.log.api import Recorded
from kompetenspass.log.cursors import Layout, begin
from kompetenspass.log.generations import Generation, transaction
from kompetenspass.log.memory import MemoryLog
from kompetenspass.log.project import Projection
from kompetenspass.log.projecting import FILLING_PAGE, ProjectionFollower
from kompetenspass.log.runner import Place
from kompetenspass.log.tables import install_runner_tables, schemas
from kompetenspass.log.waking import heard
from kompetenspass.log.writing import Writing

World = Any


@asynccontextmanager
async def filling(world: World, projection: Projection) -> AsyncIterator[ProjectionFollower]:
    """Return what fills new tables, while it does."""
    place = Place("wallet", world.engine, world.clock)
    await install_runner_tables(world.engine, "wallet")
    await generations.prepare(world.engine, "wallet", projection)
    filled = await generations.begin_replay(world.engine, "wallet", projection)
    async with followed(place, world, projection, filled) as follower:
        yield follower


@asynccontextmanager
async def followed(
    place: Place, world: World, projection: Projection, generation: Generation
) -> AsyncIterator[ProjectionFollower]:
    """Return what follows the log for a generation, while it does."""
    follower = ProjectionFollower(place, world.log, projection, generation)
    async with transaction(world.engine, schemas("wallet")) as connection:
        await begin(connection, "wallet", follower.key, "wallet", Layout(1, "postgres"), await world.log.epoch())
    following = asyncio.create_task(follower.run())
    yield follower
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    await place.presence.leave()


class Ahead(MemoryLog):
    """Says when what follows the first page was read."""

    def __init__(self, owner: str, clock: Clock) -> None:
        super().__init__(owner, clock)
        self.was_read = asyncio.Event()

    async def read(self, after: int, limit: int) -> Sequence[Recorded]:
        rows = await super().read(after, limit)
        if after:
            self.was_read.set()
        return rows


async def test_the_head_is_where_the_log_ends_and_not_where_it_ended_when_it_was_read_ahead(world: World) -> None:
    world.log = log = Ahead("wallet", world.clock)

    async def see(_writing: Writing, recorded: Recorded) -> None:
        if recorded.position == FILLING_PAGE:
            await log.was_read.wait()
            await world.append("late")

    await world.append(*("early" for _ in range(FILLING_PAGE)))
    async with filling(world, world.projection(handlers={CredentialReceived: see})) as follower:
        while not follower.at_head:
            await heard(follower.place.moved.hearing, 5)
        assert follower.position == FILLING_PAGE + 1


class Away(MemoryLog):
    """What follows the first page cannot be read, once."""

    def __init__(self, owner: str, clock: Clock) -> None:
        super().__init__(owner, clock)
        self.failed = asyncio.Event()

    async def read(self, after: int, limit: int) -> Sequence[Recorded]:
        if after and not self.failed.is_set():
            self.failed.set()
            raise OSError
        return await super().read(after, limit)


async def test_a_page_that_could_not_be_read_ahead_is_read_again_and_its_failure_is_not_complained_of(
    world: World,
) -> None:
    complaints, begun = list[str](), list[int]()
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: complaints.append(context["message"]))
    world.log = log = Away("wallet", world.clock)

    async def see(_writing: Writing, recorded: Recorded) -> None:
        if recorded.position == FILLING_PAGE:
            begun.append(recorded.position)
            await log.failed.wait()
            if len(begun) == 1:
                raise OSError

    await world.append(*("early" for _ in range(FILLING_PAGE + 1)))
    async with filling(world, world.projection(handlers={CredentialReceived: see})) as follower:
        while not follower.at_head:
            await heard(follower.place.moved.hearing, 5)
    gc.collect()
    assert (follower.position, len(begun)) == (FILLING_PAGE + 1, 2)
    assert complaints == []


class Interrupted(MemoryLog):
    """Somebody else cancels what a reader waits for, once."""

    once = True

    async def wait(self, after: int, timeout_seconds: float) -> None:
        if self.once:
            self.once = False
            raise asyncio.CancelledError
        await super().wait(after, timeout_seconds)


async def test_a_reader_goes_on_when_only_what_it_waited_for_was_cancelled(world: World) -> None:
    world.log = Interrupted("wallet", world.clock)
    place = Place("wallet", world.engine, world.clock)
    await install_runner_tables(world.engine, "wallet")
    live = await generations.prepare(world.engine, "wallet", world.projection())
    async with followed(place, world, world.projection(), live) as follower:
        while world.log.once:
            await heard(place.moved.hearing, 0.01)
        await world.append("after it")
        while follower.position < 1:
            await heard(place.moved.hearing, 5)
        assert await world.rows() == [("after it", 1)]

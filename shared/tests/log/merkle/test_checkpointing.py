"""Checkpointing on PostgreSQL: what it makes, what interrupts it, and what it does not sign."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Coroutine, Mapping
from contextlib import closing, suppress
from itertools import count
from typing import Any, TypeVar
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from kompetenspass.core.errors import Problem
from kompetenspass.log.merkle.checkpointing import Checkpointing, LogRewritten, epoch_of, origin
from kompetenspass.log.merkle.note import Checkpoint, verified_checkpoint
from kompetenspass.log.merkle.serving import ServedLog
from kompetenspass.log.merkle.store import Standing, TreeMoved, TreeStore
from kompetenspass.log.merkle.tiles import Place, Tile
from kompetenspass.log.merkle.tree import Frontier, row_hash, verify_consistency, verify_inclusion

T = TypeVar("T")
World = Any
NAME = "wallet.example/log"


async def signed(world: World) -> Checkpoint:
    return verified_checkpoint(await ServedLog(world.store).checkpoint(), [world.signer.verifier])


async def root_of_rows(world: World, size: int) -> bytes:
    tree = Frontier()
    for row in await world.log.read(0, size):
        tree.append(row_hash(row))
    return tree.root()


async def test_a_checkpoint_says_how_many_rows_there_are_and_their_root(world: World) -> None:
    for events in (0, 3, 300):
        await world.append(events)
        await world.checkpoint()
        checkpoint, head = await signed(world), await world.log.head()
        assert checkpoint == Checkpoint(
            origin(NAME, await world.log.epoch()), head, await root_of_rows(world, head), ()
        )
    before = await world.store.standing()
    await world.checkpoint()
    assert await world.store.standing() == before


async def test_proofs_and_tiles_are_served_as_far_as_the_checkpoint_goes(world: World) -> None:
    served = ServedLog(world.store)
    with pytest.raises(Problem, match="no_checkpoint"):
        await served.inclusion(1)
    await world.append(300)
    await world.checkpoint()
    found, rows = await served.inclusion(260), await world.log.read(0, 300)
    verify_inclusion(row_hash(rows[259]), 259, 300, found.proof, (await signed(world)).root)
    assert (found.leaf, found.size) == (row_hash(rows[259]), 300)
    grew = await served.consistency(100)
    verify_consistency(100, 300, grew.proof, await root_of_rows(world, 100), (await signed(world)).root)
    assert await served.tile(Tile(0, 1, 20)) == b"".join(row_hash(row) for row in rows[256:276])
    for beyond in (Tile(0, 1), Tile(0, 1, 45), Tile(2, 0, 1), Tile(0, 2, 1)):
        with pytest.raises(Problem, match="not_found"):
            await served.tile(beyond)
    for position, size in ((301, None), (0, None), (1, 301), (5, 4)):
        with pytest.raises(Problem, match="not_found"):
            await served.inclusion(position, size)
    with pytest.raises(Problem, match="invalid_request"):
        await served.consistency(5, 4)


class ProcessEnded(Exception):
    """The process is gone, between two steps."""


class DyingStore(TreeStore):
    """A store whose process ends after so many steps; each call has one before it and one after it."""

    def __init__(self, engine: AsyncEngine, steps: int) -> None:
        super().__init__(engine)
        self._left = steps

    def _step(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise ProcessEnded

    async def _between(self, work: Coroutine[Any, Any, T]) -> T:
        with closing(work):
            self._step()
            done = await work
            self._step()
            return done

    async def tiles(self, places: Collection[Place]) -> dict[Place, bytes]:
        return await self._between(super().tiles(places))

    async def begin(self, epoch: UUID) -> Standing:
        return await self._between(super().begin(epoch))

    async def grow(self, standing: Standing, tiles: Mapping[Place, bytes], size: int) -> Standing:
        return await self._between(super().grow(standing, tiles, size))

    async def sign(self, standing: Standing, checkpoint: str) -> None:
        await self._between(super().sign(standing, checkpoint))


async def test_after_a_crash_between_any_two_steps_the_next_run_goes_on(world: World, engine: AsyncEngine) -> None:
    await world.append(600, streams=500)
    root = await root_of_rows(world, 600)
    for steps in count():
        await world.store.begin(await world.log.epoch())
        try:
            await Checkpointing(world.log, DyingStore(engine, steps), world.signer, rest=0).run()
        except ProcessEnded:
            await world.checkpoint()
            assert (await signed(world)).root == root
        else:
            break
    assert steps >= 16
    assert (await signed(world)).root == root


async def test_whenever_it_is_cancelled_the_next_run_goes_on(world: World) -> None:
    await world.append(600, streams=500)
    for turns in range(0, 120, 7):
        running = asyncio.create_task(world.checkpoint())
        for _ in range(turns):
            await asyncio.sleep(0)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
    await world.checkpoint()
    assert (await signed(world)).root == await root_of_rows(world, 600)


async def test_of_two_processes_one_moves_the_tree_on(world: World) -> None:
    await world.append(5)
    await world.checkpoint()
    stale = Standing(await world.log.epoch(), 4)
    with pytest.raises(TreeMoved):
        await world.store.grow(stale, {(0, 0): b"x" * 160}, 5)
    assert (await signed(world)).root == await root_of_rows(world, 5)


async def test_a_log_whose_last_row_was_changed_is_not_signed(world: World) -> None:
    await world.append(5)
    await world.checkpoint()
    before = await signed(world)
    await world.append(2)
    await world.tamper("UPDATE log SET data = '{}' WHERE position = 5")
    fresh = Checkpointing(world.log, world.store, world.signer)
    with pytest.raises(LogRewritten):
        await fresh.run()
    assert await signed(world) == before


async def test_a_restored_log_that_lost_nothing_goes_on_under_its_new_epoch(world: World) -> None:
    await world.append(5)
    await world.checkpoint()
    epoch = await world.renew_epoch()
    await world.append(1)
    await world.checkpoint()
    assert epoch_of((await signed(world)).origin, NAME) == epoch
    assert (await signed(world)).root == await root_of_rows(world, 6)


async def test_a_restored_log_that_lost_rows_begins_a_new_tree(world: World) -> None:
    await world.append(300)
    await world.checkpoint()
    await world.cut(200)
    with pytest.raises(LogRewritten):
        await world.checkpoint()
    epoch = await world.renew_epoch()
    await world.append(50)
    await world.checkpoint()
    checkpoint = await signed(world)
    assert (epoch_of(checkpoint.origin, NAME), checkpoint.size) == (epoch, 250)
    assert checkpoint.root == await root_of_rows(world, 250)

"""Checkpointing: the log's new rows become leaves, slice by slice, and the tree's head is signed.

A slice is one read through the feed, some hundred hashes, and one transaction that moves the tree on or does not: after
a crash the next run goes on from there. Nothing here is waited for by a request, and nothing here locks the log.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from uuid import UUID

from kompetenspass.log.api import Recorded, WholeLog
from kompetenspass.log.merkle.note import Checkpoint
from kompetenspass.log.merkle.signing import LogSigner
from kompetenspass.log.merkle.store import Standing, TreeStore
from kompetenspass.log.merkle.tiles import WIDTH, edge, grown, root
from kompetenspass.log.merkle.tree import HASH_BYTES, row_hash

SLICE = WIDTH
"""Rows in a slice: hashing them takes about a millisecond, for which requests of this process wait."""
REST = 4.0
"""How often the time of a slice is rested after it: a long way to catch up leaves the machine to the requests."""


class LogRewritten(RuntimeError):
    """The log's rows are not those that the tree was made from, and its epoch says nothing of a restore."""


class Checkpointing:
    """Makes the tree of one log. `run` is for a timer that runs in one process at a time."""

    def __init__(self, feed: WholeLog, store: TreeStore, signer: LogSigner, *, rest: float = REST) -> None:
        self._feed = feed
        self._store = store
        self._signer = signer
        self._rest = rest

    async def run(self) -> None:
        """Bring the tree up to the head that the log has now, and sign it.

        Raises LogRewritten for an operator to look at, and signs nothing then; TreeMoved.
        """
        standing, head = await self._fitting(), await self._feed.head()
        clock = asyncio.get_running_loop().time
        while standing.size < head:
            began = clock()
            standing = await self._grow(standing, await self._feed.read(standing.size, SLICE))
            await asyncio.sleep(self._rest * (clock() - began))
        if standing.checkpoint_size != standing.size:
            await self._sign(standing)

    async def _fitting(self) -> Standing:
        """Return the tree that fits the log: the stored one, or for a log that was restored to less, an empty one."""
        epoch, standing = await self._feed.epoch(), await self._store.standing()
        if standing is None:
            return await self._store.begin(epoch)
        if await self._fits(standing):
            return standing if standing.epoch == epoch else await self._store.adopt(standing, epoch)
        if standing.epoch == epoch:
            raise LogRewritten(f"the row at position {standing.size} is not the one that became the last leaf")
        return await self._store.begin(epoch)

    async def _fits(self, standing: Standing) -> bool:
        """Return whether the row at the last leaf's position is the one that it was made from."""
        if standing.size == 0:
            return True
        index, at = divmod(standing.size - 1, WIDTH)
        tile = (await self._store.tiles([(0, index)])).get((0, index), b"")
        rows = await self._feed.read(standing.size - 1, 1)
        return [row_hash(row) for row in rows] == [tile[at * HASH_BYTES : (at + 1) * HASH_BYTES]]

    async def _grow(self, standing: Standing, rows: Sequence[Recorded]) -> Standing:
        size = standing.size
        if not rows or [row.position for row in rows] != list(range(size + 1, size + 1 + len(rows))):
            raise LogRewritten(f"a row is missing after position {size}")
        partial = await self._store.tiles(edge(size))
        tiles = grown(partial, size, [row_hash(row) for row in rows])
        return await self._store.grow(standing, tiles, size + len(rows))

    async def _sign(self, standing: Standing) -> None:
        tiles = await self._store.tiles(edge(standing.size))
        checkpoint = Checkpoint(origin(self._signer.name, standing.epoch), standing.size, root(tiles, standing.size))
        await self._store.sign(standing, str(self._signer.sign(checkpoint.text())))


def origin(name: str, epoch: UUID) -> str:
    """Return the origin line of a log: the name of its key and its epoch.

    A log that was restored has another epoch, hence another origin: of one origin, all checkpoints agree.
    """
    return f"{name}/{epoch}"


def epoch_of(origin_line: str, name: str) -> UUID:
    """Return the epoch in an origin line of the log with a key's name. Raises ValueError for another log's."""
    before, _, epoch = origin_line.rpartition("/")
    if before != name or str(UUID(epoch)) != epoch:
        raise ValueError("another log's origin")
    return UUID(epoch)

"""What is served of the tree: the newest checkpoint, hash tiles and proofs. Hashes leave, entries do not."""

from __future__ import annotations

from kompetenspass.core.errors import Kind, Problem, not_found
from kompetenspass.log.merkle.proofs import Consistency, Inclusion, consistency, inclusion
from kompetenspass.log.merkle.store import Standing, TreeStore
from kompetenspass.log.merkle.tiles import Tile, width_in
from kompetenspass.log.merkle.tree import HASH_BYTES


class ServedLog:
    """Answers from the service's own tables, as far as the newest checkpoint goes."""

    def __init__(self, store: TreeStore) -> None:
        self._store = store

    async def checkpoint(self) -> bytes:
        """Return the newest signed checkpoint. Raises Problem `no_checkpoint` before the first."""
        _, checkpoint = await self._signed()
        return checkpoint.encode()

    async def tile(self, tile: Tile) -> bytes:
        """Return a tile's hashes. Raises Problem `not_found`: a partial one may be asked for while it grows."""
        standing, place = await self._store.standing(), (tile.level, tile.index)
        if standing is None or width_in(place, standing.size) < tile.width:
            raise not_found("tile")
        hashes = (await self._store.tiles([place])).get(place, b"")[: tile.width * HASH_BYTES]
        if len(hashes) != tile.width * HASH_BYTES:
            raise not_found("tile")
        return hashes

    async def inclusion(self, position: int, size: int | None = None) -> Inclusion:
        """Return the proof that a position is in the tree, by default in that of the newest checkpoint.

        Raises Problem `not_found` for what the checkpoint does not reach.
        """
        return await inclusion(self._store.tiles, position, await self._reached(size))

    async def consistency(self, first: int, second: int | None = None) -> Consistency:
        """Return the proof that the tree begins with an earlier one. Raises Problem `not_found`, `invalid_request`."""
        return await consistency(self._store.tiles, first, await self._reached(second))

    async def _reached(self, size: int | None) -> int:
        signed, _ = await self._signed()
        if size is not None and not 0 <= size <= signed:
            raise not_found("tree of that size yet")
        return signed if size is None else size

    async def _signed(self) -> tuple[int, str]:
        standing: Standing | None = await self._store.standing()
        if standing is None or standing.checkpoint is None or standing.checkpoint_size is None:
            raise Problem(
                "no_checkpoint",
                "No checkpoint of this log was signed yet.",
                kind=Kind.NOT_FOUND,
                remedy="Ask again in a minute.",
            )
        return standing.checkpoint_size, standing.checkpoint

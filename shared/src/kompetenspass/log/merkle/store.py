"""The tree in the tables of its service: where it stands, its tiles, its newest checkpoint."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    Uuid,
    delete,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from kompetenspass.log.merkle.tiles import Place

TABLES = MetaData()
_tree = Table(
    "merkle_tree",
    TABLES,
    Column("one", Boolean, primary_key=True),
    Column("epoch", Uuid, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("checkpoint_size", BigInteger),
    Column("checkpoint", Text),
)
_tiles = Table(
    "merkle_tiles",
    TABLES,
    Column("level", SmallInteger, primary_key=True),
    Column("index", BigInteger, primary_key=True),
    Column("hashes", LargeBinary, nullable=False),
)
_TOGETHER = 500  # tiles in one statement: 4 MB


class TreeMoved(RuntimeError):
    """Another process has moved the tree on meanwhile; nothing was written."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the tree stands: the epoch of its log, how many leaves it has, and its newest checkpoint, if any."""

    epoch: UUID
    size: int
    checkpoint_size: int | None = None
    checkpoint: str | None = None


class TreeStore:
    """Reads and writes the tree; what belongs together is one transaction."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def standing(self) -> Standing | None:
        """Return where the tree stands, None before it was begun."""
        query = select(_tree.c.epoch, _tree.c.size, _tree.c.checkpoint_size, _tree.c.checkpoint)
        async with self._engine.connect() as connection:
            row = (await connection.execute(query)).one_or_none()
        return Standing(*row) if row else None

    async def tiles(self, places: Collection[Place]) -> dict[Place, bytes]:
        """Return the tiles of some places, as wide as they are; what is not there is left out."""
        found: dict[Place, bytes] = {}
        asked = sorted(places)
        async with self._engine.connect() as connection:
            for at in range(0, len(asked), _TOGETHER):
                wanted = tuple_(_tiles.c.level, _tiles.c.index).in_(asked[at : at + _TOGETHER])
                rows = await connection.execute(select(_tiles.c.level, _tiles.c.index, _tiles.c.hashes).where(wanted))
                found |= {(level, index): bytes(hashes) for level, index, hashes in rows}
        return found

    async def begin(self, epoch: UUID) -> Standing:
        """Return the standing of an empty tree, which takes the place of what was there."""
        async with self._engine.begin() as connection:
            await connection.execute(delete(_tree))
            await connection.execute(delete(_tiles))
            await connection.execute(insert(_tree).values(one=True, epoch=epoch, size=0))
        return Standing(epoch, 0)

    async def adopt(self, standing: Standing, epoch: UUID) -> Standing:
        """Return the same tree as that of a log with another epoch; its checkpoint was the former log's."""
        async with self._engine.begin() as connection:
            await _moved(connection, standing, epoch=epoch, checkpoint_size=None, checkpoint=None)
        return Standing(epoch, standing.size)

    async def grow(self, standing: Standing, tiles: Mapping[Place, bytes], size: int) -> Standing:
        """Return the standing after tiles were written. Raises TreeMoved."""
        rows = [{"level": level, "index": index, "hashes": hashes} for (level, index), hashes in tiles.items()]
        async with self._engine.begin() as connection:
            await _moved(connection, standing, size=size)
            put = insert(_tiles)
            key = [_tiles.c.level, _tiles.c.index]
            await connection.execute(
                put.on_conflict_do_update(index_elements=key, set_={"hashes": put.excluded.hashes}), rows
            )
        return Standing(standing.epoch, size, standing.checkpoint_size, standing.checkpoint)

    async def sign(self, standing: Standing, checkpoint: str) -> None:
        """Keep the checkpoint of the tree as it stands. Raises TreeMoved."""
        async with self._engine.begin() as connection:
            await _moved(connection, standing, checkpoint_size=standing.size, checkpoint=checkpoint)


async def _moved(connection: AsyncConnection, standing: Standing, **values: object) -> None:
    as_known = (_tree.c.size == standing.size) & (_tree.c.epoch == standing.epoch)
    if (await connection.execute(update(_tree).where(as_known).values(**values))).rowcount != 1:
        raise TreeMoved("the tree was moved on by another process")

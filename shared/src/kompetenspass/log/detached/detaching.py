"""Detaching: an old partition becomes a file that is held against the database and the signed tree, and then leaves.

Until the one transaction in which the partition goes and `log_head.base` comes after it, the rows are in the database;
from then on in the file. Whatever is interrupted is done again by the same command.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import asyncpg

from kompetenspass.core.errors import Kind, Problem
from kompetenspass.log.api import Recorded
from kompetenspass.log.detached.files import BLOCK, FileBroken, PartFile, Writer
from kompetenspass.log.detached.folder import Detached
from kompetenspass.log.detached.holding import refuse_open_streams, refuse_readers_before
from kompetenspass.log.detached.proving import SignedTree, Subtrees
from kompetenspass.log.merkle.note import Verifier
from kompetenspass.log.merkle.tree import row_hash
from kompetenspass.log.partitions import Partition, named, partitions

TRIES = 20
_LOCK_TIMEOUT = "100ms"
_PAUSE_SECONDS = 0.25
"""The log is locked for all for the moment in which a partition goes: not at all while somebody reads for long, and so
shortly waited for that nobody waits behind it."""


@dataclass(frozen=True)
class Detaching:
    """Detaches partitions of one log. `admin` owns the log; `kinds`: of the snapshots that the service begins with;
    `others`: databases where services read it, too."""

    admin: asyncpg.Connection
    owner: str
    verifier: Verifier
    kinds: Sequence[str]
    others: Sequence[asyncpg.Connection] = ()

    async def detach_before(self, position: int, folder: Path) -> Sequence[PartFile]:
        """Detach all partitions that end before a position, the oldest first; return their files.

        Raises Problem: `not_the_owner`, `nothing_to_detach`, `end_of_log`, `readers_before`, `streams_open`,
        `not_in_checkpoint`, `rows_differ_from_tree`, `file_differs`, `log_busy`.
        """
        await refuse_others_than_the_owner(self.admin, self.owner)
        ending = [each for each in await partitions(self.admin, self.owner) if each.last < position]
        if not ending:
            raise _nothing(position)
        return [await self._detach(partition, folder) for partition in ending]

    async def _detach(self, partition: Partition, folder: Path) -> PartFile:
        await self.refuse(partition)
        part = await self.written(partition, folder)
        await self.verify(partition, part)
        await self.let_go(partition)
        return part

    async def refuse(self, partition: Partition) -> None:
        """Raise Problem while anything still needs the partition in the database."""
        if await self._head() <= partition.last:
            raise _end(partition.last)
        await refuse_readers_before([self.admin, *self.others], self.owner, partition.last)
        await SignedTree(self.admin, self.owner, self.verifier).checkpoint(partition.last)
        await refuse_open_streams(self.admin, self.owner, partition.name, self.kinds)

    async def written(self, partition: Partition, folder: Path) -> PartFile:
        """Return the file of a partition: written now, or found from an attempt before. Raises Problem."""
        for part in Detached(folder, self.owner).parts():
            if (part.manifest.first, part.manifest.last) == (partition.first, partition.last):
                return part
        epoch: UUID = await self.admin.fetchval(f"SELECT epoch FROM {self.owner}_log.log_head")  # noqa: S608  ours
        writer = Writer(folder, self.owner, epoch, partition.first, partition.last)
        try:
            async for rows in self._rows(partition):
                await asyncio.to_thread(writer.add, rows)
            return await asyncio.to_thread(writer.finish)
        except ValueError as error:
            raise _differs(str(error)) from error
        finally:
            writer.abandon()

    async def verify(self, partition: Partition, part: PartFile) -> None:
        """Return if the file has the rows of the partition, and they are leaves of the signed tree. Raises Problem."""
        tree = Subtrees((partition.first - 1, partition.last))
        try:
            part.check()
            pages = part.pages(0)
            async for rows in self._rows(partition):
                if next(pages, None) != rows:
                    raise FileBroken(part.path, rows[0].position, "the database has other rows")
                for row in rows:
                    tree.append(row_hash(row))
            if next(pages, None) is not None:
                raise FileBroken(part.path, partition.last, "the database has fewer rows")
        except FileBroken as error:
            raise _differs(str(error)) from error
        await SignedTree(self.admin, self.owner, self.verifier).prove(tree.roots, partition.last)

    async def let_go(self, partition: Partition) -> None:
        """Take the partition out of the log and drop it, in one transaction with the base. Raises Problem."""
        for _ in range(TRIES):
            try:
                async with self.admin.transaction():
                    await self._let_go(partition)
                return
            except asyncpg.LockNotAvailableError:
                await asyncio.sleep(_PAUSE_SECONDS)
        raise _busy()

    async def _let_go(self, partition: Partition) -> None:
        execute, log = self.admin.execute, f"{named(self.owner)}_log"
        await execute(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'")
        moved = await self.admin.fetchval(
            f"UPDATE {log}.log_head SET base = $2 WHERE base = $1 RETURNING base",  # noqa: S608  checked name
            partition.first - 1,
            partition.last,
        )
        if moved is None:
            raise _nothing(partition.last + 1)
        await refuse_readers_before([self.admin, *self.others], self.owner, partition.last)
        await execute(f"ALTER TABLE {log}.log DETACH PARTITION {log}.{partition.name}")
        await execute(f"DROP TABLE {log}.{partition.name}")

    async def _rows(self, partition: Partition) -> AsyncIterator[Sequence[Recorded]]:
        """Yield the rows of a partition, a block at a time, in order."""
        query = (
            f"SELECT position, stream, version, id, type, recorded, data FROM {self.owner}_log.{partition.name} "  # noqa: S608  ours
            f"WHERE position > $1 ORDER BY position LIMIT {BLOCK}"
        )
        after = partition.first - 1
        while rows := [*map(Recorded._make, await self.admin.fetch(query, after))]:
            yield rows
            after = rows[-1].position

    async def _head(self) -> int:
        query = f"SELECT coalesce(max(position), 0) FROM {self.owner}_log.log"  # noqa: S608  checked name
        head: int = await self.admin.fetchval(query)
        return head


async def refuse_others_than_the_owner(admin: asyncpg.Connection, owner: str) -> None:
    """Raise Problem `not_the_owner` unless the connection's role owns the log, as the installer does."""
    if not await admin.fetchval("SELECT pg_has_role(current_user, $1, 'USAGE')", f"{named(owner)}_log_owner"):
        raise Problem(
            "not_the_owner",
            "This role does not own the log.",
            kind=Kind.FORBIDDEN,
            remedy="Give the DSN of the role that installed it; a service's own role never may.",
        )


def _nothing(position: int) -> Problem:
    return Problem(
        "nothing_to_detach",
        f"No partition ends before position {position}.",
        kind=Kind.NOT_FOUND,
        remedy="Look at `log partitions`; only whole partitions are detached, the oldest first.",
    )


def _end(last: int) -> Problem:
    return Problem(
        "end_of_log",
        f"The log ends at position {last}, or before.",
        kind=Kind.CONFLICT,
        remedy="The partition with the newest events stays where it is.",
    )


def _differs(detail: str) -> Problem:
    return Problem(
        "file_differs",
        f"The file does not hold the rows of the partition ({detail}).",
        kind=Kind.CONFLICT,
        remedy="Nothing was detached. Remove the file and try again; if it happens again, run `audit verify`.",
    )


def _busy() -> Problem:
    return Problem(
        "log_busy",
        "Somebody reads the log in a long transaction.",
        kind=Kind.UNAVAILABLE,
        remedy="Try again when the backup or the audit that runs is over; the file is written already.",
    )

"""A folder with the files of detached partitions: the rows of one owner's log, by position and by stream."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from itertools import islice
from pathlib import Path

from kompetenspass.log.api import NoLongerKept, Recorded
from kompetenspass.log.detached.files import PartFile, read_manifest
from kompetenspass.log.merkle.rows import LogTables


class Detached:
    """The detached partitions of one log. Nothing is remembered: a file that comes or goes is seen at once.

    Reading blocks. It raises NoLongerKept for positions that no file has, and FileBroken.
    """

    def __init__(self, folder: Path, owner: str) -> None:
        self.folder = folder
        self.owner = owner

    def parts(self) -> Sequence[PartFile]:
        """Return the files in the order of their positions. Raises FileBroken for a manifest that is none."""
        digits = "[0-9]" * 15
        found = sorted(self.folder.glob(f"{self.owner}-{digits}-{digits}.json"))
        return [PartFile(self.folder, read_manifest(file)) for file in found]

    def part_of(self, position: int) -> PartFile:
        """Return the file with a position."""
        for part in self.parts():
            if part.manifest.first <= position <= part.manifest.last:
                return part
        raise NoLongerKept

    def read(self, after: int, limit: int) -> Sequence[Recorded]:
        """Return the `limit` rows after a position, all of which must be here."""
        rows: list[Recorded] = []
        while len(rows) < limit:
            for page in self.part_of(after + 1).pages(after):
                rows += islice(page, limit - len(rows))
                if len(rows) == limit:
                    break
            after = rows[-1].position
        return rows

    def of_stream(self, stream: str, first: int, last: int) -> Sequence[Recorded]:
        """Return the rows of a stream that stand in files between two positions, in order."""
        parts = [part for part in self.parts() if part.manifest.first <= last and part.manifest.last >= first]
        return [row for part in parts for row in part.of_stream(stream, first, last)]


class WithDetached:
    """All rows of a log, for an audit: those that were detached from their files, and the others from its tables.

    Reading raises NoLongerKept and FileBroken. A file's checksum is not looked at: an audit hashes the rows.
    """

    def __init__(self, detached: Detached | None, tables: LogTables) -> None:
        self._detached = detached
        self._tables = tables

    async def pages(self, after: int) -> AsyncIterator[Sequence[Recorded]]:
        """Yield the rows after a position, some at a time, in order."""
        base = await self._tables.base()
        while after < base:
            if self._detached is None:
                raise NoLongerKept
            part = self._detached.part_of(after + 1)
            for page in part.pages(after):
                yield page
            after = part.manifest.last
        async for page in self._tables.pages(after):
            yield page

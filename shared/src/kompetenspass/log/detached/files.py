"""A detached partition in two files: its rows, compressed, and a manifest that says what they are.

    <owner>-<first>-<last>.log.gz    positions in 15 digits. Gzip members one after the other, so that `zcat` shows it
                                     all; each holds up to `BLOCK` rows, a JSON object a line as `audit export` has it:
                                     position, stream, version, id, type, recorded, data, exactly as they were stored
    <owner>-<first>-<last>.json      format, owner, epoch, first, last; root: of the RFC 9162 tree over just these;
                                     sha256 and size of the other file; blocks: where each of its members begins

The manifest is written last, whole or not at all: without it the rows count for nothing.
"""

from __future__ import annotations

import gzip
import json
import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from hashlib import file_digest, sha256
from pathlib import Path
from uuid import UUID

from kompetenspass.log.api import Recorded
from kompetenspass.log.merkle.disk import settle, settle_names, write
from kompetenspass.log.merkle.rows import line_of, row_of
from kompetenspass.log.merkle.tree import Frontier, row_hash

BLOCK = 1000
FORMAT = "kompetenspass detached log 1"
_LEVEL = 6  # of gzip: what is above takes twice as long for a few percent


class FileBroken(ValueError):
    """A file is not what its manifest says; `position` is the first that cannot be trusted."""

    def __init__(self, file: Path, position: int, why: str) -> None:
        super().__init__(f"{file.name}, position {position}: {why}")
        self.file = file
        self.position = position


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a file of rows is; `root` is in base64, `sha256` in hexadecimal."""

    owner: str
    epoch: str
    first: int
    last: int
    root: str = ""
    sha256: str = ""
    size: int = 0
    blocks: tuple[int, ...] = ()

    @property
    def root_hash(self) -> bytes:
        """The root as bytes."""
        return b64decode(self.root)


class Writer:
    """Writes the rows of one partition, page by page of at most `BLOCK`, and then the manifest."""

    def __init__(self, folder: Path, owner: str, epoch: UUID, first: int, last: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._manifest = Manifest(owner, str(epoch), first, last)
        self._unfinished = rows_file(folder, self._manifest).with_suffix(".gz.new")
        self._out = self._unfinished.open("wb")
        self._tree, self._sum, self._blocks = Frontier(), sha256(), [0]

    def add(self, rows: Sequence[Recorded]) -> None:
        """Write the next rows as a block. Raises ValueError if they are not the next."""
        first = self._manifest.first + self._tree.size
        if [row.position for row in rows] != list(range(first, first + len(rows))):
            raise ValueError(f"the row at position {first} is missing")
        block = gzip.compress("".join(map(line_of, rows)).encode(), _LEVEL, mtime=0)
        self._out.write(block)
        self._sum.update(block)
        self._blocks.append(self._blocks[-1] + len(block))
        for row in rows:
            self._tree.append(row_hash(row))

    def finish(self) -> PartFile:
        """Return the file, once it is on the disk with its manifest. Raises ValueError if rows are missing."""
        said, folder = self._manifest, self._unfinished.parent
        if self._tree.size != said.last - said.first + 1:
            raise ValueError(f"the row at position {said.first + self._tree.size} is missing")
        settle(self._out)
        self._out.close()
        *blocks, size = self._blocks
        root = b64encode(self._tree.root()).decode()
        whole = replace(said, root=root, sha256=self._sum.hexdigest(), size=size, blocks=tuple(blocks))
        self._unfinished.replace(rows_file(folder, whole))
        manifest = json.dumps({"format": FORMAT, **asdict(whole)}, indent=1) + "\n"
        write(manifest_file(folder, whole), manifest.encode())
        settle_names(folder)
        return PartFile(folder, whole)

    def abandon(self) -> None:
        """Leave nothing behind."""
        self._out.close()
        self._unfinished.unlink(missing_ok=True)


class PartFile:
    """The rows of one detached partition. Reading raises FileBroken."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.manifest = manifest
        self.path = rows_file(folder, manifest)

    def check(self) -> None:
        """Raise FileBroken unless the file has the checksum of its manifest."""
        try:
            with self.path.open("rb") as file:
                found = file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise FileBroken(self.path, self.manifest.first, "it cannot be read") from error
        if found != self.manifest.sha256:
            raise FileBroken(self.path, self.manifest.first, "it has another checksum than its manifest says")

    def pages(self, after: int) -> Iterator[Sequence[Recorded]]:
        """Yield the rows after a position, a block at a time, in order."""
        first = max(self.manifest.first, after + 1)
        for number in range((first - self.manifest.first) // BLOCK, len(self.manifest.blocks)):
            rows = self._rows(number)
            yield rows[max(0, first - rows[0].position) :]

    def of_stream(self, stream: str, first: int, last: int) -> Iterator[Recorded]:
        """Yield those rows of a stream that stand between two positions."""
        begin = self.manifest.first
        named = json.dumps(stream, ensure_ascii=False)
        for number in range((max(first, begin) - begin) // BLOCK, (min(last, self.manifest.last) - begin) // BLOCK + 1):
            found = self._rows(number, named)
            yield from (row for row in found if row.stream == stream and first <= row.position <= last)

    def _rows(self, number: int, named: str = "") -> Sequence[Recorded]:
        """Return the rows of a block whose lines have a text in them."""
        rows: list[Recorded] = []
        for position, line in enumerate(self._lines(number), self.manifest.first + number * BLOCK):
            try:
                if named in line:
                    rows.append(row_of(line))
            except ValueError as error:
                raise FileBroken(self.path, position, "it is not a row of a log") from error
        return rows

    def _lines(self, number: int) -> Sequence[str]:
        """Return the lines of a block. Their positions are looked at, so that none is missing unseen."""
        said = self.manifest
        first = said.first + number * BLOCK
        count = min(BLOCK, said.last - first + 1)
        ends = (*said.blocks, said.size)
        try:
            with self.path.open("rb") as file:
                file.seek(ends[number])
                lines = gzip.decompress(file.read(ends[number + 1] - ends[number])).decode().split("\n")[:-1]
        except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
            raise FileBroken(self.path, first, "it cannot be read") from error
        expected = (f'{{"position":{position},' for position in range(first, first + count))
        for position, (line, begins) in enumerate(zip(lines, expected, strict=False), first):
            if not line.startswith(begins):
                raise FileBroken(self.path, position, "another row stands there")
        if len(lines) != count:
            raise FileBroken(self.path, first + min(len(lines), count), f"there are {len(lines)} rows of {count}")
        return lines


def rows_file(folder: Path, said: Manifest) -> Path:
    """Return where the rows are."""
    return folder / f"{said.owner}-{said.first:015d}-{said.last:015d}.log.gz"


def manifest_file(folder: Path, said: Manifest) -> Path:
    """Return where the manifest is."""
    return folder / f"{said.owner}-{said.first:015d}-{said.last:015d}.json"


def read_manifest(file: Path) -> Manifest:
    """Return a manifest. Raises FileBroken for a file that is none."""
    try:
        said = json.loads(file.read_text("utf-8"))
        if said.pop("format") != FORMAT:
            raise ValueError("another format")
        found = Manifest(**{**said, "blocks": tuple(said["blocks"])})
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise FileBroken(file, 0, "it is not the manifest of a detached partition") from error
    if manifest_file(file.parent, found) != file:
        raise FileBroken(file, found.first, "it is the manifest of another file")
    return found

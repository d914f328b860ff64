"""The auditor's folder: the key that was trusted, every checkpoint that was kept, and the hash tiles up to the newest.

    key                               the verifier key, as it was given first
    tile/<L>/<N>[.p/<W>]              hash tiles, as tlog-tiles names them; level 0 are the leaf hashes
    checkpoints/<size in 20 digits>   the signed checkpoints; the newest one says how far the tiles count

A checkpoint is written last, so that what was interrupted before it counts for nothing. 32 bytes are kept of an event.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from kompetenspass.log.merkle.disk import settle_names, write
from kompetenspass.log.merkle.note import Checkpoint, NoteRefused, Verifier, verified_checkpoint, verifier_of
from kompetenspass.log.merkle.tiles import WIDTH, Place, Tile, edge, path, root, width_in
from kompetenspass.log.merkle.tree import HASH_BYTES


class FolderBroken(RuntimeError):
    """The folder is not as it was left: a checkpoint does not verify, a tile is missing, or they do not agree."""


class Kept:
    """What an auditor holds of one log. Reading raises FolderBroken."""

    def __init__(self, folder: Path, verifier: Verifier | None = None) -> None:
        """`verifier`: the log's key as the auditor got it; the folder keeps the first and takes no other."""
        self._folder = folder
        self._verifier = _pinned(folder / "key", verifier)
        self.checkpoints: Sequence[Checkpoint] = self._read_checkpoints()
        self._leaves: tuple[int, bytes] = (-1, b"")
        self._unsettled: set[Path] = set()

    @property
    def verifier(self) -> Verifier:
        """The key that the log's checkpoints are verified with. Raises FolderBroken in an empty folder."""
        if self._verifier is None:
            raise FolderBroken("no key was kept here")
        return self._verifier

    @property
    def newest(self) -> Checkpoint | None:
        """The largest checkpoint, None before the first."""
        return self.checkpoints[-1] if self.checkpoints else None

    @property
    def size(self) -> int:
        """How many leaves are kept."""
        return self.newest.size if self.newest else 0

    def leaf(self, position: int) -> bytes | None:
        """Return the hash of the leaf at a position of the log, None for one that is not kept."""
        if not 1 <= position <= self.size:
            return None
        index, at = divmod(position - 1, WIDTH)
        if self._leaves[0] != index:
            self._leaves = (index, self.tile((0, index)))
        return self._leaves[1][at * HASH_BYTES : (at + 1) * HASH_BYTES]

    def tile(self, place: Place) -> bytes:
        """Return the hashes of a tile, as many as the newest checkpoint reaches."""
        width = width_in(place, self.size)
        try:
            hashes = (self._folder / path(Tile(*place, width))).read_bytes()
        except OSError as error:
            raise FolderBroken(f"{path(Tile(*place, width))} cannot be read") from error
        if len(hashes) != width * HASH_BYTES:
            raise FolderBroken(f"{path(Tile(*place, width))} does not hold {width} hashes")
        return hashes

    def edge(self) -> dict[Place, bytes]:
        """Return the partial tiles, once they have been seen to lead to the newest checkpoint's root."""
        tiles = {place: self.tile(place) for place in edge(self.size)}
        if self.newest and root(tiles, self.size) != self.newest.root:
            raise FolderBroken("the tiles do not lead to the root of the newest checkpoint")
        return tiles

    def write_tiles(self, tiles: Mapping[Place, bytes]) -> None:
        """Write tiles that do not count yet; those that count stay as they are."""
        for place, hashes in tiles.items():
            if len(hashes) != width_in(place, self.size) * HASH_BYTES:
                self._write(path(Tile(*place, len(hashes) // HASH_BYTES)), hashes)

    def write_checkpoint(self, checkpoint: Checkpoint, signed: bytes) -> None:
        """Let the tiles count up to a checkpoint, and remove the partial ones that it leaves behind."""
        former = [Tile(*place, width_in(place, self.size)) for place in edge(self.size)]
        self._write("key", f"{self.verifier.line()}\n".encode())
        self._settle()
        self._write(f"checkpoints/{checkpoint.size:020d}", signed)
        self._settle()
        self.checkpoints = self._read_checkpoints()
        for tile in former:
            if width_in((tile.level, tile.index), self.size) != tile.width:
                (self._folder / path(tile)).unlink(missing_ok=True)

    def _write(self, name: str, content: bytes) -> None:
        file = self._folder / name
        write(file, content)
        self._unsettled.add(file.parent)

    def _settle(self) -> None:
        """Have the names of what was written survive a loss of power, as the contents do."""
        while self._unsettled:
            settle_names(self._unsettled.pop())

    def _read_checkpoints(self) -> Sequence[Checkpoint]:
        found = []
        for file in sorted((self._folder / "checkpoints").glob("[0-9]" * 20)):
            try:
                checkpoint = verified_checkpoint(file.read_bytes(), [self.verifier])
            except (NoteRefused, OSError) as error:
                raise FolderBroken(f"checkpoints/{file.name}: {error}") from error
            if checkpoint.size != int(file.name):
                raise FolderBroken(f"checkpoints/{file.name} is of another size")
            found.append(checkpoint)
        return found


def _pinned(file: Path, given: Verifier | None) -> Verifier | None:
    if not file.exists():
        return given
    try:
        kept = verifier_of(file.read_text().strip())
    except (NoteRefused, ValueError, OSError) as error:
        raise FolderBroken(f"key: {error}") from error
    if given is not None and given != kept:
        raise FolderBroken("the key is another one than the folder's")
    return kept

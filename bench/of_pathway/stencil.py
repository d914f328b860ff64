"""One learner's rows as a pattern: the same rows for any other learner, only the ids and positions differ."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_BYTES = r"(?<=\\\\x)[0-9a-f]{64}"
_IDS = re.compile(f"({_UUID}|{_BYTES})")
NUMBER = "987654321"
"""Stands in a learner's rows for the learner's number: an index in a status list, say."""


class Stencil:
    """Rows of one learner, as COPY writes them."""

    def __init__(self, rows: bytes, *, numbered: bool = False) -> None:
        """Take the rows; `numbered`: the first column of each is a position."""
        self.rows = rows.decode().splitlines(keepends=True)
        self._numbered = numbered
        self._pattern = "".join(self._patterned(at, row) for at, row in enumerate(self.rows))
        self.ids = frozenset(_IDS.findall(rows.decode()))

    def drawn(self, ids: Mapping[str, str], number: int, after: int = 0) -> str:
        """Return the rows with other ids; numbered rows stand at the positions that follow `after`."""
        positions = {f"position {at}": after + 1 + at for at in range(len(self.rows))} if self._numbered else {}
        return self._pattern % {**ids, **positions, "number": number}

    def _patterned(self, at: int, row: str) -> str:
        if self._numbered:
            row = row.partition("\t")[2]
        pattern = _IDS.sub(r"%(\1)s", row.replace("%", "%%")).replace(NUMBER, "%(number)s")
        return f"%(position {at})s\t{pattern}" if self._numbered else pattern


def others(ids: Sequence[str], number: int) -> dict[str, str]:
    """Return ids of a learner with that number: as the pattern's, but for their first eight digits."""
    head = f"{number:08x}"
    return {id_: head + id_[8:] for id_ in ids}

"""The bytes of status lists that have changed lately, so that a flip costs a flip and not the whole list's rows."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Protocol

from services.registry.domain.publication import Entries, Moment, OpenList, bring, filled


class Rows(Protocol):
    """What the read tables say of the entries of lists."""

    async def moment(self) -> Moment:
        """Return the moment that later `changes` may count from."""

    async def changes(self, since: Moment) -> Mapping[str, Entries]:
        """Return by list the entries whose value has changed since a moment, as they are now."""

    async def not_valid(self, status_uri: str) -> Entries:
        """Return every entry of a list that is not VALID."""


class ListValues:
    """Made from the rows, kept up with them, made again for another generation of the tables: no truth of its own.

    Whoever asks forgets what rests, so that no more is kept than the lists that changed within the last ttl.
    """

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._kept: dict[str, tuple[OpenList, bytearray]] = {}
        self._at: Moment | None = None

    async def catch_up(self) -> None:
        """Bring what has changed into the lists that are kept.

        The moment is read before the changes: what comes between is read again the next time, and is then nothing.
        """
        now = await self._rows.moment()
        if self._at is None or self._at.tables != now.tables:
            self._kept.clear()
        elif self._kept:
            for status_uri, entries in (await self._rows.changes(self._at)).items():
                if status_uri in self._kept:
                    listed, values = self._kept[status_uri]
                    bring(values, listed, entries)
        self._at = now

    async def kept(self, listed: OpenList) -> bytearray:
        """Return the bytes of a list as of the last `catch_up` or later, and keep them."""
        if listed.uri not in self._kept:
            self._kept[listed.uri] = (listed, await self.fresh(listed))
        return self._kept[listed.uri][1]

    async def fresh(self, listed: OpenList) -> bytearray:
        """Return the bytes of a list, made from its rows."""
        return await asyncio.to_thread(filled, listed, await self._rows.not_valid(listed.uri))

    def forget(self, listed: OpenList) -> None:
        """Keep a list no longer."""
        self._kept.pop(listed.uri, None)

"""A log in memory that keeps every promise but durability; for tests and trials."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from kompetenspass.core.clock import Clock
from kompetenspass.core.ids import uuid7
from kompetenspass.events.envelope import Draft
from kompetenspass.log.api import (
    AlreadyStored,
    Answer,
    Append,
    Conflict,
    IdReused,
    Recorded,
    Stored,
    checked,
    event_refused,
)
from kompetenspass.log.paging import WholeFeed
from kompetenspass.log.waking import Bell, heard


class MemoryLog(WholeFeed):
    """One owner's log and its feed, in one object."""

    def __init__(self, owner: str, clock: Clock) -> None:
        self.owner = owner
        self._clock = clock
        self._epoch = uuid7()
        self._log: list[Recorded] = []
        self._streams: dict[str, list[Recorded]] = {}
        self._ids: dict[UUID, Recorded] = {}
        self._bell = Bell()

    async def append(self, request: Append) -> Answer:
        """Append, or say what stands against it: ids are looked at first, then the version."""
        request = checked(request)
        known = [self._ids[draft.id] for draft in request.drafts if draft.id in self._ids]
        if known:
            return self._repeated(request.drafts, known)
        stream = self._streams.setdefault(request.stream, [])
        if len(stream) != request.expected_version:
            return Conflict(len(stream))
        if len({draft.id for draft in request.drafts}) < len(request.drafts):
            raise event_refused("an id stands twice in one request")
        for draft in request.drafts:
            self._store(request.stream, stream, draft)
        self._bell.ring()
        return Stored(len(self._log), len(stream))

    async def read_stream(self, stream: str, after_version: int = 0) -> Sequence[Recorded]:
        """Return the stream's events after a version, in order."""
        return self._streams.get(stream, [])[after_version:]

    async def epoch(self) -> UUID:
        """Return the log's epoch."""
        return self._epoch

    async def head(self) -> int:
        """Return the position of the newest event, 0 for an empty log."""
        return len(self._log)

    async def read(self, after: int, limit: int) -> Sequence[Recorded]:
        """Return up to `limit` events after a position, in order."""
        return self._log[after : after + limit]

    async def wait(self, after: int, timeout_seconds: float) -> None:
        """Return when there is something after a position, or when the time is over."""
        hearing = self._bell.hearing
        while len(self._log) <= after and await heard(hearing, timeout_seconds):
            hearing = self._bell.hearing

    def _repeated(self, drafts: Sequence[Draft], known: list[Recorded]) -> Answer:
        stored = {recorded.id: recorded.data for recorded in known}
        if all(stored.get(draft.id) == draft.data for draft in drafts):
            return AlreadyStored(max(recorded.position for recorded in known))
        return IdReused(known[0].id)

    def _store(self, name: str, stream: list[Recorded], draft: Draft) -> None:
        recorded = Recorded(
            position=len(self._log) + 1,
            stream=name,
            version=len(stream) + 1,
            id=draft.id,
            type=draft.type,
            recorded=self._clock(),
            data=draft.data,
        )
        self._log.append(recorded)
        stream.append(recorded)
        self._ids[draft.id] = recorded

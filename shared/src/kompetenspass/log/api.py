"""The promises of a log and of a feed, whatever carries them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from kompetenspass.core.errors import Problem
from kompetenspass.events.base import Event
from kompetenspass.events.codec import envelope
from kompetenspass.events.envelope import Context, Draft, Envelope


@dataclass(frozen=True, slots=True)
class Append:
    """A request: 1..n drafts for one stream, all or nothing, onto `expected_version` (0: the stream is new)."""

    stream: str
    expected_version: int
    drafts: Sequence[Draft]


def event_refused(detail: str) -> Problem:
    """Return the refusal for a request that the log can never store: bytes that are no text, an id given twice."""
    return Problem("event_refused", "The log cannot store this event.", detail=detail)


def checked(request: Append) -> Append:
    """Return the request if it is one: at least one draft, text that is UTF-8 without NUL. Raises `event_refused`."""
    if not request.drafts:
        raise event_refused("a request without events")
    _check_text(request.stream)
    for draft in request.drafts:
        _check_text(draft.type)
        _check_text(draft.data)
    return request


def _check_text(text: str) -> None:
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise event_refused("a lone surrogate in the text") from error
    if "\0" in text:
        raise event_refused("NUL in the text")


@dataclass(frozen=True, slots=True)
class Stored:
    """The drafts are durable; the last one stands at `position`, the stream at `version`."""

    position: int
    version: int


@dataclass(frozen=True, slots=True)
class AlreadyStored:
    """A repeat: these very bytes were stored before, the last of them at `position`."""

    position: int


@dataclass(frozen=True, slots=True)
class Conflict:
    """Another append came first: the stream stands at `version`."""

    version: int


@dataclass(frozen=True, slots=True)
class IdReused:
    """An id of the request is known with other bytes; nothing was stored."""

    event_id: UUID


Answer = Stored | AlreadyStored | Conflict | IdReused


@dataclass(frozen=True)
class Recorded:
    """One event as the log holds it. `position` is dense and in commit order, from 1; `recorded` is the log's clock."""

    position: int
    stream: str
    version: int
    id: UUID
    type: str
    recorded: datetime
    data: str = field(repr=False)

    @property
    def envelope(self) -> Envelope:
        """The envelope, decoded once. Raises UnknownEventType, or ValueError for broken bytes."""
        known: Envelope | None = self.__dict__.get("_envelope")  # by hand: `cached_property` takes a lock
        if known is None:
            known = self.__dict__["_envelope"] = envelope(self.id, self.type, self.data)
        return known

    @property
    def event(self) -> Event:
        """The decoded event."""
        return self.envelope.event

    @property
    def context(self) -> Context:
        """The event's context."""
        return self.envelope.context


class Log(Protocol):
    """What one service appends to and folds from: its own log."""

    owner: str

    async def append(self, request: Append) -> Answer:
        """Append, durably. Raises Problem `log_unavailable` (nothing was stored) or `outcome_unknown` (repeat it)."""

    async def read_stream(self, stream: str, after_version: int = 0) -> Sequence[Recorded]:
        """Return the stream's events after a version, in order."""


class Feed(Protocol):
    """What a reader follows: one owner's log, at least once, ordered within a stream."""

    owner: str

    async def epoch(self) -> UUID:
        """Return the log's epoch; a restored log has a new one."""

    async def head(self) -> int:
        """Return the position of the newest event, 0 for an empty log."""

    async def read(self, after: int, limit: int) -> Sequence[Recorded]:
        """Return up to `limit` events after a position, in order."""

    async def wait(self, after: int, timeout_seconds: float) -> None:
        """Return when there may be something after a position, or when the time is over."""

"""The promises of a log and of a feed, whatever carries them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple, Protocol
from uuid import UUID

from kompetenspass.core.errors import Kind, Problem
from kompetenspass.events.base import Event
from kompetenspass.events.codec import event_of
from kompetenspass.events.envelope import Context, Draft, Envelope, context_of


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
    check_text(request.stream)
    for draft in request.drafts:
        check_text(draft.type)
        check_text(draft.data)
    return request


def check_text(text: str) -> None:
    """Raise Problem `event_refused` unless the text is UTF-8 without NUL."""
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


class _Row(NamedTuple):
    position: int
    stream: str
    version: int
    id: UUID
    type: str
    recorded: datetime
    data: str


class Recorded(_Row):
    """One event as the log holds it. `position` is dense and in commit order, from 1; `recorded` is the log's clock.

    A tuple is made in a quarter of the time of a frozen dataclass, and readers make one for every event of a log.
    """

    def __repr__(self) -> str:
        """Return all but the data, which no log line shall show."""
        return f"Recorded({self.position}, {self.stream!r}, {self.version}, {self.id}, {self.type!r}, {self.recorded})"

    @property
    def envelope(self) -> Envelope:
        """The envelope. Raises UnknownEventType, or ValueError for broken bytes."""
        return Envelope(self.id, self.event, self.data)

    @property
    def event(self) -> Event:
        """The event, decoded once. Raises UnknownEventType, or ValueError for broken bytes."""
        known: Event | None = self.__dict__.get("_event")  # by hand: `cached_property` takes a lock
        if known is None:
            known = self.__dict__["_event"] = event_of(self.type, self.data)
        return known

    @property
    def context(self) -> Context:
        """The event's context. Raises ValueError for broken bytes."""
        return context_of(self.data)


class Log(Protocol):
    """What one service appends to and folds from: its own log."""

    owner: str

    async def append(self, request: Append) -> Answer:
        """Append, durably. Raises Problem `log_unavailable` (nothing was stored) or `outcome_unknown` (repeat it)."""

    async def read_stream(self, stream: str, after_version: int = 0) -> Sequence[Recorded]:
        """Return the stream's events after a version, in order."""


class WholeLog(Protocol):
    """All of one owner's log in its one order: what is sent on, hashed and subscribed to."""

    owner: str

    async def epoch(self) -> UUID:
        """Return the log's epoch; a restored log has a new one."""

    async def head(self) -> int:
        """Return the position of the newest event, 0 for an empty log."""

    async def read(self, after: int, limit: int) -> Sequence[Recorded]:
        """Return up to `limit` events after a position, in order."""

    async def wait(self, after: int, timeout_seconds: float) -> None:
        """Return when there may be something after a position, or when the time is over."""


Transport = Literal["postgres", "kafka"]


class Part(NamedTuple):
    """One of `of` parts of a log: the streams for which `parts.part_of(stream, of)` is `number`."""

    number: int
    of: int


WHOLE = Part(0, 1)


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a reader has come in a part of a log: all events of the part up to `position` are behind it.

    `epoch`: in which life of the log. `event_id`: of the event at `position`, None where that is not known. `offset`:
    in Kafka, of the part's next record, None where that is not known, and on any other transport.
    """

    epoch: UUID
    position: int
    event_id: UUID | None
    offset: int | None = None


class Page(NamedTuple):
    """Events of a part that follow a cursor, and where to go on; `ended`: the part had no more when it was read.

    `ended_at`: since when that is known to hold, where it is known from elsewhere; else it was seen while reading.
    """

    rows: Sequence[Recorded]
    cursor: Cursor
    ended: bool
    ended_at: datetime | None = None


class LogDiffers(Exception):
    """The log is not the one in which the cursor stood, or has lost what follows; `reason` is a constant word."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class NoLongerKept(LogDiffers, Problem):
    """The events were detached from the log, and their files are not at hand. `first`: with what it begins now."""

    def __init__(self, first: int = 1) -> None:
        Problem.__init__(
            self,
            "log_no_longer_kept",
            "These events were detached from the log.",
            kind=Kind.GONE,
            remedy="Name the folder with the detached files in the settings, or attach them again.",
        )
        self.reason = "log_no_longer_kept"
        self.first = first


class Feed(Protocol):
    """What a reader follows: one owner's log in parts, at least once, ordered within a stream."""

    owner: str
    transport: Transport

    async def epoch(self) -> UUID:
        """Return the log's epoch; a restored log has a new one."""

    async def head(self) -> int:
        """Return the position of the newest event that is known here, 0 for an empty log."""

    async def parts(self) -> int:
        """Return in how many parts a new reader follows it: in Kafka as many as there are partitions."""

    async def page(self, part: Part, cursor: Cursor, limit: int) -> Page:
        """Return up to `limit` events of a part, in the log's order; the page's cursor may be further than they are.

        The cursor never goes back. Raises LogDiffers.
        """

    async def find(self, position: int) -> Recorded | None:
        """Return the event at a position, None if there is none."""

    async def more(self, part: Part, cursor: Cursor, timeout_seconds: float) -> None:
        """Return when there may be something of a part after a cursor, or when the time is over."""

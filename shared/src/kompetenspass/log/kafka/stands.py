"""Where in a topic is read just now: for each partition at a few offsets, and readers who are there share it.

Each of a few consumers stands at one place of a partition at a time. A reader goes where its offset is remembered; else
a consumer that nobody has used there goes to it, or the one that was not used for the longest time. The one that is
furthest stays: it is where those read who are up to date, and whoever is far behind shall not make them fetch again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from aiokafka.errors import KafkaError

from kompetenspass.core.clock import Clock
from kompetenspass.log.api import Cursor, LogDiffers, Page
from kompetenspass.log.kafka.consuming import Consumer, unavailable
from kompetenspass.log.kafka.headers import NotOurs
from kompetenspass.log.kafka.window import Entry, Window, entry_of
from kompetenspass.log.waking import Bell, heard

CONSUMERS = 3
IDLE_SECONDS = 30.0
"""After so long without a question a place is left."""

AHEAD_SECONDS = 45.0
"""How long a partition has to end before a cursor to be taken for another one.

A new leader learns how far its followers are only from them: where one of them is dead, it has to be out of the in-sync
set first, `replica.lag.time.max.ms` after its last word (30 s as Kafka comes), and until then the leader gives out less
than the one before had. Nothing is lost meanwhile, and readers are told that the log is not to be read just now.
"""

_SOON_SECONDS = 2.0  # most leaders know by then: so long one waits and says nothing

_CHUNK = 500
_POLL_SECONDS, _FIRST_POLL_SECONDS = 0.5, 0.02
_LOOK_SECONDS = 0.25


class Left(Exception):
    """The consumer was needed elsewhere, or is gone."""


class Behind(Exception):
    """The partition ends before the cursor, as far as its leader says by now; the consumer is as good as any."""


class Stand:
    """One consumer at one place of one partition; it reads ahead as long as readers follow.

    `sought`: the offset for which it came; it reads the record before as well, unless that is the partition's first.
    """

    def __init__(
        self, consumer: Consumer, partition: int, sought: int, *, first: bool, ahead_seconds: float = AHEAD_SECONDS
    ) -> None:
        self.consumer = consumer
        self.partition = partition
        self.users = 0
        self.asked_at = self._heard_at = _now()
        self._answered_at: float | None = None
        self._ahead_seconds = ahead_seconds
        self.sought = sought
        self._first = first or sought == 0
        self.window = Window(sought if self._first else sought - 1)
        self._bell, self._hungry = Bell(), asyncio.Event()
        self._hungry.set()
        self._error: Exception | None = None
        self._known = consumer.answered(partition)
        consumer.go(partition, self.window.start)
        self._task = asyncio.create_task(self._run(), name=f"partition {partition}")

    @property
    def is_open(self) -> bool:
        """Whether it is still read here."""
        return not self._task.done() or self._error is not None

    def covers(self, offset: int) -> bool:
        """Return whether what follows an offset is read here, and the record before it is known."""
        begins = offset > self.window.start or (self._first and offset == self.sought == self.window.start)
        return begins and offset <= max(self.window.next, self.sought)

    async def close(self) -> None:
        """Read no more; who waits here goes elsewhere."""
        self._error = self._error or Left()
        self._task.cancel()
        self.consumer.rest(self.partition)
        self._bell.ring()
        await asyncio.wait([self._task])

    async def page(self, cursor: Cursor, limit: int, clock: Clock) -> Page:
        """Return what follows a cursor that it covers. Raises LogDiffers, Left, Behind, KafkaError, Problem
        `log_unavailable`.

        While the broker has not answered, or has said that there is more, it waits a while for it.
        """
        assert cursor.offset is not None  # it is covered
        until = _now() + self.consumer.patience_seconds
        with self._used():
            if self.window.next <= cursor.offset:
                await asyncio.sleep(0)  # what has come meanwhile is noted
            while not self._has(cursor.offset) and _now() < until:
                await heard(self._bell.hearing, _LOOK_SECONDS)
            page = self.window.page(cursor, limit, clock())
        if not self.window.is_full:
            self._hungry.set()
        return page

    async def more(self, offset: int, timeout_seconds: float) -> None:
        """Return when there is a record at an offset, or an error, or when the time is over."""
        until = _now() + timeout_seconds
        with self._used():
            while self.window.next <= offset and self._error is None and (left := until - _now()) > 0:
                await heard(self._bell.hearing, min(left, _LOOK_SECONDS))

    @contextmanager
    def _used(self) -> Iterator[None]:
        self.users += 1
        try:
            yield
        finally:
            self.users -= 1
            self.asked_at = _now()

    def _has(self, offset: int) -> bool:
        """Return whether what is known says what follows an offset; raises what stands against it."""
        if self.window.next > offset:
            return True
        if self._error is not None:
            raise self._error
        if self._task.done():
            raise Left
        if _now() - self._heard_at > self.consumer.patience_seconds:
            raise unavailable("no answer")
        if self._answered_at is None:
            return False
        if self.window.next < offset:
            return self._is_behind(_now() - self._answered_at)
        return offset >= self.consumer.end(self.partition)

    def _is_behind(self, seconds: float) -> bool:
        """Return that nothing is known yet; later raise Behind, and in the end LogDiffers."""
        if seconds > self._ahead_seconds:
            raise LogDiffers("cursor_ahead_of_log")
        if seconds > _SOON_SECONDS:
            raise Behind
        return False

    async def _run(self) -> None:
        try:
            while self.users or _now() - self.asked_at < IDLE_SECONDS:
                if await heard(self._hungry, _LOOK_SECONDS):
                    await self._read()
                else:
                    self._heard_at = _now()  # nothing was asked
            self.consumer.rest(self.partition)
        except (KafkaError, NotOurs) as error:
            self._error = LogDiffers("log_holds_other_records") if isinstance(error, NotOurs) else error
        finally:
            self._bell.ring()

    async def _read(self) -> None:
        """Read a chunk, if there is one soon."""
        wait = _POLL_SECONDS if self._answered_at else _FIRST_POLL_SECONDS
        records = await self.consumer.records(self.partition, _CHUNK, wait)
        known = self.consumer.answered(self.partition)
        if records or known != self._known:
            self._known, self._heard_at = known, _now()
            self._add(records)
            self._answered_at = self._answered_at or _now()
            self._bell.ring()

    def _add(self, records: Sequence[Any]) -> None:
        entries: list[Entry] = []
        try:
            entries += map(entry_of, records)
        finally:
            self.window.add(entries)
        if self.window.is_full:
            self._hungry.clear()


class Stands:
    """The places of one topic at which is read, over at most `CONSUMERS` consumers, which `opened` makes."""

    def __init__(self, opened: Callable[[], Awaitable[Consumer]], ahead_seconds: float = AHEAD_SECONDS) -> None:
        self._opened = opened
        self._ahead_seconds = ahead_seconds
        self._consumers: list[Consumer | None] = [None] * CONSUMERS
        self._stands: dict[tuple[int, int], Stand] = {}
        self._turn = asyncio.Lock()

    def covering(self, partition: int, offset: int) -> Stand | None:
        """Return the place where what follows an offset is read, None if there is none."""
        found = [s for s in self._of(partition).values() if s.is_open and s.covers(offset)]
        return max(found, key=_reach, default=None)

    async def at(self, partition: int, offset: int, *, first: bool) -> Stand:
        """Return the place where what follows an offset is read; a consumer goes there if none is there.

        `first`: before the offset stands no record any more. Raises Problem `log_unavailable`, as `opened` does.
        """
        while (found := self.covering(partition, offset)) is None:
            async with self._turn:
                number = self._free(partition)
                if number is not None and self.covering(partition, offset) is None:
                    return await self._sent(number, partition, offset, first=first)
            if number is None:
                await asyncio.sleep(_FIRST_POLL_SECONDS)  # in a moment one has had its page
        return found

    async def leave(self, stand: Stand) -> None:
        """Give up a place at which nothing can be read; the next reader has it sought anew."""
        async with self._turn:
            await self._close({key for key, one in self._stands.items() if one is stand})

    async def drop(self, consumer: Consumer) -> None:
        """Give up a consumer that gets no answers; the next one connects anew."""
        async with self._turn:
            if consumer in self._consumers:
                number = self._consumers.index(consumer)
                await self._close({key for key in self._stands if key[0] == number})
                self._consumers[number] = None
                await consumer.close()

    async def close(self) -> None:
        """Give up all."""
        for consumer in self._consumers:
            if consumer is not None:
                await self.drop(consumer)

    def newest(self) -> Sequence[Entry]:
        """Return the last record of each place."""
        return [entry for stand in self._stands.values() if (entry := stand.window.newest)]

    def _of(self, partition: int) -> dict[int, Stand]:
        return {number: stand for (number, of), stand in self._stands.items() if of == partition}

    def _free(self, partition: int) -> int | None:
        """Return the number of the consumer that may go to another place of a partition, None if all are in use."""
        there = {number: stand for number, stand in self._of(partition).items() if stand.is_open}
        for number in range(CONSUMERS):
            if number not in there:
                return number
        furthest = max(there.values(), key=_reach)
        idle = [number for number, stand in there.items() if stand is not furthest and not stand.users]
        return min(idle, key=lambda number: there[number].asked_at, default=None)

    async def _sent(self, number: int, partition: int, offset: int, *, first: bool) -> Stand:
        await self._close({(number, partition)} & self._stands.keys())
        consumer = self._consumers[number]
        if consumer is None:
            consumer = self._consumers[number] = await self._opened()
        made = Stand(consumer, partition, offset, first=first, ahead_seconds=self._ahead_seconds)
        self._stands[number, partition] = made
        return made

    async def _close(self, keys: set[tuple[int, int]]) -> None:
        for key in keys:
            await self._stands.pop(key).close()


def _reach(stand: Stand) -> int:
    return stand.window.next


def _now() -> float:
    return asyncio.get_running_loop().time()

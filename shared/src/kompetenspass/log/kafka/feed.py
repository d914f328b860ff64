"""KafkaFeed: one owner's log by its internal topic, a part for each partition.

It may be read at several places at a time, by all readers of a process; what is asked of single records (where a reader
begins, where the log is by now) goes over a consumer of its own.

A reader that stores a cursor of its own making keeps this: a newer position with the offset of an older cursor is
right, since what stands twice is dropped; with the offset of a page that was not applied whole it would lose the rest.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from uuid import UUID

from aiokafka.errors import ConsumerStoppedError, KafkaError, OffsetOutOfRangeError

from kompetenspass.core.clock import Clock, system_clock
from kompetenspass.core.errors import Problem
from kompetenspass.log.api import Cursor, LogDiffers, Page, Part, Recorded, Transport
from kompetenspass.log.kafka.connecting import Connecting
from kompetenspass.log.kafka.consuming import WAIT_MILLISECONDS, Consumer, unavailable
from kompetenspass.log.kafka.headers import NotOurs
from kompetenspass.log.kafka.places import event_at, event_near, place_of
from kompetenspass.log.kafka.shape import Shape
from kompetenspass.log.kafka.stands import AHEAD_SECONDS, Behind, Left, Stands
from kompetenspass.log.kafka.topics import Topics, topic_of
from kompetenspass.log.kafka.window import Entry

HEAD_SECONDS = 0.25
"""For how long an answer about the newest records serves those who ask after it."""

PLACES_SECONDS = 30.0
"""For how long a place that was found serves other readers who come with the same cursor: all do after a move."""

AGAIN_SECONDS = 0.5
"""How long after a refusal one tries again."""

_ATTEMPTS = 20
_QUICK_MILLISECONDS = 10


class KafkaFeed:
    """Follows one owner's log in Kafka; `partitions` is what the settings say, and the topic has to have.

    Every method raises Problem `log_unavailable` while Kafka does not answer, and `kafka_topics_missing`,
    `kafka_topics_differ`, `kafka_refused`, `kafka_settings_unusable` for an operator to look at.
    """

    transport: Transport = "kafka"

    def __init__(
        self,
        owner: str,
        connecting: Connecting,
        partitions: int,
        *,
        clock: Clock = system_clock,
        wait_milliseconds: int = WAIT_MILLISECONDS,
        ahead_seconds: float = AHEAD_SECONDS,
    ) -> None:
        self.owner = owner
        self._connecting, self._partitions, self._clock = connecting, partitions, clock
        self._topic = topic_of(owner, "internal")
        self._topics = Topics(connecting, owner, Shape(partitions=partitions), names=[self._topic])
        self._wait_milliseconds = wait_milliseconds
        self._stands = Stands(partial(self._opened, wait_milliseconds), ahead_seconds)
        self._looking: Consumer | None = None
        self._turn, self._opening, self._placing = asyncio.Lock(), asyncio.Lock(), asyncio.Lock()
        self._refused: tuple[float, Problem | None] = (float("-inf"), None)
        self._places: dict[tuple[int, UUID, int], tuple[float, int]] = {}
        self._tails: tuple[float, Sequence[Entry]] = (float("-inf"), ())

    async def start(self) -> None:
        """Connect, and check the topic; a feed that was not started does so when it is first read."""
        await self.head()

    async def stop(self) -> None:
        """Disconnect."""
        await self._stands.close()
        await self._look_no_more(self._looking)

    async def parts(self) -> int:
        """Return the number of partitions, once the topic was seen to have it."""
        await self._topics.check_partitions()
        return self._partitions

    async def epoch(self) -> UUID:
        """Return the epoch of the log, as the newest record says; without any record it is not known yet."""
        newest = max(await self._newest(), key=lambda entry: (entry.fence, entry.position), default=None)
        if newest is None:
            raise unavailable("the topic is empty")
        return newest.epoch

    async def head(self) -> int:
        """Return the greatest position that the newest records and watermarks tell of."""
        known = [*await self._newest(), *self._stands.newest()]
        return max((entry.position for entry in known), default=0)

    async def page(self, part: Part, cursor: Cursor, limit: int) -> Page:
        """Return up to `limit` events after a cursor, and where to go on; see Feed. Raises LogDiffers."""
        if part.of != self._partitions:
            raise LogDiffers("log_has_other_parts")
        first = False
        for _ in range(_ATTEMPTS):
            if cursor.offset is None:
                cursor = replace(cursor, offset=await self._placed(part.number, cursor))
            try:
                return await self._page(part.number, cursor, limit, first=first)
            except Left:
                continue
            except OffsetOutOfRangeError:
                cursor, first = await self._in_range(part.number, cursor)
        raise unavailable("no place was found")

    async def find(self, position: int) -> Recorded | None:
        """Return the event at a position, None if there is none, or none any more."""
        async with self._looked() as consumer:
            bounds = await consumer.bounds()
            for search in (event_near, event_at):
                for partition, its_bounds in bounds.items():
                    if found := await search(partial(consumer.look, partition), its_bounds, position):
                        return found
        return None

    async def more(self, part: Part, cursor: Cursor, timeout_seconds: float) -> None:
        """Return when there may be something of a part after a cursor, or when the time is over."""
        if cursor.offset is None:
            await self._beyond(cursor.position, timeout_seconds)
        elif stand := self._stands.covering(part.number, cursor.offset):
            await stand.more(cursor.offset, timeout_seconds)

    async def _beyond(self, position: int, timeout_seconds: float) -> None:
        """Return when the log is known to be beyond a position, or when the time is over."""
        clock = asyncio.get_running_loop().time
        until = clock() + timeout_seconds
        while await self.head() <= position and (left := until - clock()) > 0:  # noqa: ASYNC110  others append
            await asyncio.sleep(min(left, HEAD_SECONDS))

    async def _page(self, partition: int, cursor: Cursor, limit: int, *, first: bool) -> Page:
        assert cursor.offset is not None  # `page` has seen to it
        stand = await self._stands.at(partition, cursor.offset, first=first)
        try:
            return await stand.page(cursor, limit, self._clock)
        except (OffsetOutOfRangeError, LogDiffers):
            await self._stands.leave(stand)
            raise
        except Behind:
            raise unavailable("the partition ends before the cursor") from None
        except Problem:
            await self._stands.drop(stand.consumer)
            raise
        except KafkaError as error:
            await self._stands.drop(stand.consumer)
            raise unavailable(type(error).__name__) from error

    async def _placed(self, partition: int, cursor: Cursor) -> int:
        """Return where to begin for a cursor without an offset. Raises LogDiffers."""
        key = partition, cursor.epoch, cursor.position
        async with self._placing, self._looked() as consumer:
            bounds = (await consumer.bounds())[partition]
            now = asyncio.get_running_loop().time()
            self._places = {key: found for key, found in self._places.items() if now - found[0] < PLACES_SECONDS}
            if key not in self._places:
                place = await place_of(partial(consumer.look, partition), bounds, cursor.epoch, cursor.position)
                self._places[key] = now, place
            return self._places[key][1]

    async def _in_range(self, partition: int, cursor: Cursor) -> tuple[Cursor, bool]:
        """Return the cursor if its offset can be read from, else one without; and whether the record before it is gone.

        Raises LogDiffers.
        """
        async with self._looked() as consumer:
            begin, end = (await consumer.bounds())[partition]
        assert cursor.offset is not None  # it was out of range
        if cursor.offset > end:
            raise LogDiffers("cursor_ahead_of_log")
        return cursor if cursor.offset >= begin else replace(cursor, offset=None), cursor.offset == begin

    async def _newest(self) -> Sequence[Entry]:
        """Return the last record of each partition that has one, as they were a moment ago at most."""
        async with self._turn:
            now = asyncio.get_running_loop().time()
            if now - self._tails[0] > HEAD_SECONDS:
                self._tails = (now, await self._asked_newest())
            return self._tails[1]

    async def _asked_newest(self) -> Sequence[Entry]:
        async with self._looked() as consumer:
            bounds = await consumer.bounds()
            filled = {partition: end for partition, (begin, end) in bounds.items() if begin < end}
            return [(await consumer.look(partition, end - 1, 1))[0] for partition, end in filled.items()]

    @asynccontextmanager
    async def _looked(self) -> AsyncIterator[Consumer]:
        """Lend the consumer for single records; after an outage the next one connects anew."""
        async with self._opening:
            if self._looking is None:
                self._looking = await self._opened(_QUICK_MILLISECONDS)
            consumer = self._looking
        try:
            yield consumer
        except NotOurs as error:
            raise LogDiffers("log_holds_other_records") from error
        except Problem:
            await self._look_no_more(consumer)
            raise
        except (KafkaError, ConsumerStoppedError, TimeoutError) as error:  # the second: closed between two looks
            await self._look_no_more(consumer)
            raise unavailable(type(error).__name__) from error

    async def _look_no_more(self, consumer: Consumer | None) -> None:
        async with self._opening:
            if consumer is not None and consumer is self._looking:
                self._looking = None
                await consumer.close()

    async def _opened(self, wait_milliseconds: int) -> Consumer:
        """Connect anew. What was refused a moment ago, is refused to all who ask: they do not try one by one."""
        clock, (at, refusal) = asyncio.get_running_loop().time, self._refused
        if refusal and clock() - at < AGAIN_SECONDS:
            raise refusal.with_traceback(None)
        try:
            return await Consumer.opened(self._connecting, self._topic, self._partitions, wait_milliseconds, self.parts)
        except Problem as problem:
            self._refused = clock(), problem
            raise

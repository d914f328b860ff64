"""What a relay does while it holds the lease: page after page of the log, and watermarks in between.

A page is sent whole and confirmed whole before the cursor moves. Nobody else moves it meanwhile: that is looked at
before a page is sent, again and again while its confirmation is waited for, and when the cursor is moved.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from kompetenspass.core.clock import Clock
from kompetenspass.core.errors import Kind, Problem
from kompetenspass.log.api import Recorded, WholeLog
from kompetenspass.log.kafka.lease import Lease, Standing
from kompetenspass.log.kafka.load import Line, Load, Loading
from kompetenspass.log.kafka.sending import Sender
from kompetenspass.log.steps import At

PAGE = 1000
MARK_SECONDS = 0.05
"""How far apart watermarks are while events come: with each a reader of a quiet partition knows how far it is."""
IDLE_MARK_SECONDS = 10.0
"""How far apart they are while nothing comes: so old is what a reader knows of the end of the log.

Commands go by facts that are at most 30 seconds old (`max_staleness_seconds`): with ten, another relay may take over
meanwhile (6 seconds) or another node lead (4). A watermark is a batch of 173 bytes, so that an idle partition grows by
3,153,600 of them, 546 MB, in a year on each node that has it, and five logs of eight partitions by 22 GB: less than
20 events a second bring in their place (1.7 kB each with its headers). With `retention_hours` it is bounded.
"""
LOOK_SECONDS = 1.0
STALLED_SECONDS = 5.0
"""A page that is not confirmed after so long is told; Kafka answers within milliseconds."""
CONFIRMATION_SECONDS = 60.0


class Unconfirmed(RuntimeError):
    """A page was not confirmed in the time that it has; it is sent again from the cursor."""


class Page(NamedTuple):
    """Rows of the log up to `position`, and the records that they become; the log was asked for them at `looked_at`."""

    looked_at: datetime
    position: int
    rows: Sequence[Recorded]
    load: Load

    @property
    def is_full(self) -> bool:
        """Whether the log has more, perhaps."""
        return len(self.rows) == PAGE


class Term:
    """Sends the log from where it stands. Its methods raise LeaseLost, Unconfirmed, KafkaError and Problem."""

    def __init__(
        self,
        feed: WholeLog,
        lease: Lease,
        sender: Sender,
        loading: Loading,
        standing: Standing,
        *,
        clock: Clock,
        at: At,
    ) -> None:
        self.standing = standing
        self.head = standing.position
        self._feed, self._lease, self._sender, self._loading = feed, lease, sender, loading
        self._clock, self._at = clock, at
        self._marked, self._marked_at = -1, float("-inf")
        self._ahead: asyncio.Task[Page] | None = None
        self._looked = float("-inf")
        self._sending_since: float | None = None

    @property
    def is_stalled(self) -> bool:
        """Whether Kafka has not confirmed for a while what was sent."""
        since = self._sending_since
        return since is not None and asyncio.get_running_loop().time() - since > STALLED_SECONDS

    async def page(self) -> None:
        """Send the next page and move the cursor, or a watermark if it is time; else wait a little for events."""
        ahead, self._ahead = self._ahead, None
        page = await (ahead or self._read(self.standing.position))
        await self._at("read")
        pause = self._seconds_to_mark(page.position)
        if not page.rows and pause > 0:
            await self._feed.wait(page.position, min(pause, LOOK_SECONDS))
            return
        if page.is_full:
            self._ahead = asyncio.create_task(self._read(page.position))
        if pause <= 0:
            self._loading.mark(page.load, page.position, None if page.is_full else page.looked_at)
        await self._lease.check(self.standing)
        await self._at("checked")
        self.standing = replace(self.standing, places=self._placed(await self._confirmed(page.load)))
        await self._at("confirmed")
        if page.rows:
            await self._move(page.rows[-1])
        if pause <= 0:
            self._marked, self._marked_at = page.position, asyncio.get_running_loop().time()

    async def end(self) -> None:
        """Leave what was read ahead."""
        if self._ahead is not None:
            self._ahead.cancel()
            await asyncio.gather(self._ahead, return_exceptions=True)

    async def _read(self, after: int) -> Page:
        """Return the page after a position, ready to be sent: also while the one before is being confirmed.

        Raises Problem `relay_log_differs` where rows are missing or it is another log.
        """
        looked_at = self._clock()
        rows = await self._feed.read(after, PAGE)
        if [row.position for row in rows] != list(range(after + 1, after + 1 + len(rows))):
            raise log_differs("rows are missing")
        if await self._feed.epoch() != self._loading.epoch:
            raise log_differs("another epoch")
        page = Page(looked_at, after + len(rows), rows, self._loading.load(rows))
        await self._look_how_far_it_is(page)
        return page

    async def _look_how_far_it_is(self, page: Page) -> None:
        now = asyncio.get_running_loop().time()
        if not page.is_full:
            self.head = page.position
        elif now - self._looked > LOOK_SECONDS:
            self.head, self._looked = await self._feed.head(), now

    async def _move(self, row: Recorded) -> None:
        self.standing = await self._lease.move(
            self.standing, position=row.position, epoch=self._loading.epoch, event_id=row.id
        )
        await self._at("moved")

    def _seconds_to_mark(self, position: int) -> float:
        """Return how long it is until a watermark at a position is due; sooner where the last one was another."""
        spacing = MARK_SECONDS if position > self._marked else IDLE_MARK_SECONDS
        return self._marked_at + spacing - asyncio.get_running_loop().time()

    async def _confirmed(self, load: Load) -> Mapping[Line, int | None]:
        """Return the partitions' last offsets once all of the load is confirmed."""
        clock, under_way = asyncio.get_running_loop().time, asyncio.create_task(self._sender.send(load))
        self._sending_since, until = clock(), clock() + CONFIRMATION_SECONDS
        try:
            await asyncio.sleep(0)
            await self._at("sending")
            while not (await asyncio.wait([under_way], timeout=LOOK_SECONDS))[0]:
                if clock() > until:
                    raise Unconfirmed
                await self._lease.check(self.standing)
                self.head = await self._feed.head()
            self._sending_since = None
            return under_way.result()
        finally:
            under_way.cancel()
            await asyncio.gather(under_way, return_exceptions=True)

    def _placed(self, offsets: Mapping[Line, int | None]) -> tuple[int, ...]:
        """Return the places after some offsets. Raises Problem `relay_topic_differs` where they have gone back."""
        places = list(self.standing.places or [-1] * self._loading.partitions)
        for line, offset in offsets.items():
            if line.topic != self._loading.internal or offset is None:
                continue
            if offset <= places[line.partition]:
                raise topic_differs(f"partition {line.partition} ends before what was confirmed")
            places[line.partition] = offset
        return tuple(places)


async def fitting(feed: WholeLog, standing: Standing, partitions: int) -> Standing:
    """Return the standing with the log's epoch, if it is the log that was sent: its last event stands where it stood.

    Raises Problem `relay_log_differs`, and `relay_topic_differs` where it was sent to another number of partitions.
    """
    if standing.places and len(standing.places) != partitions:
        raise topic_differs(f"it was sent to {len(standing.places)} partitions, and now there are {partitions}")
    epoch = await feed.epoch()
    if standing.epoch is None:
        return replace(standing, epoch=epoch)
    if standing.epoch != epoch:
        raise log_differs("another epoch")
    there = await feed.read(standing.position - 1, 1)
    if [(row.position, row.id) for row in there] != [(standing.position, standing.event_id)]:
        raise log_differs("another event at the cursor")
    return standing


def log_differs(why: str) -> Problem:
    """Return the refusal to go on with a log that is not the one that was sent so far."""
    return Problem(
        "relay_log_differs",
        f"The log is not the one that was sent so far: {why}.",
        kind=Kind.CONFLICT,
        remedy="If it was restored: delete the topics, then `topics make` and `topics rewind`; readers begin anew.",
    )


def topic_differs(why: str) -> Problem:
    """Return the refusal to go on with a topic that does not hold what was sent so far."""
    return Problem(
        "relay_topic_differs",
        f"The topic does not hold what was sent so far: {why}.",
        kind=Kind.CONFLICT,
        remedy="Delete the topics, then `topics make` and `topics rewind`; readers begin anew.",
    )

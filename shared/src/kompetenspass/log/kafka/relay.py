"""The relay: copies one owner's log to its topics in Kafka, in order and without a gap, one process at a time.

Others wait for the lease. What goes wrong for a moment, with Kafka or the database, ends the term; the next one begins
at the cursor with a new producer, so that some events are sent again, and readers drop those. What an operator has to
look at ends the relay.
"""

from __future__ import annotations

import asyncio
from typing import Literal, NamedTuple

import structlog
from aiokafka.errors import KafkaError
from sqlalchemy.ext.asyncio import AsyncEngine

from kompetenspass.core.clock import Clock, system_clock
from kompetenspass.core.errors import Kind, Problem
from kompetenspass.log.api import WholeLog
from kompetenspass.log.fates import name_of
from kompetenspass.log.kafka.connecting import Connecting
from kompetenspass.log.kafka.lease import Lease, LeaseLost, Standing, presence_of, sent_to
from kompetenspass.log.kafka.load import Loading
from kompetenspass.log.kafka.sending import BATCH_BYTES, sending
from kompetenspass.log.kafka.term import Term, Unconfirmed, fitting
from kompetenspass.log.kafka.topics import Shape, Topics, has_public, topic_of
from kompetenspass.log.steps import At, nothing_at
from kompetenspass.log.waking import heard

STANDBY_SECONDS = 1.0
STOP_SECONDS = 5.0
REPORT_SECONDS = 30.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0
_PASSING = (LeaseLost, Unconfirmed, KafkaError, TimeoutError, Problem)

Doing = Literal["begins", "waits", "sends", "begins_again"]
"""What a relay does: it waits while another holds the lease, and begins again after a failure."""

logger = structlog.get_logger(__name__)


class Measured(NamedTuple):
    """The position of a log's newest event, and that up to which Kafka has confirmed everything."""

    head: int
    sent: int

    @property
    def lag(self) -> int:
        """How many events are not confirmed yet."""
        return max(0, self.head - self.sent)


class Relay:
    """Sends the log of `feed`'s owner. `source`: the public base URL of the owner; `engine`: the service's own role."""

    def __init__(
        self,
        feed: WholeLog,
        engine: AsyncEngine,
        connecting: Connecting,
        shape: Shape,
        *,
        source: str,
        clock: Clock = system_clock,
        batch_bytes: int = BATCH_BYTES,
        at: At = nothing_at,
    ) -> None:
        self._feed, self._source, self._clock, self._at = feed, source, clock, at
        self._connecting, self._shape = connecting, shape
        self._topics = Topics(connecting, feed.owner, shape)
        self._presence = presence_of(engine, feed.owner)
        self._lease = Lease(engine, feed.owner, self._presence)
        self._batch_bytes = min(batch_bytes, shape.max_message_bytes)
        self._engine = engine
        self._term: Term | None = None
        self._reported = float("-inf")
        self.doing: Doing = "begins"

    @property
    def lag(self) -> int | None:
        """How many events of the log are not yet confirmed by Kafka; None while it does not send.

        It does not while another relay has the lease, and until Kafka and the database answer again.
        """
        return None if self._term is None else self._term.head - self._term.standing.position

    @property
    def is_ready(self) -> bool:
        """Whether it sends, and Kafka confirms it, or waits to take over from another that is alive."""
        stalled = self._term is not None and self._term.is_stalled
        return self.doing == "waits" or (self.doing == "sends" and not stalled)

    async def measured(self) -> Measured:
        """Return how far the log is and how much of it is sent, by whichever relay. Raises Problem, LeaseLost."""
        sent = await sent_to(self._engine, self._feed.owner)
        return Measured(await self._feed.head(), sent)

    async def run(self, stopping: asyncio.Event) -> None:
        """Send until `stopping` is set; the page that is under way then is finished, if Kafka confirms it soon.

        Raises Problem `relay_log_differs`, `relay_topic_differs`, `relay_event_unreadable`, `kafka_topics_differ`,
        `kafka_topics_missing`, `kafka_refused`, `kafka_settings_unusable`: for an operator to look at.
        """
        living = asyncio.create_task(self._presence.run())
        try:
            await self._run(stopping)
        finally:
            living.cancel()
            await asyncio.gather(living, return_exceptions=True)
            await self._presence.leave()

    async def _run(self, stopping: asyncio.Event) -> None:
        pause = _FIRST_PAUSE
        while not stopping.is_set():
            began = asyncio.get_running_loop().time()
            try:
                await self._until_stopped(stopping)
            except _PASSING as error:
                if isinstance(error, Problem) and error.kind is not Kind.UNAVAILABLE:
                    raise
                self._tell(error)
                if asyncio.get_running_loop().time() - began > 2 * _LONGEST_PAUSE:
                    pause = _FIRST_PAUSE
                await heard(stopping, pause)
                pause = min(2 * pause, _LONGEST_PAUSE)

    async def _until_stopped(self, stopping: asyncio.Event) -> None:
        """Serve; what is under way when it is to stop has a while to come to its end, and is dropped then."""
        asked, serving = asyncio.create_task(stopping.wait()), asyncio.create_task(self._serve(stopping))
        try:
            await asyncio.wait([asked, serving], return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait([serving], timeout=STOP_SECONDS)
            if serving.done():
                serving.result()
        finally:
            asked.cancel()
            serving.cancel()
            await asyncio.gather(asked, serving, return_exceptions=True)

    async def _serve(self, stopping: asyncio.Event) -> None:
        """Send for as long as the lease is held, or wait a moment for it."""
        try:
            standing = await self._lease.take()
            if standing is None:
                self.doing = "waits"
                await heard(stopping, STANDBY_SECONDS)
                return
            self.doing = "begins"
            await self._at("taken")
            await self._topics.check_partitions()
            await self._send(await fitting(self._feed, standing, self._shape.partitions), stopping)
        finally:
            self._term = None
            await self._lease.release()

    async def _send(self, standing: Standing, stopping: asyncio.Event) -> None:
        loading = self._loading(standing)
        async with sending(self._connecting.arguments(), self._batch_bytes, self._at) as sender:
            await self._at("opened")
            term = Term(self._feed, self._lease, sender, loading, standing, clock=self._clock, at=self._at)
            self._term, self.doing = term, "sends"
            logger.info("relay_began", owner=self._feed.owner, position=standing.position, fence=standing.fence)
            try:
                while not stopping.is_set():
                    await term.page()
                    self._report(term)
            finally:
                await term.end()

    def _loading(self, standing: Standing) -> Loading:
        owner = self._feed.owner
        assert standing.epoch is not None  # `fitting` has asked the log
        return Loading(
            internal=topic_of(owner, "internal"),
            public=topic_of(owner, "public") if has_public(owner) else None,
            partitions=self._shape.partitions,
            source=self._source,
            epoch=standing.epoch,
            fence=standing.fence,
        )

    def _report(self, term: Term) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._reported >= REPORT_SECONDS:
            self._reported = now
            logger.info("relay_at", owner=self._feed.owner, position=term.standing.position, lag=self.lag)

    def _tell(self, error: BaseException) -> None:
        """Say why the relay begins again; what Kafka will refuse again is an alarm."""
        self.doing = "begins_again"
        alarm = isinstance(error, KafkaError) and not error.retriable
        logger.warning("relay_begins_again", owner=self._feed.owner, error=name_of(error), alarm=alarm)

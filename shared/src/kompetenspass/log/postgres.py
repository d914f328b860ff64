"""The log in PostgreSQL: how it is installed, appended to and followed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import asyncpg

from kompetenspass.log.api import Answer, Append, NoLongerKept, Recorded
from kompetenspass.log.appender import LOST, Appender, logger, unavailable
from kompetenspass.log.bare import ANSWER_SECONDS
from kompetenspass.log.detached.folder import Detached
from kompetenspass.log.outages import PATIENCE, twice
from kompetenspass.log.pages import Pages
from kompetenspass.log.paging import WholeFeed
from kompetenspass.log.partitions import named
from kompetenspass.log.snapshots import Snapshot, Snapshots, Standing
from kompetenspass.log.streams import Streams
from kompetenspass.log.waking import Bell, Waker, heard

POLL_SECONDS = 0.25
_READ = (
    "SELECT position, stream, version, id, type, recorded, data FROM log WHERE position > $1 ORDER BY position LIMIT $2"
)
_BY_KEY = {"enable_seqscan": "off", "enable_bitmapscan": "off"}
"""Pages are read by position: a plan that was made while a partition was short may not read all of it later."""

_KEEP = """
INSERT INTO log_snapshot AS kept (stream, state_type, version, position, state) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (stream) DO UPDATE SET state_type = $2, version = $3, position = $4, state = $5
WHERE kept.state_type <> $2 OR kept.version < $3
"""
_HEAD = "SELECT greatest(base, (SELECT position FROM log ORDER BY position DESC LIMIT 1)) FROM log_head"


class PostgresFeed(WholeFeed):
    """Follows one owner's log over one connection of a role that may only SELECT: pages by key, LISTEN, and polls.

    All readers of a process share it, and what it read last. A log that is another one than it was, restored or
    rewritten, is noticed by its connections' end or by its last event; then nothing of the former is remembered.
    """

    def __init__(self, owner: str, dsn: str, detached: Detached | None = None) -> None:
        self.owner = owner
        self._detached = detached
        self._dsn = dsn
        self._connection: Any = None
        self._turn, self._looking = asyncio.Lock(), asyncio.Lock()
        self._bell = Bell()
        self._pages = Pages(self._selected, self._forget_epoch)
        self._epoch: UUID | None = None
        self._seen = 0
        self._asked = float("-inf")

    async def start(self) -> None:
        """Connect; a feed that was not started connects when it is first read."""
        await self.head()

    async def stop(self) -> None:
        """Disconnect."""
        self._drop()

    async def epoch(self) -> UUID:
        """Return the log's epoch, read once for as long as the log is the same one."""
        if self._is_cut() or self._epoch is None:
            self._epoch = (await self._fetch("SELECT epoch FROM log_head"))[0]["epoch"]
        return self._epoch

    async def head(self) -> int:
        """Return the position of the newest event, 0 for an empty log."""
        hearing, asked = self._bell.hearing, asyncio.get_running_loop().time()
        head: int = (await self._fetch(_HEAD))[0][0]
        self._learned(head, hearing, asked)
        return head

    async def read(self, after: int, limit: int) -> Sequence[Recorded]:
        """Return up to `limit` events after a position, in order."""
        if self._is_cut():
            self._pages.forget()
        return await self._pages.read(after, limit)

    async def wait(self, after: int, timeout_seconds: float) -> None:
        """Return when there is something after a position, or when the time is over."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_seconds
        while (left := deadline - loop.time()) > 0:
            hearing = self._bell.hearing
            if await self._looked() > after:
                return
            if await heard(hearing, min(left, POLL_SECONDS)):
                return

    def ring(self) -> None:
        """Wake who waits: the log has grown."""
        self._asked = float("-inf")
        self._bell.ring()

    async def _looked(self) -> int:
        """Return the head, asking again only when nobody has asked within this poll or since the last ring."""
        async with self._looking:
            if asyncio.get_running_loop().time() - self._asked < POLL_SECONDS / 2:
                return self._seen
            return await self.head()

    def _learned(self, head: int, hearing: asyncio.Event, asked: float) -> None:
        self._seen = head
        if hearing is self._bell.hearing:  # else it grew again while we asked
            self._asked = asked

    async def _selected(self, after: int, limit: int) -> Sequence[Recorded]:
        hearing, asked = self._bell.hearing, asyncio.get_running_loop().time()
        rows = [*map(Recorded._make, await self._fetch(_READ, after, limit))]
        if 0 < len(rows) < limit:  # of a place beyond the head, nothing is known
            self._learned(rows[-1].position, hearing, asked)
        if rows and rows[0].position > after + 1:
            return await self._from_files(after, rows, limit)
        return rows

    async def _from_files(self, after: int, rows: Sequence[Recorded], limit: int) -> Sequence[Recorded]:
        """Return what was asked for where the log begins later: it was detached, or else somebody has cut it."""
        if (await self._fetch("SELECT base FROM log_head"))[0]["base"] < rows[0].position - 1:
            return rows
        try:
            if self._detached is None:
                raise NoLongerKept
            old = await asyncio.to_thread(self._detached.read, after, min(limit, rows[0].position - 1 - after))
        except NoLongerKept:
            raise NoLongerKept(rows[0].position) from None
        return [*old, *rows][:limit]

    def _is_cut(self) -> bool:
        return self._connection is None or bool(self._connection.is_closed())

    async def _fetch(self, query: str, *arguments: object) -> Sequence[Any]:
        async with self._turn:
            return await twice(lambda: self._fetch_once(query, arguments), unavailable)

    async def _fetch_once(self, query: str, arguments: Sequence[object]) -> Sequence[Any]:
        """Return the rows. A reader that goes away meanwhile leaves the others the connection: its query is ended."""
        try:
            if self._is_cut():
                self._drop()
                self._connection = await self._listening()
            rows: Sequence[Any] = await self._connection.fetch(query, *arguments)
        except Exception:
            self._drop()
            raise
        return rows

    async def _listening(self) -> Any:
        connection = await _connect(self._dsn, self.owner, **_BY_KEY)
        try:
            await connection.add_listener(f"{self.owner}_log", lambda *_: self.ring())
        except BaseException:
            connection.terminate()
            raise
        return connection

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        self._pages.forget()
        self._forget_epoch()
        if connection is not None:
            connection.terminate()

    def _forget_epoch(self) -> None:
        self._epoch = None


class PostgresLog(PostgresFeed):
    """One owner's log for the service that owns it: it appends through the one function, and follows it as well."""

    def __init__(
        self,
        owner: str,
        dsn: str,
        *,
        deadline_seconds: float = 10,
        queue_limit: int = 10_000,
        detached: Detached | None = None,
        snapshots: Snapshots | None = None,
    ) -> None:
        super().__init__(owner, dsn, detached)
        self.snapshots = snapshots
        self._pool: Any = None
        self._streams = Streams(lambda: self._pool.acquire(), detached)
        self._waker = Waker(self._notify)
        self._waking: asyncio.Task[None] | None = None
        self._appender = Appender(
            self._connect_appender,
            committed=self._committed,
            deadline_seconds=deadline_seconds,
            queue_limit=queue_limit,
        )

    @property
    def healthy(self) -> bool:
        """Whether appends are taken; a log that is not healthy any more makes its service leave."""
        return self._appender.healthy

    @property
    def refusing(self) -> bool:
        """Whether the last append was refused because the database could not store it."""
        return self._appender.refusing

    async def start(self) -> None:
        """Connect and begin to take appends."""
        await super().start()
        self._pool = await asyncpg.create_pool(
            self._dsn,
            min_size=1,
            max_size=4,
            server_settings=_settings(self.owner, **PATIENCE),
            timeout=5,
            command_timeout=ANSWER_SECONDS,
            reset=_nothing_to_reset,
        )
        self._appender.start()
        self._waking = asyncio.create_task(self._waker.run(), name=f"{self.owner} waker")

    async def stop(self) -> None:
        """Commit what was handed in, then disconnect."""
        await self._appender.stop()
        if self._waking is not None:
            self._waking.cancel()
            await asyncio.wait([self._waking])
        if self._pool is not None:
            self._pool.terminate()
        await super().stop()

    async def append(self, request: Append) -> Answer:
        """Append, durably. Raises Problem `event_refused`, `log_unavailable` or `outcome_unknown`."""
        return await self._appender.append(request)

    async def read_stream(self, stream: str, after_version: int = 0) -> Sequence[Recorded]:
        """Return the stream's events after a version, in order.

        Raises Problem `log_unavailable`, `event_refused`, `log_no_longer_kept`.
        """
        return (await self._streams.read(stream, after_version)).rows

    async def read_on(self, stream: str, kind: str) -> Standing:
        """Return a stream from its snapshot of a kind on, from its beginning without one. Raises as `read_stream`."""
        return await self._streams.read(stream, 0, kind)

    async def keep_snapshot(self, stream: str, kind: str, snapshot: Snapshot, position: int) -> None:
        """Keep what a stream folds to, unless a newer one is kept. A loss is none: it can be made again."""
        try:
            await self._pool.execute(_KEEP, stream, kind, snapshot.version, position, snapshot.state)
        except (*LOST, asyncpg.PostgresError, TimeoutError) as error:
            logger.warning("snapshot_not_kept", error=type(error).__name__)

    def _committed(self) -> None:
        self.ring()
        self._waker.wake()

    async def _notify(self) -> None:
        try:
            await self._pool.execute(f"NOTIFY {self.owner}_log")
        except (*LOST, asyncpg.PostgresError):
            return  # readers poll

    async def _connect_appender(self) -> Any:
        return await _connect(self._dsn, self.owner, lock_timeout="2s")


async def _nothing_to_reset(_connection: object) -> None:
    """Spare a round trip: what runs on the pool's connections leaves nothing behind in its session."""


async def _connect(dsn: str, owner: str, **settings: str) -> Any:
    settings = _settings(owner, **settings)
    return await asyncpg.connect(dsn, server_settings=settings, timeout=5, command_timeout=ANSWER_SECONDS)


def _settings(owner: str, **settings: str) -> dict[str, str]:
    return {"search_path": f"{named(owner)}_log", "application_name": f"{owner} log", **settings}

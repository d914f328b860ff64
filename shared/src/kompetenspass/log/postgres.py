"""The log in PostgreSQL: how it is installed, appended to and followed."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from importlib.resources import files
from typing import Any
from uuid import UUID

import asyncpg

from kompetenspass.log.api import Answer, Append, Recorded, check_text
from kompetenspass.log.appender import LOST, Appender, unavailable
from kompetenspass.log.bare import ANSWER_SECONDS
from kompetenspass.log.gathering import Gathering
from kompetenspass.log.outages import GONE, PATIENCE, SHORT_SECONDS, twice
from kompetenspass.log.pages import Pages
from kompetenspass.log.waking import Bell, Waker, heard

POLL_SECONDS = 0.25
_READ = (
    "SELECT position, stream, version, id, type, recorded, data FROM log WHERE position > $1 ORDER BY position LIMIT $2"
)
_READ_STREAMS = (
    "SELECT number, position, stream, version, id, type, recorded, data "
    "FROM unnest($1::text[], $2::bigint[]) WITH ORDINALITY AS asked (name, after, number) "
    "JOIN log ON stream = name AND version > after ORDER BY number, version"
)
_BY_KEY = {"enable_seqscan": "off", "enable_hashjoin": "off", "enable_mergejoin": "off"}
"""Streams are read by their names: a plan that was made while the log was short may not read all of it later."""

_HEAD = "SELECT greatest(base, (SELECT position FROM log ORDER BY position DESC LIMIT 1)) FROM log_head"


async def install(admin: asyncpg.Connection, owner: str) -> None:
    """Make the owner's log, its roles and grants in this database, or bring them up to date; run by a superuser."""
    _named(owner)
    await _role(admin, owner, login=True)
    await _role(admin, f"{owner}_log_owner", login=False)
    await _role(admin, "log_reader", login=True)
    script = (files("kompetenspass.log") / "schema.sql").read_text("utf-8").replace("{owner}", owner)
    async with admin.transaction():
        await admin.execute("SELECT pg_advisory_xact_lock(hashtext('kompetenspass install'))")
        await admin.execute(script)


async def renew_epoch(admin: asyncpg.Connection, owner: str) -> None:
    """Give a restored log a new epoch, so that every reader that was ahead of it stops and is looked at."""
    await admin.execute(f"UPDATE {_named(owner)}_log.log_head SET epoch = gen_random_uuid()")  # noqa: S608  checked name


class PostgresFeed:
    """Follows one owner's log over one connection of a role that may only SELECT: pages by key, LISTEN, and polls.

    All readers of a process share it, and what it read last. A log that is another one than it was, restored or
    rewritten, is noticed by its connections' end or by its last event; then nothing of the former is remembered.
    """

    def __init__(self, owner: str, dsn: str) -> None:
        self.owner = owner
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
        return rows

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
        connection = await _connect(self._dsn, self.owner)
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

    def __init__(self, owner: str, dsn: str, *, deadline_seconds: float = 10, queue_limit: int = 10_000) -> None:
        super().__init__(owner, dsn)
        self._pool: Any = None
        self._streams = Gathering(self._read_streams)
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

    async def start(self) -> None:
        """Connect and begin to take appends."""
        await super().start()
        self._pool = await asyncpg.create_pool(
            self._dsn,
            min_size=1,
            max_size=4,
            server_settings=_settings(self.owner, **_BY_KEY, **PATIENCE),
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
        """Return the stream's events after a version, in order. Raises Problem `log_unavailable`, `event_refused`."""
        check_text(stream)  # another's would be refused with it
        return await self._streams.ask((stream, after_version))

    async def _read_streams(self, asked: Sequence[tuple[str, int]]) -> Sequence[Sequence[Recorded]]:
        """Return what was asked of each stream, in one statement for all who ask at the same moment."""
        streams, versions = zip(*asked, strict=True)
        found: list[list[Recorded]] = [[] for _ in asked]
        for number, *row in await twice(lambda: self._read_streams_once(streams, versions), unavailable):
            found[number - 1].append(Recorded._make(row))
        return found

    async def _read_streams_once(self, streams: Sequence[str], versions: Sequence[int]) -> Sequence[Any]:
        async with self._pool.acquire() as connection:
            try:
                rows: Sequence[Any] = await connection.fetch(_READ_STREAMS, streams, versions, timeout=SHORT_SECONDS)
            except GONE:
                connection.terminate()
                raise
            return rows

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
    return {"search_path": f"{_named(owner)}_log", "application_name": f"{owner} log", **settings}


def _named(owner: str) -> str:
    """Return the owner's name if it may stand in SQL as it is. Raises ValueError."""
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,40}", owner):
        raise ValueError(f"not a service's name: {owner!r}")
    return owner


async def _role(admin: asyncpg.Connection, role: str, *, login: bool) -> None:
    if await admin.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", role):
        return
    try:
        await admin.execute(f"CREATE ROLE {role} {'LOGIN' if login else 'NOLOGIN'}")
    except (asyncpg.DuplicateObjectError, asyncpg.UniqueViolationError):
        return  # another installation was quicker

"""Runtime: everything of a service that opens and closes: tables, log, feeds, readers, timers, outbound calls."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Self

import structlog

from kompetenspass.core.clock import Clock, system_clock
from kompetenspass.core.errors import Kind, Problem
from kompetenspass.keys import es256
from kompetenspass.log.api import Feed
from kompetenspass.log.fates import Fate, fate_of
from kompetenspass.log.postgres import PostgresLog
from kompetenspass.log.project import Projection, Reaction
from kompetenspass.log.readers import Lag, Readers
from kompetenspass.log.shares import OTHER_TRANSPORT
from kompetenspass.web.feeds import detached_of, foreign_feeds, started
from kompetenspass.web.migrate import engine_of, upgrade
from kompetenspass.web.outbound import Outbound
from kompetenspass.web.readiness import CursorState, Readiness
from kompetenspass.web.settings import ServiceSettings
from kompetenspass.web.statements import Statements
from kompetenspass.web.telemetry import logger
from kompetenspass.web.timers import Leadership, Timer, run_timer

_WATCH_SECONDS = 1.0
_READY_SECONDS = 5.0


class Runtime:
    """Made and wired without I/O; entered, it migrates, starts and serves; left, it drains and closes.

    `engine`, `statements` (hot ones), `log`, `feeds` (by owner, the service's own log among them), `clock` and `http`
    may be handed to adapters before it is entered, but only used while it is. `fatal` is set when the process cannot
    go on, `stopping` when it begins to stop: an answer that would go on for long ends then.
    """

    def __init__(
        self,
        settings: ServiceSettings,
        *,
        clock: Clock = system_clock,
        http: Outbound | None = None,
        migrations: str | None = None,
    ) -> None:
        self.settings = settings
        self.service = settings.service
        self.clock = clock
        self.migrations = migrations or f"{type(settings).__module__.rpartition('.')[0]}.migrations"
        self.http = http or outbound_of(settings)
        self.engine = engine_of(settings.database_dsn, self.service)
        self.statements = Statements(settings.database_dsn, self.service)
        self.log = PostgresLog(self.service, settings.database_dsn, detached=detached_of(settings, self.service))
        self._foreign = foreign_feeds(settings, clock)
        self.feeds: dict[str, Feed] = {**self._foreign, self.service: self.log}
        self.readers = Readers(self.service, self.engine, self.feeds, clock)
        self.fatal, self.stopping = asyncio.Event(), asyncio.Event()
        self._timers: list[Timer] = []
        self._starts: list[Callable[[], Awaitable[None]]] = []
        self._open: AsyncExitStack | None = None

    def project(self, projection: Projection) -> None:
        """Keep `projection` up to date while the runtime is entered."""
        self.readers.project(projection)

    def react(self, reaction: Reaction) -> None:
        """Run `reaction` while the runtime is entered."""
        self.readers.react(reaction)

    def every(self, seconds: float, name: str, fn: Callable[[], Awaitable[None]]) -> None:
        """Run `fn` every `seconds`, in one process at a time (an advisory lock)."""
        self._timers.append(Timer(seconds, name, fn))

    def at_start(self, fn: Callable[[], Awaitable[None]]) -> None:
        """Run `fn` once the tables and the log are there, before anything is served (reading keys, for instance)."""
        self._starts.append(fn)

    async def __aenter__(self) -> Self:
        """Open everything, in order. Raises what cannot be opened; what was opened before is closed again."""
        structlog.contextvars.bind_contextvars(service=self.service)
        self.stopping.clear()
        async with AsyncExitStack() as stack:
            stack.enter_context(es256.using(self.settings.crypto))
            await upgrade(self.settings.database_dsn, self.migrations)
            stack.push_async_callback(self.engine.dispose)
            stack.push_async_callback(self.statements.close)
            await stack.enter_async_context(self.http)
            await self.log.start()
            stack.push_async_callback(self.log.stop)
            await started(self._foreign, self.settings, stack)
            for start in self._starts:
                await start()
            await self._start_readers(stack)
            self._open = stack.pop_all()
        return self

    async def __aexit__(self, *_error: object) -> None:
        """Stop the readers and timers, drain the appender, close."""
        self.stopping.set()
        if self._open:
            await self._open.aclose()
            self._open = None

    async def require_fresh(self, *owners: str) -> None:
        """Return if the facts of `owners` were checked recently enough. Raises Problem `facts_stale` (503)."""
        stale = [owner for owner in owners if await self._is_stale(owner)]
        if stale:
            raise Problem(
                "facts_stale",
                "What this decision rests on is not up to date here.",
                kind=Kind.UNAVAILABLE,
                remedy="Try again in a moment; if it lasts, the operator looks at /readyz.",
                members={"owners": sorted(stale)},
                headers={"Retry-After": "1"},
            )

    async def caught_up(self, owner: str, position: int, timeout_seconds: float) -> None:
        """Return once every projection here has applied `position` of the log of `owner`.

        Of the service's own log, which not every service projects, it is enough that it holds the position.
        Raises Problem `not_caught_up` (503) when it takes longer, `invalid_request` for a log that none follows.
        """
        if owner != self.service and not self.readers.follows(owner):
            raise Problem("invalid_request", "This service does not follow that log.", members={"owner": owner})
        if not await self.readers.caught_up(owner, position, timeout_seconds):
            raise Problem(
                "not_caught_up",
                "This service has not read that far yet.",
                kind=Kind.UNAVAILABLE,
                remedy="Try again in a moment.",
                headers={"Retry-After": "1"},
            )

    async def ready(self) -> Readiness:
        """Return whether requests can be answered: the database answers, once caught up with the heads seen at start,
        nothing that judges validity parked, the appender healthy."""
        try:
            async with asyncio.timeout(_READY_SECONDS):
                return await self._readiness()
        except Exception as error:
            if fate_of(error) is not Fate.OUTAGE:
                raise
            return Readiness(("database_unavailable",), (), None, self.log.healthy, self.log.refusing)

    async def _readiness(self) -> Readiness:
        lags, parked = await self.readers.lags(), await self.readers.parked.list()
        healthy = self.log.healthy
        faults = {
            "appender_failed": not healthy,
            "catching_up": not all(lag.started for lag in lags),
            "reader_halted": any(lag.halted not in (None, OTHER_TRANSPORT) for lag in lags),
            "other_transport": any(lag.halted == OTHER_TRANSPORT for lag in lags),
            "judgement_parked": self.readers.judging(parked) > 0,
        }
        reasons = tuple(reason for reason, holds in faults.items() if holds)
        return Readiness(reasons, [_cursor(lag) for lag in lags], len(parked), healthy, self.log.refusing)

    @asynccontextmanager
    async def maintained(self) -> AsyncIterator[Readers]:
        """Return the readers for a command beside the service: tables, log and feeds, no loops or timers."""
        try:
            await upgrade(self.settings.database_dsn, self.migrations)
            await self.log.start()  # a parked reaction that is retried appends
            await self.readers.prepare()
            yield self.readers
        finally:
            for transport in (self.log, *self._foreign.values()):
                await transport.stop()
            await self.statements.close()
            await self.engine.dispose()

    async def _is_stale(self, owner: str) -> bool:
        checked_at = await self.readers.checked_at(owner)
        limit = timedelta(seconds=self.settings.max_staleness_seconds)
        # a moment that lies ahead was noted before the clock was set back, and says nothing of now
        return checked_at is None or abs(self.clock() - checked_at) > limit

    async def _start_readers(self, stack: AsyncExitStack) -> None:
        tasks = list[asyncio.Task[None]]()
        if self.settings.only == "api":
            await self.readers.prepare()
        else:
            await self.readers.start()
            stack.push_async_callback(self.readers.stop)
            leadership = Leadership(self.engine, f"{self.service}:timers")
            stack.push_async_callback(leadership.release)
            tasks += [asyncio.create_task(run_timer(t, leadership, self.service), name=t.name) for t in self._timers]
        tasks.append(asyncio.create_task(self._watch(), name=f"{self.service}:watch"))
        stack.push_async_callback(_cancelled, tasks)

    async def _watch(self) -> None:
        while self.log.healthy:  # noqa: ASYNC110  the log has no event for it, and a second is soon enough
            await asyncio.sleep(_WATCH_SECONDS)
        logger().error("appender_failed", service=self.service, alarm=True)
        self.fatal.set()


def outbound_of(settings: ServiceSettings) -> Outbound:
    """Return the client for outbound calls that the settings ask for."""
    return Outbound(
        allow_loopback=settings.allow_loopback_http,
        private_hosts=settings.outbound_private_hosts,
        ca_file=settings.outbound_ca_file,
    )


async def _cancelled(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _cursor(lag: Lag) -> CursorState:
    return CursorState(lag.reader, lag.log, lag.position, lag.head, lag.halted, lag.stalled, lag.reachable)

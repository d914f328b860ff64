"""Laptop: PostgreSQL and the five services, in this process or each in its own, set up and caught up."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Self
from uuid import UUID

from kompetenspass.embedded import environment
from kompetenspass.embedded.children import Children, with_parent
from kompetenspass.embedded.kafka.copied import on_another_transport
from kompetenspass.embedded.servers import not_started, serve
from kompetenspass.log.api import Transport
from kompetenspass.web.migrate import upgrade
from kompetenspass.web.settings import Kafka, ServiceSettings
from services.laptop.broker import Relays, broker, make_topics, start_relays, until_copied
from services.laptop.database import database
from services.laptop.first_start import DONE, ROOT, TOKEN_SECONDS, make_keys, set_up, token_of
from services.laptop.five import DSN, FOLLOWS, Names, apps_of, settings_of
from services.laptop.waiting import until_caught_up, until_served

LEARNER = UUID("6f3d2a51-8a38-4f6e-9d0e-2b7c54b0a001")
"""The account of the demonstration's learner: the same at every start, so that a second start finds its merits."""
_GARBAGE = 20_000  # new objects between two collections: a request makes and drops a few thousand

Say = Callable[[str], Any]


class Laptop:
    """Entered, it runs PostgreSQL and the five services, set up and caught up; left, it stops them all.

    Everything it keeps is in `folder`: data, ports, keys, and a development CA and token issuer. For trials only.
    `apart`: each service is a process of its own; `kafka`: they follow each other over Kafka.
    """

    def __init__(
        self, folder: Path, *, status_ttl_seconds: int = 300, apart: bool = False, kafka: bool = False, say: Say = print
    ) -> None:
        self.folder = folder.resolve()
        self._apart = apart
        self._by: Transport = "kafka" if kafka else "postgres"
        self._status_ttl_seconds = status_ttl_seconds
        self._say = say
        self._stack = AsyncExitStack()
        self._parts: Relays | Children

    async def __aenter__(self) -> Self:
        """Start everything in order. Raises Problem, with its remedy, for what cannot be started."""
        async with AsyncExitStack() as stack:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            dsn = await database(self.folder / "postgres", stack)
            kafka = await broker(self.folder / "kafka", dsn, stack, self._say) if self._by == "kafka" else None
            self.names = Names.of(self.folder)
            await self._change_transport(dsn, kafka)
            self.settings = self._settings(dsn, kafka)
            environment.write(self.folder / "environment", self.settings.values())
            make_keys(self.names)
            if kafka:
                await make_topics(kafka)
                await self._migrate()
            await (self._start_apart(kafka, stack) if self._apart else self._start_here(kafka, stack))
            await set_up(self.names, self._command, self._say)
            await until_caught_up(self.names, dsn, self.ended_one)
            (self.folder / DONE).touch()
            self._stack = stack.pop_all()
        gc.freeze()  # what is loaded by now stays; the collector need not walk it again and again
        gc.set_threshold(_GARBAGE)
        return self

    async def __aexit__(self, *_error: object) -> None:
        """Stop the services, then what they rest on. Raises Problem for what ended a relay."""
        await self._stack.aclose()

    @property
    def warning(self) -> str:
        """What whoever starts it is told of its keys."""
        where = "on this one machine" if self._apart else "in this one process"
        return f"Every key is {where}: for laptops and trials only. Ctrl-C stops."

    @property
    def urls(self) -> Mapping[str, str]:
        """The public base URL of each service."""
        return self.names.urls

    def token(self, slug: str, role: str) -> str:
        """Return an access token for one organisation in one role."""
        return token_of(self.names, slug, role)

    def learner_token(self, account: UUID = LEARNER) -> str:
        """Return an access token for a learner's account in the hosted wallet."""
        return self.names.tokens.mint("learner", ["learner"], str(account), TOKEN_SECONDS)

    def ended_one(self) -> str | None:
        """Return the name of a part that has ended by itself, None while all run."""
        return self._parts.ended_one()

    async def ended(self) -> str | None:
        """Return the name of a part that has ended by itself, once one has."""
        await self._parts.ended.wait()
        return self.ended_one()

    async def _migrate(self) -> None:
        """Make the tables that the relays begin with; the services find them there."""
        for name, settings in self.settings.items():
            await upgrade(settings.database_dsn, f"services.{name}.migrations")

    def _settings(self, dsn: DSN, kafka: Kafka | None) -> dict[str, ServiceSettings]:
        return settings_of(self.names, dsn, self._by, kafka, status_ttl_seconds=self._status_ttl_seconds)

    async def _change_transport(self, dsn: DSN, kafka: Kafka | None) -> None:
        """Let those that followed by the other transport go on by this one, for which Kafka is needed."""
        services = await on_another_transport(dsn, self._by)
        if not services:
            return
        self._say(f"Moving {', '.join(services)} to {self._by}")
        async with AsyncExitStack() as passing:
            kafka = kafka or await broker(self.folder / "kafka", dsn, passing, self._say)
            await make_topics(kafka)
            self.settings = self._settings(dsn, kafka)
            relays = Relays(self.settings)
            passing.push_async_callback(relays.stop)
            relays.start()
            parts = [] if self._by == "kafka" else ["--parts", "1"]
            for service in services:
                await self._command(service, "projections", "move", "--transport", self._by, *parts)

    async def _start_here(self, kafka: Kafka | None, stack: AsyncExitStack) -> None:
        self._parts = relays = Relays(self.settings)
        if kafka:
            stack.push_async_callback(relays.stop)
            relays.start()
            await until_copied(kafka, self.ended_one)
        for name, app in apps_of(self.settings).items():
            await serve(app, self.settings[name], stack)

    async def _start_apart(self, kafka: Kafka | None, stack: AsyncExitStack) -> None:
        self._parts = processes = Children(ROOT)
        stack.push_async_callback(processes.stop)
        if kafka:
            await start_relays(processes, self._environment(), FOLLOWS)
            await until_copied(kafka, self.ended_one)
        for service in FOLLOWS:
            await processes.start(service, [sys.executable, "-m", f"services.{service}"], self._environment())
        await until_served(self.names, self.ended_one)

    def _environment(self) -> dict[str, str]:
        return dict(each for settings in self.settings.values() for each in environment.variables(settings))

    async def _command(self, service: str, *arguments: str) -> None:
        process = await asyncio.create_subprocess_exec(
            *(*with_parent(), sys.executable, "-m", f"services.{service}", *arguments),
            env=self._environment(),
            cwd=ROOT,
        )
        try:
            code = await process.wait()
        except asyncio.CancelledError:  # asked to stop in the midst of it
            process.terminate()
            await process.wait()
            raise
        if code != 0:
            raise not_started(f"services.{service} {arguments[0]}")

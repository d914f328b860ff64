"""Several HTTP servers in one process, and the wish of whoever runs it to stop them."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Iterator
from contextlib import AsyncExitStack

import uvicorn
from fastapi import FastAPI

from kompetenspass.core.errors import Kind, Problem
from kompetenspass.web.cli import Server, server_config
from kompetenspass.web.settings import ServiceSettings

_START_SECONDS = 180.0


class _Server(Server):
    """A server that leaves the process's signals alone: several share them."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(app: FastAPI, settings: ServiceSettings, stack: AsyncExitStack) -> None:
    """Return once `app` is served; leaving `stack` stops it. Raises Problem `not_started`."""
    server = _Server(server_config(app, settings))
    task = asyncio.create_task(_served(server), name=settings.service)
    stack.push_async_callback(_stopped, server, task)
    async with asyncio.timeout(_START_SECONDS):
        while not server.started:
            if task.done():
                raise not_started(settings.service)
            await asyncio.sleep(0.01)


def asked_to_stop() -> asyncio.Event:
    """Return what is set once somebody asks this process to stop (Ctrl-C or SIGTERM), from this call on."""
    asked, loop = asyncio.Event(), asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, asked.set)
    return asked


def not_started(what: str) -> Problem:
    """Return the refusal of a platform of which one part did not start."""
    return Problem(
        "not_started",
        f"{what} did not start.",
        kind=Kind.UNAVAILABLE,
        remedy="The lines above say why. `make clean` begins again from nothing.",
    )


async def _served(server: uvicorn.Server) -> None:
    with contextlib.suppress(SystemExit):  # how a server says that its application did not start
        await server.serve()


async def _stopped(server: uvicorn.Server, task: asyncio.Task[None]) -> None:
    server.should_exit = True
    await task

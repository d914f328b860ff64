"""Waiting for the services of a laptop over HTTP, wherever they run: that they answer, that they have read all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import httpx2

from kompetenspass.embedded.provision import READER
from kompetenspass.embedded.servers import not_started
from kompetenspass.log.postgres import PostgresFeed
from services.laptop.five import DSN, FOLLOWS, Names

_START_SECONDS = 240.0
_ANSWER_SECONDS = 120.0
_POLL_SECONDS = 0.1

Ended = Callable[[], str | None]
"""Returns the name of a part of the platform that has ended, None while all run."""


async def until_served(names: Names, ended: Ended) -> None:
    """Return once every service answers. Raises Problem `not_started`."""
    for service in FOLLOWS:
        await _until(names.here(service), {}, service, ended)


async def until_caught_up(names: Names, dsn: DSN, ended: Ended) -> None:
    """Return once every service has read every log that it follows to where it stands now. Raises as above."""
    heads = {owner: await _head(owner, dsn(READER)) for owner in FOLLOWS}
    for service, followed in FOLLOWS.items():
        wanted = ", ".join(f"{owner}={heads[owner]}" for owner in (*followed, service))
        await _until(names.here(service), {"Wait-For": wanted}, service, ended)


async def _until(url: str, headers: dict[str, str], service: str, ended: Ended) -> None:
    """Return once a GET succeeds. Raises Problem `not_started` for a part that has ended, or one that never does."""
    try:
        async with asyncio.timeout(_START_SECONDS), httpx2.AsyncClient(timeout=_ANSWER_SECONDS) as http:
            while not await _succeeds(http, url, headers):
                if (gone := ended()) is not None:
                    raise not_started(gone)
                await asyncio.sleep(_POLL_SECONDS)
    except TimeoutError as error:
        raise not_started(service) from error


async def _succeeds(http: httpx2.AsyncClient, url: str, headers: dict[str, str]) -> bool:
    try:
        return (await http.get(f"{url}/livez", headers=headers)).is_success
    except httpx2.TransportError:
        return False


async def _head(owner: str, dsn: str) -> int:
    feed = PostgresFeed(owner, dsn)
    await feed.start()
    try:
        return await feed.head()
    finally:
        await feed.stop()

"""A bare connection of an engine's pool, for what runs many times a second: SQLAlchemy costs several times as much."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from sqlalchemy.exc import EmulatedDBAPIException
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.pool import PoolProxiedConnection
from sqlalchemy.util import greenlet_spawn

ANSWER_SECONDS = 60.0
"""What a statement has to be answered in, on every connection of a service: a connection that hangs, or a lock that
nobody lets go, is an outage like any other, which its reader waits out. A page of events takes a few seconds."""


@asynccontextmanager
async def bare(engine: AsyncEngine) -> AsyncIterator[asyncpg.Connection]:
    """Return a bare connection, on which each statement is a transaction of its own. It raises what asyncpg raises."""
    pooled = await _pooled(engine)
    try:
        yield pooled.driver_connection
    except BaseException:
        pooled.invalidate()  # it may be in the middle of something
        raise
    finally:
        await greenlet_spawn(pooled.close)  # one more than the pool keeps is disconnected, which waits


async def taken_out(engine: AsyncEngine) -> asyncpg.Connection:
    """Return a bare connection that the pool knows no longer: whoever takes it closes it."""
    pooled = await _pooled(engine)
    driver: asyncpg.Connection = pooled.driver_connection
    pooled.detach()
    return driver


async def _pooled(engine: AsyncEngine) -> PoolProxiedConnection:
    """Return a connection of the pool that is open: once the server went away, the others may be closed, too."""
    while True:
        try:
            pooled = await engine.raw_connection()
        except EmulatedDBAPIException as error:  # the pool's own name for what the server said
            raise error.__cause__ or error from None
        if pooled.driver_connection is not None and not pooled.driver_connection.is_closed():
            return pooled
        pooled.invalidate()
        await greenlet_spawn(pooled.close)


@asynccontextmanager
async def both(autocommit: AsyncEngine) -> AsyncIterator[tuple[AsyncConnection, asyncpg.Connection]]:
    """Return a connection and the bare one below, in one transaction that ends with the block.

    The bare one begins and ends it: the engine is one in whose eyes each statement is a transaction of its own.
    """
    async with autocommit.connect() as connection:
        driver: asyncpg.Connection | None = (await connection.get_raw_connection()).driver_connection
        assert driver is not None
        transaction, is_over = driver.transaction(), False
        try:
            await transaction.start()
            try:
                yield connection, driver
            except BaseException:
                if not driver.is_closed():
                    await transaction.rollback()
                    is_over = True
                raise
            await transaction.commit()
            is_over = True
        finally:
            if not is_over:  # lost, or cancelled at its BEGIN or ROLLBACK: the next would begin inside it
                await connection.invalidate()

"""What the database says of a Kafka: who follows by it, whether these logs were copied to it, and how to forget that.

After a restore the logs have another epoch, and the relays refuse to mix the two in one topic. A Kafka that is nothing
but a copy can then be made anew; whatever follows it finds its place again by the positions in the records.
"""

from __future__ import annotations

from collections.abc import Callable

import asyncpg

from kompetenspass.embedded.provision import SERVICES, connected
from kompetenspass.log.api import Transport

DSN = Callable[[str], str]
"""Returns the address of the database for a role."""

_FOLLOWED = "SELECT count(*) FROM runner_cursor WHERE log <> $1 AND transport <> $2"
_COPIED = "SELECT position, epoch IS NOT DISTINCT FROM (SELECT epoch FROM {}_log.log_head) FROM relay_cursor"
_FORGET = "UPDATE relay_cursor SET position = 0, epoch = NULL, event_id = NULL, places = '{}'"
_FIND_AGAIN = "UPDATE runner_cursor SET next_offset = NULL"


async def on_another_transport(dsn: DSN, transport: Transport) -> list[str]:
    """Return the services whose readers have come to where they are by another transport than `transport`."""
    found = []
    for service in SERVICES:
        async with connected(dsn(service)) as connection:
            if await _has(connection, "runner_cursor") and await connection.fetchval(_FOLLOWED, service, transport):
                found.append(service)
    return found


async def something_copied(dsn: DSN) -> bool:
    """Return whether any log was copied, be it in part."""
    return any([await _says(dsn, service, lambda position, _same: position > 0) for service in SERVICES])


async def copied_of_other_logs(dsn: DSN) -> bool:
    """Return whether what was copied of any log was of another epoch than it has now."""
    return any([await _says(dsn, service, lambda position, same: position > 0 and not same) for service in SERVICES])


async def forget(dsn: DSN) -> None:
    """Let the relays begin with the first event, and readers look for their places; nothing may be running."""
    for service in SERVICES:
        async with connected(dsn(service)) as connection:
            if await _has(connection, "relay_cursor"):
                await connection.execute(_FORGET)
            if await _has(connection, "runner_cursor"):
                await connection.execute(_FIND_AGAIN)


async def _says(dsn: DSN, service: str, holds: Callable[[int, bool], bool]) -> bool:
    async with connected(dsn(service)) as connection:
        if not await _has(connection, "relay_cursor"):
            return False
        return any(holds(*row) for row in await connection.fetch(_COPIED.format(service)))


async def _has(connection: asyncpg.Connection, table: str) -> bool:
    return await connection.fetchval("SELECT to_regclass($1)", table) is not None

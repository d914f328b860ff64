"""What still needs the rows of a partition: who has not read them, and streams that may go on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import asyncpg

from kompetenspass.core.errors import Kind, Problem
from kompetenspass.log.partitions import named

CLOSED_AFTER = {
    "registry.CredentialRevoked.v1": timedelta(),
    "registry.CredentialExpired.v1": timedelta(),
    "issuance.StackRevoked.v1": timedelta(),
    "verification.PresentationRequested.v1": timedelta(days=2),
    "verification.PresentationJudged.v1": timedelta(days=2),
}
"""How long after its last event of such a type nothing is decided in a stream any more: at once after the end of a
credential or of an award; a request is forgotten a day after it expired."""

_TABLES = """
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relname = ANY($1) AND c.relkind = 'r'
"""
_BEHIND = {
    "runner_cursor": "SELECT kind || ' ' || reader FROM {schema}.runner_cursor WHERE log = $1 AND position <= $2",
    "runner_parked": "SELECT 'parked of ' || reader FROM {schema}.runner_parked WHERE log = $1 AND position <= $2",
    "relay_cursor": "SELECT 'relay'::text FROM {schema}.relay_cursor WHERE log = $1 AND position <= $2",
    "webhook_subscription": (
        "SELECT 'webhook ' || id FROM {schema}.webhook_subscription "
        "WHERE '{schema}' = $1 AND state <> 'disabled' AND position <= $2"
    ),
    "webhook_delivery": (
        "SELECT 'webhook ' || subscription_id FROM {schema}.webhook_delivery "
        "WHERE '{schema}' = $1 AND state = 'pending' AND position <= $2"
    ),
}
_OPEN = """
SELECT l.stream, max(l.version) FROM {owner}_log.{table} l
JOIN {owner}_log.log_stream s ON s.stream = l.stream
LEFT JOIN {owner}_log.log_snapshot n ON n.stream = l.stream AND n.state_type = ANY($3)
GROUP BY l.stream, s.last, s.version, n.version
HAVING coalesce(n.version, 0) < max(l.version) AND NOT EXISTS (
    SELECT 1 FROM {owner}_log.log e
    JOIN unnest($1::text[], $2::interval[]) AS closed (type, after) ON closed.type = e.type
    WHERE e.stream = l.stream AND e.version = s.version AND e.position <= s.last AND e.recorded + closed.after < now()
)
"""


_OF_OTHER_CODE = """
SELECT n.stream FROM {owner}_log.log_snapshot n JOIN {owner}_log.log_stream s ON s.stream = n.stream
WHERE n.state_type <> ALL($1) AND s.first <= (SELECT base FROM {owner}_log.log_head)
"""


async def refuse_readers_before(connections: Sequence[asyncpg.Connection], owner: str, last: int) -> None:
    """Raise Problem `readers_before` while anybody in these databases has not come beyond a position of a log."""
    found: set[str] = set()
    for connection in connections:
        for schema, table in await connection.fetch(_TABLES, list(_BEHIND)):
            rows = await connection.fetch(_BEHIND[table].format(schema=named(schema)), owner, last)
            found |= {f"{schema}: {row[0]}" for row in rows}
    if found:
        raise Problem(
            "readers_before",
            f"Not everybody has read beyond position {last}: {', '.join(sorted(found))}.",
            kind=Kind.CONFLICT,
            remedy="Let them catch up; settle what is parked, drop old generations, remove what nobody reads any more.",
        )


async def open_streams(admin: asyncpg.Connection, owner: str, table: str, kinds: Sequence[str]) -> Sequence[str]:
    """Return the streams in a partition that are neither closed nor have a snapshot beyond their last event in it.

    `kinds`: of the snapshots that the running code begins with; those of other code do not count.
    """
    query = _OPEN.format(owner=named(owner), table=table)
    return [row[0] for row in await admin.fetch(query, list(CLOSED_AFTER), list(CLOSED_AFTER.values()), kinds)]


async def streams_of_other_code(admin: asyncpg.Connection, owner: str, kinds: Sequence[str]) -> Sequence[str]:
    """Return the streams that began before the log's base and have a snapshot of none of these kinds."""
    return [row[0] for row in await admin.fetch(_OF_OTHER_CODE.format(owner=named(owner)), kinds)]


async def refuse_open_streams(admin: asyncpg.Connection, owner: str, table: str, kinds: Sequence[str]) -> None:
    """Raise Problem `streams_open` while commands may need what a partition holds of some streams."""
    found = await open_streams(admin, owner, table, kinds)
    if found:
        raise Problem(
            "streams_open",
            f"{len(found)} streams in {table} are neither closed nor have a snapshot.",
            kind=Kind.CONFLICT,
            remedy="Run `log snapshot`, which makes the snapshots that are missing.",
        )

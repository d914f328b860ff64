"""How a log is installed, with the partitions that it is cut into by position."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from operator import attrgetter

import asyncpg

_PARTITIONS = r"""
SELECT c.relname, substring(c.relname, 'log_p(.*)')::bigint,
       substring(pg_get_expr(c.relpartbound, c.oid), $$TO \('?([0-9]+)'?\)$$)::bigint - 1
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = $1::text::regclass
"""


async def install(admin: asyncpg.Connection, owner: str, *, partition_events: int | None = None) -> None:
    """Make the owner's log, its roles and grants in this database, or bring them up to date; run by a superuser.

    `partition_events`: how many positions each further partition is for; by default what it was, at first a million.
    A log that is one table becomes the first partition: it is read once, and nothing is appended or read meanwhile.
    """
    named(owner)
    if partition_events is not None and partition_events < 1:
        raise ValueError("a partition holds at least one event")
    await _role(admin, owner, login=True)
    await _role(admin, f"{owner}_log_owner", login=False)
    await _role(admin, "log_reader", login=True)
    script = (files("kompetenspass.log") / "schema.sql").read_text("utf-8").replace("{owner}", owner)
    script = script.replace("{partition_events}", str(partition_events or "partition_events"))
    async with admin.transaction():
        await admin.execute("SELECT pg_advisory_xact_lock(hashtext('kompetenspass install'))")
        await admin.execute(script)


async def renew_epoch(admin: asyncpg.Connection, owner: str) -> None:
    """Give a restored log a new epoch, so that every reader that was ahead of it stops and is looked at."""
    await admin.execute(f"UPDATE {named(owner)}_log.log_head SET epoch = gen_random_uuid()")  # noqa: S608  checked name


@dataclass(frozen=True, slots=True)
class Partition:
    """A partition of a log: the table, and its first and last position."""

    name: str
    first: int
    last: int


async def partitions(admin: asyncpg.Connection, owner: str) -> Sequence[Partition]:
    """Return the partitions of a log, in the order of their positions."""
    rows = await admin.fetch(_PARTITIONS, f"{named(owner)}_log.log")
    return sorted((Partition(*row) for row in rows), key=attrgetter("first"))


def named(owner: str) -> str:
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

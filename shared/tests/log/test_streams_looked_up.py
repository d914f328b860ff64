"""What it costs to read streams: as much as they hold, however much stands between them."""

from __future__ import annotations

import asyncpg
import pytest

from kompetenspass.log.appender import APPEND, arrays
from kompetenspass.log.conformance import request
from kompetenspass.testing.postgres import Database

_READ = "SELECT * FROM read_streams($1, $2, $3)"
_FETCHED = "SELECT sum(idx_tup_fetch)::int FROM pg_stat_xact_user_tables WHERE relname LIKE 'log_p%'"


@pytest.mark.parametrize("analyzed", [False, True])
async def test_streams_far_apart_are_read_without_what_stands_between_them(
    database: Database, *, analyzed: bool
) -> None:
    admin = await asyncpg.connect(database.admin_dsn, server_settings={"search_path": "wallet_log"})
    try:
        await admin.execute("SET ROLE wallet")
        for name in ("oldest", *(f"between-{n}" for n in range(300)), "newest"):
            await admin.fetch(APPEND, *arrays([request(name, events=2)]))
        await admin.execute("RESET ROLE")
        if analyzed:
            await admin.execute("ANALYZE log")
        async with admin.transaction():
            before = await admin.fetchval(_FETCHED)
            found = await admin.fetch(_READ, ["oldest", "newest", "between-7"], [0, 0, 0], [None] * 3)
            fetched = await admin.fetchval(_FETCHED) - before
    finally:
        await admin.close()
    assert [(row["number"], row["version"]) for row in found] == [(n, v) for n in (1, 2, 3) for v in (1, 2)]
    assert fetched == len(found)

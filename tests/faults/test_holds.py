"""What others hold in the database: an old snapshot, which lets nothing be tidied up, and a lock on the whole log."""

from __future__ import annotations

import asyncio

import asyncpg

from kompetenspass.testing.postgres import Database
from kompetenspass.testing.waiting import until
from tests.faults.trial import Trial, holding

PAGE_BYTES = 8192


async def test_an_old_snapshot_holds_nobody_up(service: Trial, database: Database, admin: asyncpg.Connection) -> None:
    await service.write(5)
    async with holding(database.admin_dsn, "SELECT count(*) FROM wallet_log.log") as old:
        await service.write(200)
        await service.until_ready()
        await service.check()
        await admin.execute("VACUUM wallet_log.log_head, wallet_log.log_stream, wallet.runner_cursor")
        assert await admin.fetchval("SELECT pg_relation_size('wallet_log.log_head')") == PAGE_BYTES
        assert await old.fetchval("SELECT count(*) FROM wallet_log.log") == 25


async def test_while_the_log_is_locked_it_is_not_ready_and_afterwards_everything_is_stored(
    service: Trial, database: Database
) -> None:
    await service.write(5)
    async with holding(database.admin_dsn, "LOCK TABLE wallet_log.log IN ACCESS EXCLUSIVE MODE"):
        writing = asyncio.create_task(service.write(5))

        async def says_so() -> bool:
            status, said = await service.readyz()
            return status == 503 and said["reasons"] == ["database_unavailable"]

        await until(says_so)
        assert not writing.done()
    await writing
    await service.until_ready()
    await service.check()

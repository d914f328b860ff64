"""A backup of the whole database in one file, and its reverse: restored logs get a new epoch."""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncpg

from kompetenspass.core.errors import Kind, Problem
from kompetenspass.embedded.postgres import ADMIN, DATABASE, EmbeddedPostgres
from kompetenspass.embedded.provision import (
    SERVICES,
    connected,
    drop_database,
    ensure_database,
    provision,
    rename_database,
)
from kompetenspass.log.partitions import renew_epoch


async def backup(server: EmbeddedPostgres, file: Path, database: str = DATABASE) -> Path:
    """Write the database of a running server to `file` (mode 0600), whole or not at all, and return it.

    It holds the vault: keep it as you keep the vault. The services may run meanwhile; it is one moment of them.
    """
    unfinished = file.with_name(file.name + ".partial")
    unfinished.unlink(missing_ok=True)
    unfinished.touch(mode=0o600)
    await _program(server, "pg_dump", "--format=custom", "--dbname", server.admin_dsn(database), into=unfinished)
    unfinished.replace(file)
    return file


async def restore(server: EmbeddedPostgres, file: Path, database: str = DATABASE) -> None:
    """Put the database back as `file` has it; until that has succeeded, the present one stays as it is.

    Every log gets a new epoch: a reader elsewhere, which may have seen more than the backup holds, stops, and its
    runbook says what then. The services' own readers go on: their cursors and tables are of the backup's moment, too.
    Raises Problem `backup_unusable`, or `database_in_use` while a service runs.
    """
    beside, old = f"{database}_restored", f"{database}_replaced"
    for name in (beside, old):
        await drop_database(server.admin_dsn(ADMIN), name)
    await ensure_database(server.admin_dsn(ADMIN), beside)
    await _roles(server, beside)
    arguments = ("--exit-on-error", "--single-transaction", "--clean", "--if-exists")
    await _program(server, "pg_restore", *arguments, "--dbname", server.admin_dsn(beside), str(file))
    await provision(server.admin_dsn(beside), SERVICES)  # an older backup's logs are brought up to date
    await _new_epochs(server, beside)
    await _swap(server, database, beside, old)


async def _roles(server: EmbeddedPostgres, database: str) -> None:
    """Make the roles that the backup names, and the grants on the database, which no dump holds; its logs it has."""
    await provision(server.admin_dsn(database), SERVICES)
    async with connected(server.admin_dsn(database)) as admin:
        for owner in SERVICES:
            await admin.execute(f"DROP SCHEMA {owner}_log CASCADE")


async def _new_epochs(server: EmbeddedPostgres, database: str) -> None:
    async with connected(server.admin_dsn(database)) as admin:
        for owner in SERVICES:
            await renew_epoch(admin, owner)
            for service in SERVICES:
                await _follow(admin, service, owner)


async def _follow(admin: asyncpg.Connection, service: str, owner: str) -> None:
    """Let the readers of a service, restored with the log that they read, follow it in its new epoch."""
    if await admin.fetchval("SELECT to_regclass($1)", f"{service}.runner_cursor"):
        epoch = await admin.fetchval(f"SELECT epoch FROM {owner}_log.log_head")  # noqa: S608  names of ours
        await admin.execute(f"ALTER TABLE {service}.runner_cursor ADD COLUMN IF NOT EXISTS next_offset bigint")
        moved = f"UPDATE {service}.runner_cursor SET epoch = $1, next_offset = NULL WHERE log = $2"  # noqa: S608  as above
        await admin.execute(moved, epoch, owner)


async def _swap(server: EmbeddedPostgres, database: str, beside: str, old: str) -> None:
    try:
        await rename_database(server.admin_dsn(ADMIN), database, old)
    except asyncpg.ObjectInUseError as error:
        raise Problem(
            "database_in_use",
            "A service is still connected to the database.",
            kind=Kind.CONFLICT,
            remedy="Stop the services, then restore again.",
        ) from error
    await rename_database(server.admin_dsn(ADMIN), beside, database)
    await drop_database(server.admin_dsn(ADMIN), old)


async def _program(server: EmbeddedPostgres, name: str, *arguments: str, into: Path | None = None) -> None:
    output = asyncio.subprocess.DEVNULL if into is None else into.open("wb")
    try:
        child = await asyncio.create_subprocess_exec(
            str(server.account.installation / "bin" / name),
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=asyncio.subprocess.PIPE,
            env=server.account.environment,
        )
        _, complaint = await child.communicate()
    finally:
        if not isinstance(output, int):
            output.close()
    if child.returncode != 0:
        raise Problem(
            "backup_unusable",
            f"{name} did not succeed.",
            kind=Kind.UNAVAILABLE,
            remedy="Check that the file is a whole backup and that the disk has room.",
            detail=complaint.decode(errors="replace")[-2000:],
        )

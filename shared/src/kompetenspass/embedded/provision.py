"""Roles, schemas and logs in one database: each service writes its own schema and log, and only reads another's log."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import asyncpg

from kompetenspass.log.partitions import install

SERVICES = ("catalog", "issuance", "registry", "verification", "wallet")
READER = "log_reader"
_LOCK = 0x6B6F6D70  # one provisioner at a time: roles belong to the whole server


async def provision(admin_dsn: str, services: Iterable[str] = SERVICES) -> None:
    """Make the roles, the schemas and the logs of `services` in the database of `admin_dsn`; repeatable.

    A role `{svc}` owns the schema `{svc}`, which is its search path; `{svc}_log_owner` owns `{svc}_log`;
    `log_reader` reads every log.
    """
    services = tuple(services)
    async with connected(admin_dsn) as admin:
        await admin.execute("SELECT pg_advisory_lock($1)", _LOCK)
        await _role(admin, READER, login=True)
        for service in services:
            await _service(admin, service)
            await install(admin, service)
        await grant_on_database(admin, services)


async def grant_on_database(admin: asyncpg.Connection, services: Iterable[str] = SERVICES) -> None:
    """Let the services connect and make schemas in the current database: a clone does not inherit these grants."""
    database = _quoted(await admin.fetchval("SELECT current_database()"))
    await admin.execute(f"REVOKE ALL ON DATABASE {database} FROM PUBLIC")
    await admin.execute(f"GRANT CONNECT ON DATABASE {database} TO {_quoted(READER)}")
    for service in services:
        await admin.execute(f"GRANT CONNECT, CREATE, TEMPORARY ON DATABASE {database} TO {_quoted(service)}")


async def ensure_database(server_dsn: str, name: str) -> None:
    """Make the database `name` on the server of `server_dsn`, unless it is there."""
    async with connected(server_dsn) as admin:
        if not await admin.fetchval("SELECT true FROM pg_database WHERE datname = $1", name):
            await admin.execute(f"CREATE DATABASE {_quoted(name)}")


async def drop_database(server_dsn: str, name: str) -> None:
    """Drop the database `name`, if it is there, together with the connections to it."""
    async with connected(server_dsn) as admin:
        await admin.execute(f"DROP DATABASE IF EXISTS {_quoted(name)} WITH (FORCE)")


async def rename_database(server_dsn: str, name: str, new_name: str) -> None:
    """Rename a database to which nobody is connected. Raises ObjectInUseError."""
    async with connected(server_dsn) as admin:
        await admin.execute(f"ALTER DATABASE {_quoted(name)} RENAME TO {_quoted(new_name)}")


async def clone_database(server_dsn: str, template: str, name: str) -> None:
    """Make the database `name` as a copy of `template`, to which nobody may be connected."""
    async with connected(server_dsn) as admin:
        await admin.execute(f"CREATE DATABASE {_quoted(name)} TEMPLATE {_quoted(template)}")


@asynccontextmanager
async def connected(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """Return an open connection for the length of a block."""
    connection = await asyncpg.connect(dsn)
    try:
        yield connection
    finally:
        await connection.close()


async def _service(admin: asyncpg.Connection, service: str) -> None:
    name = _quoted(service)
    await _role(admin, service, login=True)
    await _role(admin, f"{service}_log_owner", login=False)
    await admin.execute(f"CREATE SCHEMA IF NOT EXISTS {name} AUTHORIZATION {name}")
    await admin.execute(f"ALTER ROLE {name} SET search_path = {name}")


async def _role(admin: asyncpg.Connection, name: str, *, login: bool) -> None:
    if not await admin.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", name):
        await admin.execute(f"CREATE ROLE {_quoted(name)} {'LOGIN' if login else 'NOLOGIN'}")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'

"""Roles, schemas and grants of a fresh database."""

from __future__ import annotations

import asyncpg
import pytest

from kompetenspass.embedded.provision import SERVICES, connected, provision
from kompetenspass.testing.postgres import Database


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_makes_tables_in_its_own_schema_without_naming_it(database: Database, service: str) -> None:
    async with connected(database.dsn(service)) as connection:
        await connection.execute("CREATE TABLE things (id int)")
        assert await connection.fetchval("SELECT schemaname FROM pg_tables WHERE tablename = 'things'") == service


async def test_a_service_may_make_a_schema_for_a_generation_of_a_projection(database: Database) -> None:
    async with connected(database.dsn("wallet")) as connection:
        await connection.execute("CREATE SCHEMA wallet_timeline_g1")
        owner = "SELECT nspowner::regrole::text FROM pg_namespace WHERE nspname = 'wallet_timeline_g1'"
        assert await connection.fetchval(owner) == "wallet"


async def test_a_service_does_not_see_into_another_services_schema(database: Database) -> None:
    async with connected(database.dsn("wallet")) as connection:
        await connection.execute("CREATE TABLE secrets (id int)")
    async with connected(database.dsn("catalog")) as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.fetch("SELECT * FROM wallet.secrets")


async def test_a_service_cannot_write_to_a_log_but_by_its_function(database: Database) -> None:
    async with connected(database.dsn("issuance")) as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("DELETE FROM issuance_log.log")


async def provisioned(database: Database) -> list[tuple[object, ...]]:
    """Return every schema, table and function of the services with its owner and rights, and a log's epoch."""
    of_services = "~ '^(catalog|issuance|registry|verification|wallet)'"
    query = f"""
        SELECT 'schema', nspname::text, nspowner::regrole::text, nspacl::text
        FROM pg_namespace WHERE nspname {of_services}
        UNION ALL SELECT 'table', oid::regclass::text, relowner::regrole::text, relacl::text
        FROM pg_class WHERE relnamespace::regnamespace::text {of_services}
        UNION ALL SELECT 'function', oid::regprocedure::text, proowner::regrole::text, proacl::text
        FROM pg_proc WHERE pronamespace::regnamespace::text {of_services}
        UNION ALL SELECT 'epoch', 'issuance', epoch::text, base::text FROM issuance_log.log_head
        ORDER BY 1, 2"""
    async with connected(database.admin_dsn) as connection:
        return [tuple(row) for row in await connection.fetch(query)]


async def test_provisioning_twice_changes_nothing(database: Database) -> None:
    before = await provisioned(database)
    await provision(database.admin_dsn)
    assert await provisioned(database) == before
    assert {kind for kind, *_ in before} == {"schema", "table", "function", "epoch"}


async def test_each_test_has_a_database_of_its_own(database: Database) -> None:
    async with connected(database.admin_dsn) as connection:
        assert not await connection.fetch("SELECT 1 FROM pg_tables WHERE tablename IN ('things', 'secrets')")

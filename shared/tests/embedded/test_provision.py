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


async def test_provisioning_twice_changes_nothing(database: Database) -> None:
    await provision(database.admin_dsn)
    await provision(database.admin_dsn)


async def test_each_test_has_a_database_of_its_own(database: Database) -> None:
    async with connected(database.admin_dsn) as connection:
        assert not await connection.fetch("SELECT 1 FROM pg_tables WHERE tablename IN ('things', 'secrets')")

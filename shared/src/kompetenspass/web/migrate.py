"""Bring a service's durable tables up to date: its Alembic history, one process at a time."""

from __future__ import annotations

import importlib
from pathlib import Path

import asyncpg
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from kompetenspass.log.bare import ANSWER_SECONDS

_LOCK = "select pg_advisory_xact_lock(hashtextextended(:name, 0))"
_CONNECT_SECONDS = 10.0
_ENVIRONMENT = Path(__file__).parent / "alembic_env"


def engine_of(
    dsn: str, schema: str, *, pool_size: int = 15, answer_seconds: float | None = ANSWER_SECONDS
) -> AsyncEngine:
    """Return an engine that has connected to nothing yet; unqualified names mean tables of `schema`.

    A statement that is not answered in `answer_seconds` raises TimeoutError; and the server ends a transaction that
    does nothing for as long: whoever began it is gone, and what it has locked is waited for.
    """

    async def connect() -> asyncpg.Connection:
        settings = {"search_path": schema, "application_name": schema, "timezone": "UTC"}
        settings["idle_in_transaction_session_timeout"] = f"{answer_seconds or 0:.0f}s"  # 0: never
        try:
            return await asyncpg.connect(
                dsn, server_settings=settings, command_timeout=answer_seconds, timeout=_CONNECT_SECONDS
            )
        except OSError as error:  # nobody listens there, which is for the caller as if it were still starting
            raise asyncpg.CannotConnectNowError(type(error).__name__) from error

    return create_async_engine(
        "postgresql+asyncpg://", async_creator=connect, pool_size=pool_size, max_overflow=5, hide_parameters=True
    )


async def upgrade(dsn: str, package: str) -> None:
    """Run what is missing of the history in `package` (`services.<x>.migrations`), in the schema named after <x>.

    One transaction under an advisory lock: all of it or nothing, and never by two processes at once.
    """
    schema = package.split(".")[-2]
    engine = engine_of(dsn, schema, pool_size=1, answer_seconds=None)  # a large table takes as long as it takes
    try:
        async with engine.begin() as connection:
            await connection.execute(text(_LOCK), {"name": package})
            await connection.run_sync(_upgrade, package, schema)
    finally:
        await engine.dispose()


def _upgrade(connection: Connection, package: str, schema: str) -> None:
    folder = Path(next(iter(importlib.import_module(package).__path__)))
    config = Config()
    config.set_main_option("script_location", _escaped(_ENVIRONMENT))
    config.set_main_option("version_locations", _escaped(folder))
    config.set_main_option("path_separator", "newline")
    config.attributes["connection"] = connection
    config.attributes["schema"] = schema
    command.upgrade(config, "head")


def _escaped(path: Path) -> str:
    return str(path).replace("%", "%%")

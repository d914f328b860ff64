"""PostgreSQL for the laptop: a server that is already there, or one of its own; in it each service's role and log."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

from pydantic_settings import BaseSettings, SettingsConfigDict

from kompetenspass.embedded.postgres import EmbeddedPostgres
from kompetenspass.embedded.provision import provision
from services.laptop.five import DSN


class _Given(BaseSettings):
    """The server that is already there, if any: `POSTGRES_ADMIN_DSN`, of a role that may make roles."""

    model_config = SettingsConfigDict(frozen=True, env_ignore_empty=True, env_prefix="POSTGRES_")

    admin_dsn: str | None = None


async def database(folder: Path, stack: AsyncExitStack) -> DSN:
    """Return the address of the database for a role; a server of its own, in `folder`, lasts as long as `stack`.

    A server that is there has to let those roles in without a password in the address: on a closed network, or by
    `passfile=…` in the query. Raises Problem where its own cannot be started.
    """
    given = _Given().admin_dsn
    if given is not None:
        await provision(given)
        return lambda role: as_role(given, role)
    postgres = EmbeddedPostgres(folder)
    stack.push_async_callback(postgres.stop)
    await postgres.start()
    await provision(postgres.admin_dsn())
    return postgres.dsn


def as_role(dsn: str, role: str) -> str:
    """Return the address `postgresql://…` for another role: without the password, which was the first one's."""
    parts = urlsplit(dsn)
    return urlunsplit(parts._replace(netloc=f"{quote(role, safe='')}@{parts.netloc.rpartition('@')[2]}"))

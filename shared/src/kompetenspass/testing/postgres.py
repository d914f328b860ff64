"""A PostgreSQL server for one test run, and a fresh database with all roles and logs for each test."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from kompetenspass.embedded.postgres import ADMIN, EmbeddedPostgres
from kompetenspass.embedded.provision import (
    clone_database,
    connected,
    drop_database,
    ensure_database,
    grant_on_database,
    provision,
)

T = TypeVar("T")

_TEMPLATE = "template_services"
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Database:
    """One test's own database: the administrator's address, and that of each role."""

    admin_dsn: str
    dsn: Callable[[str], str]


@contextmanager
def cluster_in(folder: Path) -> Iterator[EmbeddedPostgres]:
    """Run a server without fsync in `folder`, with the template that each test's database is a copy of."""
    cluster = EmbeddedPostgres(folder, fsync=False)
    try:
        _run(lambda: _with_template(cluster))
        yield cluster
    finally:
        _run(cluster.stop)


@contextmanager
def database_of(cluster: EmbeddedPostgres) -> Iterator[Database]:
    """Make a database with the roles and logs of all services, and drop it afterwards with its connections."""
    name = f"test_{next(_numbers)}"
    _run(lambda: _clone(cluster, name))
    try:
        yield Database(cluster.admin_dsn(name), lambda role: cluster.dsn(role, name))
    finally:
        _run(lambda: drop_database(cluster.admin_dsn(ADMIN), name))


async def _with_template(cluster: EmbeddedPostgres) -> None:
    await cluster.start()
    await ensure_database(cluster.admin_dsn(ADMIN), _TEMPLATE)
    await provision(cluster.admin_dsn(_TEMPLATE))


async def _clone(cluster: EmbeddedPostgres, name: str) -> None:
    await clone_database(cluster.admin_dsn(ADMIN), _TEMPLATE, name)
    async with connected(cluster.admin_dsn(name)) as admin:
        await grant_on_database(admin)


def _run(action: Callable[[], Coroutine[object, object, T]]) -> T:
    """Run a coroutine in a thread and loop of its own, so that sync and async tests may both ask for a database."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(action())).result()

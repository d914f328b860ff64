"""One tick of the registry's timer over many lists that have all changed since the last one."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from time import perf_counter, process_time

import asyncpg

from bench.registry import BASE, ISSUANCE, database
from bench.report import Condition, Figure, Report
from kompetenspass.core.clock import system_clock
from kompetenspass.embedded.postgres import DATABASE, EmbeddedPostgres
from kompetenspass.embedded.provision import connected
from kompetenspass.testing.keys import TestSigner
from kompetenspass.web.cli import runtime_of
from kompetenspass.web.runtime import Runtime
from services.registry.app import create_app
from services.registry.queries import Queries
from services.registry.service.publishing import Publisher
from services.registry.settings import Settings
from services.registry.state import State

LISTS = 96
"""So many lists of 2^20 entries hold a hundred million credentials."""

SHARE = 0.01
_TABLES = "registry_status_g1"
_OPEN = """INSERT INTO status_lists (uri, list_id, issuer_org, size, bits, ttl_seconds)
    SELECT $1 || '/status/' || id, id, 'org:bench', $2, 1, 300
    FROM (SELECT gen_random_uuid() AS id FROM generate_series(1, $3)) AS ids"""
_FILL = """INSERT INTO copies (status_uri, index, digest, credential_id, value, changed)
    SELECT uri, place, '', list_id, 1, pg_current_xact_id()::text::bigint FROM
    (SELECT DISTINCT uri, list_id, floor(random() * size)::int AS place FROM status_lists, generate_series(1, $1)) AS d
    ORDER BY uri, place"""
_FLIP = """UPDATE copies SET value = 0, changed = pg_current_xact_id()::text::bigint
    FROM (SELECT status_uri, min(index) AS place FROM copies WHERE value = 1 GROUP BY status_uri) AS first
    WHERE copies.status_uri = first.status_uri AND index = place"""
_MARK = """INSERT INTO list_changes (status_uri, change) SELECT uri, pg_current_xact_id()::text FROM status_lists
    ON CONFLICT (status_uri) DO UPDATE SET change = excluded.change"""


async def measure(report: Report, rounds: int, entries: int) -> None:
    """Add what a tick costs: the first one, from all the rows, and those that find one flip in each list."""
    lists = LISTS if entries >= 2**16 else 3
    async with (
        database() as cluster,
        _prepared(cluster) as runtime,
        connected(cluster.admin_dsn(DATABASE)) as admin,
    ):
        await _fill(admin, entries, lists)
        signer, state = TestSigner(), State(runtime.engine)
        publisher = Publisher(
            Queries(runtime.engine), state, signer=lambda: signer, clock=system_clock, lifetime=timedelta(days=1)
        )
        first = await _tick(publisher)
        ticks, changed = [], 0
        for _ in range(rounds):
            before = {list_id: mark.content for list_id, mark in (await state.marks()).items()}
            await _flip(admin)
            ticks.append(await _tick(publisher))
            after = await state.marks()
            changed += sum(after[list_id].content != content for list_id, content in before.items())
    _report(report, lists, first, ticks, changed)


def _report(
    report: Report, lists: int, first: tuple[float, float], ticks: list[tuple[float, float]], changed: int
) -> None:
    name = f"tick, {lists} lists changed"
    report.figures += [
        Figure(f"{name}: processor time", "ms", [spent for spent, _ in ticks]),
        Figure(f"{name}: a list", "ms", [spent / lists for spent, _ in ticks]),
        Figure(f"{name}: until all are stored", "ms", [took for _, took in ticks]),
        Figure(f"first tick, {lists} lists from their rows", "ms CPU", [first[0]]),
    ]
    wanted = lists * len(ticks)
    report.conditions.append(Condition(f"{name}: each is published anew", changed == wanted, f"{changed} of {wanted}"))


async def _tick(publisher: Publisher) -> tuple[float, float]:
    spent, began = process_time(), perf_counter()
    await publisher.publish_changed()
    return (process_time() - spent) * 1000, (perf_counter() - began) * 1000


@asynccontextmanager
async def _prepared(cluster: EmbeddedPostgres) -> AsyncIterator[Runtime]:
    """Return a registry that only answers requests: its tables are there, its timers and readers do not run."""
    with tempfile.TemporaryDirectory() as folder:
        signer = TestSigner()
        Path(folder, "trust-anchors.pem").write_text(signer.anchor.root_pem)  # noqa: ASYNC240  a small file, once
        settings = Settings(
            base_url=BASE, issuer_base_url=ISSUANCE, database_dsn=cluster.dsn("registry"),
            feed_dsns={"issuance": cluster.dsn("log_reader")}, state_dir=Path(folder), only="api",
        )  # fmt: skip
        app = create_app(settings, signer=signer)
        async with app.router.lifespan_context(app):
            yield runtime_of(app)


async def _fill(admin: asyncpg.Connection, entries: int, lists: int) -> None:
    await admin.execute(f"SET search_path = {_TABLES}")
    await admin.execute(_OPEN, BASE, entries, lists)
    await admin.execute(_FILL, round(entries * SHARE))
    await admin.execute(_MARK)
    await admin.execute("ANALYZE copies")


async def _flip(admin: asyncpg.Connection) -> None:
    async with admin.transaction():
        await admin.execute(_FLIP)
        await admin.execute(_MARK)

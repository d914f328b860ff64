"""From a flipped bit to new signed bytes that are served: one tick of the registry's timer over many changed lists.

The rows are read, the lists encoded, signed and stored, and each is asked for; beside it, in the same rounds, what one
list costs in memory alone. Of the processor: this process, which is the registry; what PostgreSQL takes is a figure.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import asyncpg
from fastapi import FastAPI

from bench.measure import microseconds
from bench.of_statuslist.lists import PARTS, ZLIB
from bench.of_statuslist.registry import BASE, ISSUANCE, caller, database
from bench.processes import family_seconds
from bench.report import Condition, Figure, Goal, Report, Series
from kompetenspass.core.clock import system_clock
from kompetenspass.embedded.postgres import DATABASE, EmbeddedPostgres
from kompetenspass.embedded.provision import connected
from kompetenspass.openid import status
from kompetenspass.testing.keys import TestSigner
from kompetenspass.web.cli import runtime_of
from services.registry.app import create_app
from services.registry.queries import Queries
from services.registry.service.publishing import Publisher
from services.registry.settings import Settings
from services.registry.state import State

LISTS = 96
"""So many lists of 2^20 entries hold a hundred million credentials."""

SHARE = 0.01
SERVED = "flip to new signed bytes served"
_SIGNINGS = 10  # of each way in each round
_KEPT_SECONDS = 0.3  # a list may be served from memory for a quarter of a second
_HEADERS = {"accept": status.MEDIA_TYPE, "accept-encoding": "gzip"}
_TABLES = "registry_status_g1"
_OPEN = """INSERT INTO status_lists (uri, list_id, issuer_org, size, bits, ttl_seconds)
    SELECT $1 || '/status/' || id, id, 'org:bench', $2, 1, 300
    FROM (SELECT gen_random_uuid() AS id FROM generate_series(1, $3)) AS ids"""
_FILL = """INSERT INTO copies (status_uri, index, digest, credential_id, position, value, changed)
    SELECT uri, place, '', list_id, 1, 1, pg_current_xact_id()::text::bigint FROM
    (SELECT DISTINCT uri, list_id, floor(random() * size)::int AS place FROM status_lists, generate_series(1, $1)) AS d
    ORDER BY uri, place"""
_FLIP = """UPDATE copies SET value = 0, changed = pg_current_xact_id()::text::bigint
    FROM (SELECT status_uri, min(index) AS place FROM copies WHERE value = 1 GROUP BY status_uri) AS first
    WHERE copies.status_uri = first.status_uri AND index = place"""
_MARK = """INSERT INTO list_changes (status_uri, change) SELECT uri, pg_current_xact_id()::text FROM status_lists
    ON CONFLICT (status_uri) DO UPDATE SET change = excluded.change"""


async def measure(report: Report, rounds: int, entries: int, ways: Mapping[str, Callable[[], object]]) -> None:
    """Add what a tick costs: the first one, from all the rows, and those that find one flip in each list.

    `ways` are from a flipped bit to signed bytes in memory; they are measured in each round.
    """
    lists = LISTS if entries >= 2**16 else 3
    async with (
        database() as cluster,
        _prepared(cluster) as app,
        connected(cluster.admin_dsn(DATABASE)) as admin,
    ):
        await _fill(admin, entries, lists)
        signer, state = TestSigner(), State(runtime_of(app).engine)
        publisher = Publisher(
            Queries(runtime_of(app).engine), state, signer=lambda: signer, clock=system_clock,
            lifetime=timedelta(days=1),
        )  # fmt: skip
        rig = Rig(cluster, admin, publisher, ways)
        began = process_time()
        await publisher.publish_changed()
        report.figures.append(
            Figure(f"first tick, {lists} lists from their rows", "ms CPU", [(process_time() - began) * 1000])
        )
        rig.asked = [caller(app, f"/status/{list_id}", _HEADERS) for list_id in await state.marks()]
        await rig.round()
        rig.forget()  # the first one warmed up
        for _ in range(rounds):
            await rig.round()
    report.figures += rig.series.figures()
    report.goals += goals(rig.series)
    report.conditions.append(anew(rig.anew, lists * rounds))


def goals(series: Series) -> list[Goal]:
    """Return what is asked of a list that has changed, in the rounds that its parts were measured in."""
    ours = series.figure(SERVED)
    return [
        Goal(ours.per(series.figure(PARTS), f"{SERVED}, of its parts"), "at most", 1.6),
        Goal(series.figure(ZLIB).per(ours, f"{SERVED}, quicker than zlib-9"), "at least", 25),
    ]


def anew(count: int, wanted: int) -> Condition:
    """Return whether each changed list was served with other bytes after its tick."""
    return Condition("each changed list is served anew after its tick", count == wanted, f"{count} of {wanted}")


@dataclass
class Rig:
    """A registry with many lists. `asked` are requests for each of them, `anew` how many answers were other bytes."""

    cluster: EmbeddedPostgres
    admin: asyncpg.Connection
    publisher: Publisher
    ways: Mapping[str, Callable[[], object]]
    asked: Sequence[Callable[[], Awaitable[Mapping[str, Any]]]] = ()
    series: Series = field(default_factory=Series)
    anew: int = 0
    _etags: Sequence[bytes] = ()

    async def round(self) -> None:
        """Flip one bit of each list, let the timer tick, and ask for each list; then the ways in memory."""
        await _flip(self.admin)
        lists = len(self.asked)
        assert self.cluster.pid is not None
        began, used, there = perf_counter(), process_time(), family_seconds(self.cluster.pid)
        await self.publisher.publish_changed()
        tick, there = process_time() - used, family_seconds(self.cluster.pid) - there
        self.series.add(f"tick, {lists} lists changed: until all are stored", "ms", (perf_counter() - began) * 1000)
        await asyncio.sleep(_KEPT_SECONDS)
        used = process_time()
        etags = [await _etag(ask) for ask in self.asked]
        served = process_time() - used
        self.anew += sum(new != old for new, old in zip(etags, self._etags, strict=False))
        self._etags = etags
        self.series.add(SERVED, "ms", (tick + served) / lists * 1000)
        for name, seconds in (("the tick", tick), ("the answer", served), ("PostgreSQL, beside it", there)):
            self.series.add(f"- {name}", "ms", seconds / lists * 1000)
        for name, way in self.ways.items():
            self.series.add(name, "ms", microseconds(way, _SIGNINGS) / 1000)

    def forget(self) -> None:
        """Forget the rounds so far, but for what was served."""
        self.series.clear()
        self.anew = 0


async def _etag(ask: Callable[[], Awaitable[Mapping[str, Any]]]) -> bytes:
    """Return the name of the bytes that are served. Raises KeyError unless they are."""
    return bytes(dict((await ask())["headers"])[b"etag"])


@asynccontextmanager
async def _prepared(cluster: EmbeddedPostgres) -> AsyncIterator[FastAPI]:
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
            yield app


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

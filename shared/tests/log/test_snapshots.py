"""Snapshots in PostgreSQL: a fold begins at one, makes one after a long way, and never depends on one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from functools import reduce

import asyncpg
import pytest

from kompetenspass.core.errors import Problem
from kompetenspass.events.base import Event
from kompetenspass.events.envelope import SYSTEM, Context
from kompetenspass.events.wallet import CredentialReceived
from kompetenspass.log.api import Append
from kompetenspass.log.conformance import draft
from kompetenspass.log.execute import execute, fold, snapshot
from kompetenspass.log.postgres import PostgresLog
from kompetenspass.log.snapshots import Aggregate, Snapshot, Snapshots
from kompetenspass.testing.clock import NOON
from kompetenspass.testing.postgres import Database

AFTER = 10


@dataclass(frozen=True)
class Held:
    """What an account holds."""

    digests: tuple[str, ...] = ()
    odd: object = None


def evolve(state: Held, event: Event) -> Held:
    assert isinstance(event, CredentialReceived)
    return replace(state, digests=(*state.digests, event.digest))


def oddly(state: Held, event: Event) -> Held:
    """Fold to a state that JSON cannot hold."""
    return replace(evolve(state, event), odd=complex(1))


KNOWN = Aggregate("s", Held(), evolve)


@dataclass
class Site:
    """A log that keeps snapshots, and its tables."""

    log: PostgresLog
    admin: asyncpg.Connection
    read: list[int] = field(default_factory=list)

    async def append(self, stream: str, count: int, at: int = 0) -> None:
        await self.log.append(Append(stream, at, [draft(digest=f"{at + n}") for n in range(count)]))

    async def kept(self) -> list[tuple[object, ...]]:
        query = "SELECT stream, state_type, version, position FROM wallet_log.log_snapshot ORDER BY 1"
        return [tuple(row) for row in await self.admin.fetch(query)]

    async def truth(self, stream: str) -> tuple[Held, int]:
        rows = await self.log.read_stream(stream)
        return reduce(evolve, (row.event for row in rows), Held()), len(rows)


@pytest.fixture
async def site(database: Database) -> AsyncIterator[Site]:
    log = PostgresLog("wallet", database.dsn("wallet"), snapshots=Snapshots([KNOWN], AFTER))
    await log.start()
    admin = await asyncpg.connect(database.admin_dsn)
    yield Site(log, admin)
    await admin.close()
    await log.stop()


async def test_a_short_stream_has_none(site: Site) -> None:
    await site.append("s", AFTER - 1)
    assert await fold(site.log, "s", Held(), evolve) == await site.truth("s")
    assert await site.kept() == []


async def test_a_long_stream_is_folded_from_its_snapshot_on(site: Site) -> None:
    await site.append("other", 3)
    await site.append("s", AFTER)
    for more in range(AFTER + 2):
        assert await fold(site.log, "s", Held(), evolve) == await site.truth("s")
        standing = await site.log.read_on("s", KNOWN.kind)
        assert len(standing.rows) == more % AFTER
        assert standing.snapshot is not None
        assert standing.snapshot.version == AFTER * (1 + more // AFTER)
        await site.append("s", 1, AFTER + more)
    assert await site.kept() == [("s", KNOWN.kind, 2 * AFTER, 3 + 2 * AFTER)]


async def test_a_command_decides_on_what_follows_the_snapshot_too(site: Site) -> None:
    await site.append("s", AFTER)
    await fold(site.log, "s", Held(), evolve)
    await site.append("s", 2, AFTER)
    seen: list[Held] = []

    def decide(state: Held) -> list[Event]:
        seen.append(state)
        return [draft_event()]

    done = await execute(
        site.log, "s", initial=Held(), evolve=evolve, decide=decide, context=Context(SYSTEM, NOON, "test")
    )
    assert [len(state.digests) for state in seen] == [AFTER + 2]
    assert (done.state, AFTER + 3) == await site.truth("s")


def draft_event() -> CredentialReceived:
    return CredentialReceived.model_validate({**_PAYLOAD, "digest": "new"})


_PAYLOAD = {"account_id": "00000000-0000-0000-0000-000000000001", "issuer": "https://issuer.test"}


@pytest.mark.parametrize(
    "spoilt",
    ["state_type = 'Held of other code'", "state = '{\"digests\": 1}'", "state = 'nothing'", "version = 1000"],
)
async def test_a_snapshot_of_other_code_or_none_at_all_is_passed_over(site: Site, spoilt: str) -> None:
    await site.append("s", AFTER)
    await fold(site.log, "s", Held(), evolve)
    await site.append("s", 2, AFTER)
    await site.admin.execute(f"UPDATE wallet_log.log_snapshot SET {spoilt}")
    assert await fold(site.log, "s", Held(), evolve) == await site.truth("s")


async def test_a_newer_snapshot_stays(site: Site) -> None:
    await site.log.keep_snapshot("s", KNOWN.kind, Snapshot(9, "{}"), 9)
    await site.log.keep_snapshot("s", KNOWN.kind, Snapshot(8, "{}"), 8)
    assert await site.kept() == [("s", KNOWN.kind, 9, 9)]


async def test_a_state_that_cannot_be_written_is_never_kept(site: Site) -> None:
    site.log.snapshots = Snapshots([Aggregate("s", Held(), oddly)], AFTER)
    await site.append("s", 2 * AFTER)
    for _ in range(2):
        assert (await fold(site.log, "s", Held(), oddly))[1] == 2 * AFTER
    assert not await snapshot(site.log, "s")
    assert await site.kept() == []


async def test_a_snapshot_is_made_when_asked_for(site: Site) -> None:
    await site.append("s", 2)
    await site.append("unknown", 2)
    assert [await snapshot(site.log, name) for name in ("s", "unknown", "none")] == [True, False, False]
    assert [row[0] for row in await site.kept()] == ["s"]


async def test_a_stream_whose_beginning_is_gone_is_folded_from_its_snapshot(site: Site) -> None:
    await site.append("s", AFTER)
    await fold(site.log, "s", Held(), evolve)
    truth = await site.truth("s")
    await site.admin.execute("ALTER TABLE wallet_log.log DETACH PARTITION wallet_log.log_p1")
    await site.admin.execute("UPDATE wallet_log.log_head SET base = 10")
    assert await fold(site.log, "s", Held(), evolve) == truth
    with pytest.raises(Problem, match="log_no_longer_kept"):
        await site.log.read_stream("s")
    await site.admin.execute("UPDATE wallet_log.log_snapshot SET state_type = 'other'")
    with pytest.raises(Problem, match="log_no_longer_kept"):
        await fold(site.log, "s", Held(), evolve)

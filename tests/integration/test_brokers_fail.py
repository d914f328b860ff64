"""Three nodes of Kafka under all five services: the one that leads is killed and another frozen while wallets fetch."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from kompetenspass.embedded.kafka.broker import EmbeddedKafka
from kompetenspass.events.issuance import CredentialIssued
from kompetenspass.log.kafka.topics import topic_of
from kompetenspass.testing.kafka.clients import at, leader_of
from kompetenspass.testing.kafka.records import kept, records_of, said_in
from kompetenspass.testing.postgres import Database
from kompetenspass.web.migrate import engine_of
from services.laptop.broker import PARTITIONS
from services.laptop.five import FOLLOWS
from tests.integration import stacking_checks as checks
from tests.integration.agreeing import PROJECTIONS, engine_on, in_order, read, rows_of
from tests.integration.flows import Partner, Released
from tests.integration.kinds import BROKER
from tests.integration.parties import opened
from tests.integration.platform_process import Platform
from tests.integration.told import Logs

pytestmark = pytest.mark.long

WALLETS, FLOWS = 4, 10
"""How many fetch at once; and how many flows make a while."""
A_WHILE_SECONDS = 300.0
"""A relay gives a page that was cut off a minute; until it goes on, facts may be too old for any flow."""
SEED = 20261122


@pytest.fixture
async def platform(
    tmp_path: Path, three_nodes: EmbeddedKafka, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Platform]:
    """Five services and five relays, each a process; every record is on all three nodes, and two confirm it."""
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", three_nodes.bootstrap)
    monkeypatch.setenv("KAFKA_REPLICATION", "3")
    folder = tmp_path / "platform"
    folder.mkdir()
    running = Platform(folder, BROKER)
    await running.start()
    yield running
    assert running.stop() == 0


@dataclass
class Loop:
    """Wallets that fetch one credential after the other."""

    partner: Partner
    released: Released = field(default_factory=Released)
    told_to_wait: int = 0

    @property
    def ended(self) -> int:
        """How many flows have come to their end."""
        return len(self.released.digests)

    async def play(self) -> None:
        """Play flows until cancelled. Who is told that facts are too old begins anew when told (broker-down.md)."""
        while True:
            try:
                await self.partner.flow(self.released)
            except httpx2.HTTPStatusError as refused:
                answer, said = refused.response, refused.response.json()
                if answer.status_code != 503 or "facts_stale" not in (said.get("code"), said.get("error")):
                    raise
                self.told_to_wait += 1
                await asyncio.sleep(float(answer.headers["Retry-After"]))

    async def a_while(self) -> None:
        """Return once some more flows have come to their end."""
        wanted = self.ended + FLOWS

        await self._until(lambda: self.ended >= wanted)

    async def a_while_without_kafka(self) -> None:
        """Return once some more have, or once facts are too old; none comes through before they are."""
        ended, told = self.ended, self.told_to_wait

        await self._until(lambda: self.ended >= ended + FLOWS or self.told_to_wait > told)
        assert self.ended > ended

    async def _until(self, over: Callable[[], bool]) -> None:
        async with asyncio.timeout(A_WHILE_SECONDS):
            while not over():  # noqa: ASYNC110  the flows of other tasks
                await asyncio.sleep(0.1)


@asynccontextmanager
async def looping(platform: Platform) -> AsyncIterator[Loop]:
    """Let wallets fetch for the length of a block; a flow that was refused ends it."""
    async with httpx2.AsyncClient(timeout=60) as http, asyncio.TaskGroup() as group:
        loop = Loop(Partner(platform.urls, platform.tokens, http))
        wallets = [group.create_task(loop.play()) for _ in range(WALLETS)]
        yield loop
        for wallet in wallets:
            wallet.cancel()


async def head(platform: Platform, owner: str) -> int:
    """Return the position of the newest event of a log."""
    ((position,),) = await platform.rows(owner, f"SELECT coalesce(max(position), 0) FROM {owner}_log.log")
    return int(str(position))


async def wallet_reaches(platform: Platform, position: int) -> None:
    """Return once the wallet service has read as far in the log of issuance."""
    with opened(platform) as parties:
        await asyncio.to_thread(parties.reached, "wallet", f"issuance={position}")


async def brokers_fail(platform: Platform, kafka: EmbeddedKafka, loop: Loop) -> None:
    """Kill the node that leads and freeze another, thaw this one, start that one; flows go on all the time."""
    await loop.a_while()
    killed = await leader_of(topic_of("issuance", "internal"), **at(kafka.bootstrap))
    frozen = killed % 3 + 1
    kafka.node(killed).kill()
    kafka.node(frozen).freeze()
    confirmed = await head(platform, "issuance")
    await loop.a_while_without_kafka()
    ((reached,),) = await platform.rows("wallet", "SELECT max(position) FROM runner_cursor WHERE log = 'issuance'")
    appended = await head(platform, "issuance")
    assert int(str(reached)) <= confirmed < appended, "one of three nodes is not enough to confirm a record"
    kafka.node(frozen).thaw()
    await wallet_reaches(platform, appended)  # two of three are
    await loop.a_while()
    await kafka.node(killed).start()
    await loop.a_while()


async def logs_at_rest(platform: Platform) -> Logs:
    """Return all logs, once each service has read all of those that it follows and nothing more is said."""
    before: dict[str, int] = {}
    while (heads := {owner: await head(platform, owner) for owner in FOLLOWS}) != before:
        before = heads
        with opened(platform) as parties:
            for service, followed in FOLLOWS.items():
                for owner in (service, *followed):
                    parties.reached(service, f"{owner}={heads[owner]}")
        async with httpx2.AsyncClient(timeout=60) as http:
            await checks.settled(platform, http)
    return {owner: await platform.log_of(owner) for owner in FOLLOWS}


async def check_issued(platform: Platform, logs: Logs, released: Released) -> None:
    """What a wallet holds is in the log, and the read table of the hosted wallet has each credential once."""
    issued = [row.event for row in logs["issuance"] if isinstance(row.event, CredentialIssued)]
    logged = {copy.digest: str(event.achievement_id) for event in issued for copy in event.copies}
    assert released.digests.items() <= logged.items()
    rows = await platform.rows("wallet", "SELECT credential_id::text FROM issues")
    assert Counter(row[0] for row in rows) == Counter(str(event.credential_id) for event in issued)


async def check_tables(platform: Platform, logs: Logs, engine: AsyncEngine) -> None:
    """Every read table of every service holds what it holds after the logs were read in order and once."""
    for service, several in PROJECTIONS.items():
        live = engine_of(platform.dsn(service), service)
        async with live.connect() as connection:
            for projection in several:
                wanted = await read(engine, f"{service}_{projection.name}", projection, logs, in_order(SEED))
                found = await rows_of(connection, service, projection.metadata)
                assert found == wanted, (service, projection.name)
        await live.dispose()


async def check_topics(kafka: EmbeddedKafka, logs: Logs) -> None:
    """Readers of the topics have all of each log, once, each stream in one partition and in its order."""
    for owner, rows in logs.items():
        parts = await records_of(topic_of(owner, "internal"), PARTITIONS, **at(kafka.bootstrap))
        found = [kept(said_in(records)) for records in parts]
        assert sorted((row for part in found for row in part), key=lambda row: row.position) == rows, owner
        streams = [stream for part in found for stream in {row.stream for row in part}]
        assert len(set(streams)) == len(streams), owner


async def test_nothing_is_lost_doubled_or_out_of_order_while_two_of_three_nodes_fail(
    platform: Platform, three_nodes: EmbeddedKafka, database: Database
) -> None:
    async with looping(platform) as loop:
        await brokers_fail(platform, three_nodes, loop)
    print(f"{loop.ended} flows to their end, {loop.told_to_wait} told to wait", flush=True)
    logs = await logs_at_rest(platform)
    await check_issued(platform, logs, loop.released)
    async with engine_on(database) as engine:
        await check_tables(platform, logs, engine)
    await check_topics(three_nodes, logs)

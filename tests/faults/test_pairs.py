"""A relay and a reader killed at once, at every pair of their steps: both go on; nothing is lost or doubled."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import product

import asyncpg
import pytest

from kompetenspass.embedded.provision import connected
from kompetenspass.log.api import Append
from kompetenspass.log.conformance import draft
from kompetenspass.log.kafka.tables import TABLES as RELAY_TABLES
from kompetenspass.log.kafka.topics import topic_of
from kompetenspass.log.postgres import PostgresLog
from kompetenspass.log.readers import Readers
from kompetenspass.testing.kafka.clients import QUICK
from kompetenspass.testing.kafka.mock import MockKafka
from kompetenspass.testing.kafka.records import kept, records_of, said_in
from kompetenspass.testing.postgres import Database
from kompetenspass.testing.waiting import PATIENCE_SECONDS, until
from kompetenspass.web.migrate import engine_of
from tests.faults.stages import (
    OWNER,
    PARTITIONS,
    READER,
    Play,
    answer_id,
    answer_stream,
    asked,
    has_passed,
    reading,
    relaying,
)
from tests.faults.trial import whole

RELAY_STEPS = ("taken", "opened", "read", "checked", "sending", "batch", "confirmed", "moved")
PROJECTION_STEPS = ("opened", "read", "before_apply", "advanced", "applied", "committed", "stamped", "released")
REACTION_STEPS = ("opened", "read", "before_apply", "reacted", "committed", "stamped", "released")
READER_STEPS = [("projection", step) for step in PROJECTION_STEPS] + [("reaction", step) for step in REACTION_STEPS]
PAIRS = list(product(RELAY_STEPS, READER_STEPS))
SEED, A_FEW = 20261121, 6
STREAMS, EVENTS = 5, 15


class Stages:
    """The process that makes processes, and what it has said of them."""

    def __init__(self, server: asyncio.subprocess.Process) -> None:
        self._server = server
        self._made: list[int] = []
        self._plays: dict[int, Play] = {}
        self._standing: set[int] = set()

    async def begin(self, play: Play) -> int:
        """Return the process id of one that plays."""
        assert self._server.stdin is not None
        self._server.stdin.write(asked(play))
        while not self._made:
            await self._listen()
        self._plays[self._made[0]] = play
        return self._made.pop()

    async def until_standing(self, pid: int) -> None:
        """Return when a process stands at its step."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while pid not in self._standing:
                    await self._listen()
        except TimeoutError:
            pytest.fail(f"it came to no stand: {self._plays[pid]}")

    async def _listen(self) -> None:
        assert self._server.stdout is not None
        said = json.loads(await self._server.stdout.readline())
        if "at" in said:
            self._standing.add(said["pid"])
        else:
            self._made.append(said["pid"])


@pytest.fixture
async def stages() -> AsyncIterator[Stages]:
    pipe = asyncio.subprocess.PIPE
    server = await asyncio.create_subprocess_exec(sys.executable, "-m", "tests.faults.stages", stdin=pipe, stdout=pipe)
    yield Stages(server)
    assert server.stdin is not None
    server.stdin.close()
    await server.wait()


@dataclass
class World:
    """A log, its topic, and a service that follows it by Kafka."""

    log: PostgresLog
    answers: PostgresLog
    admin: asyncpg.Connection
    play: Play
    stages: Stages
    versions: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))

    async def append(self) -> int:
        """Append some events and return the position of the last."""
        for number in range(EVENTS):
            stream = f"s-{number % STREAMS}"
            await self.log.append(Append(stream, self.versions[stream], [draft()]))
            self.versions[stream] += 1
        return await self.log.head()

    async def until_sent(self, position: int) -> None:
        """Return when Kafka has confirmed everything up to a position."""

        async def look() -> bool:
            return bool(await self.admin.fetchval(f"SELECT position >= {position} FROM wallet.relay_cursor"))

        await until(look)

    async def killed_at(self, relay_step: str, reader: tuple[str, str]) -> None:
        """Let a relay come to one step and a reader to another, each with work in hand; kill both."""
        read_to = await self.append()
        async with relaying(self.play):
            await self.until_sent(read_to)
        await self.append()
        role, step = reader
        relay = await self.stages.begin(replace(self.play, role="relay", step=relay_step))
        follower = await self.stages.begin(replace(self.play, role=role, step=step, past=read_to))
        for pid in (relay, follower):
            await self.stages.until_standing(pid)
        for pid in (relay, follower):
            os.kill(pid, signal.SIGKILL)

    async def gone_on(self) -> None:
        """Let others go on until all is sent and read; hold what was made of the log against the log."""
        head = await self.log.head()
        async with relaying(self.play), reading(self.play, "projection", "reaction") as readers:
            await self.until_sent(head)
            await until(lambda: has_passed(readers, head))
            await until(lambda: are_live(readers))
            assert await readers.parked.list() == []
        await self.check()

    async def check(self) -> None:
        """Hold read table, stated events and topic against the log."""
        rows, wanted, stated = (
            await whole(self.log),
            defaultdict[str, list[str]](list),
            defaultdict[str, list[object]](list),
        )
        for row in rows:
            wanted[row.stream].append(f"{row.version}")
            stated[answer_stream(row)].append(answer_id(row))
        seen = await self.admin.fetch("SELECT stream, versions FROM verification.seen")
        assert dict(seen) == {stream: " ".join(versions) for stream, versions in wanted.items()}
        for stream, ids in stated.items():
            assert [row.id for row in await self.answers.read_stream(stream)] == ids
        assert await self.answers.head() == len(rows)


async def are_live(readers: Readers) -> bool:
    return all(lag.started for lag in await readers.lags())


async def check_topic(world: World) -> None:
    """Hold what readers of the topic keep against the log."""
    topic = topic_of(OWNER, "internal")
    found = await records_of(topic, PARTITIONS, bootstrap_servers=world.play.bootstrap, **QUICK)
    rows = [row for records in found for row in kept(said_in(records))]
    assert sorted(rows, key=lambda row: row.position) == await whole(world.log)


@asynccontextmanager
async def logs(database: Database) -> AsyncIterator[tuple[PostgresLog, PostgresLog]]:
    made = PostgresLog(OWNER, database.dsn(OWNER)), PostgresLog(READER, database.dsn(READER))
    for log in made:
        await log.start()
    yield made
    for log in made:
        await log.stop()


@pytest.fixture
async def world(database: Database, stages: Stages) -> AsyncIterator[World]:
    engine = engine_of(database.dsn(OWNER), OWNER)
    async with engine.begin() as connection:
        await connection.run_sync(RELAY_TABLES.create_all)
    await engine.dispose()
    with MockKafka() as kafka:
        kafka.create_topic(topic_of(OWNER, "internal"), PARTITIONS)
        play = Play("", "", database.dsn(OWNER), database.dsn(READER), kafka.bootstrap)
        async with logs(database) as (log, answers), connected(database.admin_dsn) as admin:
            yield World(log, answers, admin, play, stages)


async def all_played(world: World, pairs: Sequence[tuple[str, tuple[str, str]]]) -> None:
    for relay_step, reader in pairs:
        await world.killed_at(relay_step, reader)
        await world.gone_on()
    await check_topic(world)


@pytest.mark.parametrize("half", [0, 1])
async def test_killed_at_a_few_pairs_of_steps_both_go_on_as_if_nothing_had_been(world: World, half: int) -> None:
    few = random.Random(SEED).sample(PAIRS, 2 * A_FEW)
    await all_played(world, few[half::2])


@pytest.mark.long
@pytest.mark.parametrize("reader", READER_STEPS, ids="-".join)
async def test_killed_at_any_pair_of_steps_both_go_on_as_if_nothing_had_been(
    world: World, reader: tuple[str, str]
) -> None:
    await all_played(world, [(step, reader) for step in RELAY_STEPS])

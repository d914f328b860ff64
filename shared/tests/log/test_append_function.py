"""The SQL function that appends: a batch ends as its requests would, handed in one by one."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from hashlib import sha256
from random import Random
from typing import Any

import asyncpg
import pytest

from kompetenspass.core.ids import random_token, uuid7
from kompetenspass.embedded.provision import connected
from kompetenspass.events.envelope import Draft
from kompetenspass.log.api import Append
from kompetenspass.log.appender import arrays
from kompetenspass.log.postgres import PostgresLog
from kompetenspass.testing.postgres import Database

BATCHED, SINGLE = "wallet", "registry"
BATCHES = 120
OUTCOMES = {"stored", "conflict", "already_stored", "id_reused"}
_STREAMS = "SELECT stream, version, id, type, data FROM {}_log.log ORDER BY stream, version"
_KEPT = "SELECT stream, version FROM {}_log.log_stream ORDER BY stream"
_DIGESTS = "SELECT id, sha256 FROM {}_log.log_id ORDER BY id"


@pytest.fixture
async def admin(database: Database) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database.admin_dsn)
    yield connection
    await connection.close()


class Writers:
    """Makes batches in which versions are mostly right, streams meet, and ids are given again."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.versions: Counter[str] = Counter()
        self.stored: list[Sequence[Draft]] = []

    def batch(self) -> list[Append]:
        rivalry, repeats = self.random.choice([(0.0, 0.0), (0.1, 0.0), (0.3, 0.2)])
        requests: dict[frozenset[Any], Append] = {}
        streams: set[str] = set()
        for _ in range(self.random.choice([1, 3, 12, 40])):
            made = self._request(repeats)
            if made.stream not in streams or self.random.random() < rivalry:
                requests.setdefault(frozenset(draft.id for draft in made.drafts), made)
                streams.add(made.stream)
        return list(requests.values())

    def _request(self, repeats: float) -> Append:
        stream = f"s-{self.random.randrange(60)}" if self.random.random() < 0.7 else random_token()
        wrong = self.random.choice([-1, 1, 7]) if self.random.random() < 0.1 else 0
        drafts: Sequence[Draft] = [_draft() for _ in range(self.random.choice([1, 1, 1, 3]))]
        if self.stored and self.random.random() < repeats:
            known = self.random.choice(self.stored)
            drafts = self.random.choice([known, [_draft(known[0])], [*drafts, known[-1]]])
        return Append(stream, max(0, self.versions[stream] + wrong), drafts)


@pytest.mark.parametrize("seed", range(3))
async def test_a_batch_ends_as_its_requests_would_one_by_one(admin: asyncpg.Connection, seed: int) -> None:
    writers, outcomes = Writers(seed), set()
    for _ in range(BATCHES):
        batch = writers.batch()
        answers = sorted(await _appended(admin, BATCHED, batch))
        alone = [(await _appended(admin, SINGLE, [request]))[0] for request in batch]
        assert [_meaning(answer) for answer in answers] == [_meaning(answer) for answer in alone]
        for request, answer in zip(batch, answers, strict=True):
            outcomes.add(answer["outcome"])
            if answer["outcome"] == "stored":
                writers.versions[request.stream] = answer["at_version"]
                writers.stored.append(request.drafts)
                assert await _stands_at(admin, answer["at_position"]) == request.drafts[-1].id
    assert outcomes == OUTCOMES
    for table in (_STREAMS, _KEPT, _DIGESTS):
        assert await admin.fetch(table.format(BATCHED)) == await admin.fetch(table.format(SINGLE))
    positions = [row[0] for row in await admin.fetch(f"SELECT position FROM {BATCHED}_log.log ORDER BY 1")]
    assert positions == list(range(1, len(positions) + 1))


def _draft(known: Draft | None = None) -> Draft:
    return Draft(known.id if known else uuid7(), "wallet.Some.v1", random_token())


def _meaning(answer: asyncpg.Record) -> tuple[object, ...]:
    """Return what does not depend on who else is in the batch."""
    return answer["outcome"], answer["at_version"], answer["reused"]


async def _appended(admin: asyncpg.Connection, owner: str, batch: Sequence[Append]) -> list[asyncpg.Record]:
    return list(await admin.fetch(f"SELECT * FROM {owner}_log.append($1, $2, $3, $4, $5, $6, $7)", *arrays(batch)))


async def _stands_at(admin: asyncpg.Connection, position: int) -> object:
    return await admin.fetchval(f"SELECT id FROM {BATCHED}_log.log WHERE position = $1", position)


async def test_a_repeat_is_known_by_its_digest_once_the_event_has_left_the_log(admin: asyncpg.Connection) -> None:
    kept, other = _draft(), _draft()
    for data in (kept, other):
        await admin.execute(
            "INSERT INTO wallet_log.log_id VALUES ($1, $2, $3)", data.id, 7, sha256(kept.data.encode()).digest()
        )
    answers = [(await _appended(admin, BATCHED, [Append("s", 0, [each])]))[0]["outcome"] for each in (kept, other)]
    assert answers == ["already_stored", "id_reused"]


async def test_a_digest_that_was_given_is_the_one_that_would_have_been_made(database: Database) -> None:
    log = PostgresLog("wallet", database.dsn("wallet"))
    await log.start()
    for size in (1, 20):
        await asyncio.gather(*(log.append(Append(random_token(), 0, [_draft()])) for _ in range(size)))
    await log.stop()
    async with connected(database.admin_dsn) as admin:
        wrong = await admin.fetchval(
            "SELECT count(*) FROM wallet_log.log_id k FULL JOIN wallet_log.log l USING (id) "
            "WHERE k.sha256 IS DISTINCT FROM sha256(convert_to(l.data, 'UTF8'))"
        )
    assert wrong == 0

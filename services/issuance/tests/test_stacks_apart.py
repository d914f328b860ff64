"""Two processes look at one learner: what was true before only does not stay said."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from kompetenspass.log.api import Answer, Append, Log, Recorded
from kompetenspass.log.project import Projection
from kompetenspass.testing.postgres import Database
from services.issuance.service.awards_cause import Cause, because_of
from services.issuance.state.schema import METADATA
from services.issuance.tests.interleaved import Issuance
from services.issuance.tests.stated import LEARNER, id_of, tabled
from services.issuance.tests.test_stacks_interleaved import ALL_EARNED, meaning, straight

PATHWAY = "inner"


@pytest.fixture
async def issuance(database: Database) -> AsyncIterator[Issuance]:
    """A learner has an award, which rests on `a` being valid."""
    async with tabled(database) as engine:
        yield await begun(engine)


async def begun(engine: AsyncEngine) -> Issuance:
    async with engine.begin() as connection:
        await connection.run_sync(METADATA.create_all)
    return await straight(engine, (ALL_EARNED, []))


class Gate:
    """A log that keeps what comes first for streams of a kind at its door."""

    def __init__(self, log: Log, kind: str) -> None:
        self.reached, self.opened = asyncio.Event(), asyncio.Event()
        self.owner, self._log, self._kind = log.owner, log, kind

    async def append(self, request: Append) -> Answer:
        if request.stream.startswith(self._kind):
            self.reached.set()
            await self.opened.wait()
        return await self._log.append(request)

    async def read_stream(self, stream: str, after_version: int = 0) -> Sequence[Recorded]:
        return await self._log.read_stream(stream, after_version)


async def happens(issuance: Issuance, step: str) -> Cause:
    """State something of a credential, which the read tables know then; return it as a cause."""
    await issuance.state(*meaning(step))
    for number, reader in enumerate(issuance.readers):
        if isinstance(reader.of, Projection):
            await issuance.turn(number, 1000, again=False)
    return because_of((await issuance.logs["registry"].read(0, 1000))[-1])


@pytest.mark.parametrize("kind", ["progress", "stack"])
async def test_what_is_said_late_is_corrected_by_who_said_it(issuance: Issuance, kind: str) -> None:
    own, before = issuance.logs["issuance"], await issuance.said(set())
    gate = Gate(own, kind)
    slow, other = issuance.stacks(gate), issuance.stacks(own)
    cause = await happens(issuance, "suspend a")
    look = asyncio.create_task(slow.reassess(LEARNER, PATHWAY, cause))
    await gate.reached.wait()
    if kind == "progress":
        head = await own.head()
        await other.reassess(LEARNER, PATHWAY, await happens(issuance, "reinstate a"))
        assert await own.head() == head, "there is nothing to say: it is as it was"
    else:
        await happens(issuance, "reinstate a")
    gate.opened.set()
    await look
    assert (await issuance.said(set()))[0][PATHWAY] == before[0][PATHWAY]
    assert (await issuance.said(set()))[1][PATHWAY] == before[1][PATHWAY]


async def test_what_is_still_so_is_not_looked_at_again(issuance: Issuance, monkeypatch: pytest.MonkeyPatch) -> None:
    read, folds = issuance.logs["issuance"].read_stream, list[str]()

    async def reading(stream: str, after_version: int = 0) -> Sequence[Recorded]:
        folds.append(stream)
        return await read(stream, after_version)

    cause = await happens(issuance, "suspend a")
    head = await issuance.logs["issuance"].head()
    monkeypatch.setattr(issuance.logs["issuance"], "read_stream", reading)
    await issuance.stacks(issuance.logs["issuance"]).status_changed(id_of("a"), cause)
    assert await issuance.logs["issuance"].head() > head
    assert folds
    assert len(folds) == len(set(folds))


async def test_a_repeated_cause_corrects_what_it_said_before(issuance: Issuance) -> None:
    """As after a crash between the append and the look after it."""
    own, before = issuance.logs["issuance"], await issuance.said(set())
    cause = await happens(issuance, "suspend a")
    await issuance.stacks(own).reassess(LEARNER, PATHWAY, cause)
    assert (await issuance.said(set()))[1][PATHWAY] != before[1][PATHWAY]
    await happens(issuance, "reinstate a")
    await issuance.stacks(own).reassess(LEARNER, PATHWAY, cause)
    assert (await issuance.said(set()))[0][PATHWAY] == before[0][PATHWAY]
    assert (await issuance.said(set()))[1][PATHWAY] == before[1][PATHWAY]

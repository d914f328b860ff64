"""Issuance's readers one page at a time: projections and reactions over parts of two logs, in any order, and again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncEngine

from kompetenspass.events.base import Event
from kompetenspass.events.envelope import SYSTEM, Context, seal
from kompetenspass.events.stacking import PathwayProgressed
from kompetenspass.log.api import Append, Log, Part, Recorded, Stored
from kompetenspass.log.beside import Beside
from kompetenspass.log.memory import MemoryLog
from kompetenspass.log.parts import part_of
from kompetenspass.log.project import Projection, Reaction
from kompetenspass.log.writing import Writing
from kompetenspass.testing.clock import FixedClock
from services.issuance import projections, reactions, tables
from services.issuance.domain.stack import INITIAL, Stack, evolve
from services.issuance.service.awards_evaluation import Evaluations
from services.issuance.service.awards_mandate import Mandate
from services.issuance.service.progress import Progresses
from services.issuance.service.stacks import Stacks
from services.issuance.state import Reassessments
from services.issuance.state.schema import reassessments
from services.issuance.tests.stated import id_of, queries_on, rows

_ALL, _ROUNDS = 100_000, 50


class Scores:
    """Every entry of every learner says 92 per cent."""

    async def knows(self, tenant: str, learner_ref: str) -> bool:
        return True

    async def readable(self, learner_ref: str, entry_ids: Sequence[UUID]) -> Mapping[UUID, Mapping[str, Any]]:
        return {entry_id: {"percent": 92} for entry_id in entry_ids}


@dataclass
class Reader:
    """One projection or reaction on a part of one log: how far it is, and where its newest page began."""

    of: Projection | Reaction
    log: str
    part: Part
    position: int = 0
    page_began: int = 0


@dataclass
class Issuance:
    """Logs, read tables and readers; nothing happens by itself."""

    engine: AsyncEngine
    parts: int = 1
    clock: FixedClock = field(default_factory=FixedClock)

    def __post_init__(self) -> None:
        self.logs = {owner: MemoryLog(owner, self.clock) for owner in ("issuance", "registry", "catalog")}
        stacks = self.stacks(self.logs["issuance"])
        follow = (reactions.credentials_change, reactions.awards_change, reactions.awards_end)
        all_: list[Projection | Reaction] = [projections.facts, projections.overview, *(one(stacks) for one in follow)]
        parts = [Part(number, self.parts) for number in range(self.parts)]
        self.readers = [Reader(one, log, part) for one in all_ for log in one.logs for part in parts]

    def stacks(self, log: Log) -> Stacks:
        """Return what looks at learners in one more process."""
        queries = queries_on(self.engine)
        evaluations = Evaluations(queries, queries, Scores(), self.clock)
        return Stacks(
            log=log, facts=queries, evaluations=evaluations, progresses=Progresses(log, queries, evaluations),
            mandate=Mandate(queries), due=Reassessments(self.engine), clock=self.clock,
        )  # fmt: skip

    async def emptied(self) -> None:
        """Begin with empty tables."""
        async with self.engine.begin() as connection:
            for metadata in (tables.FACTS, tables.OVERVIEW):
                for table in metadata.sorted_tables:
                    await connection.execute(delete(table))
            await connection.execute(delete(reassessments))

    async def state(self, *events: Event) -> None:
        """Append events to their owners' logs."""
        for event in events:
            log = self.logs[event.owner()]
            number = await log.head() + 1
            self.clock.advance(seconds=1)
            because = "another" if getattr(event, "reason_code", None) == "superseded" else None
            context = Context(SYSTEM, self.clock(), "test", causation_id=because)
            draft, stream = seal(id_of(f"said {number} {event!r}"), event, context), _stream_of(event)
            version = len(await log.read_stream(stream))
            assert isinstance(await log.append(Append(stream, version, [draft])), Stored)

    async def turn(self, number: int, length: int, *, again: bool) -> None:
        """Let one reader take a page of at most that length, or its newest page again."""
        reader = self.readers[number % len(self.readers)]
        if again:
            await self._take(reader, reader.page_began, reader.position - reader.page_began)
        else:
            reader.page_began = reader.position
            await self._take(reader, reader.position, length)

    async def drained(self) -> None:
        """Let every reader read all, and what comes of it: that ends."""
        for _ in range(_ROUNDS):
            if not await self._behind():
                return
            for number in range(len(self.readers)):
                await self.turn(number, _ALL, again=False)
        raise AssertionError("one thing leads to another without end")

    async def from_the_start(self) -> None:
        """Put every reader back to the first event."""
        for reader in self.readers:
            reader.position = reader.page_began = 0

    async def said(self, apart: Set[UUID]) -> tuple[dict[str, Any], dict[str, PathwayProgressed]]:
        """Return what the log says in the end of awards, and of progress, both by pathway; constituents but `apart`."""
        stacks: dict[str, Stack] = {}
        progress = {}
        for recorded in await self.logs["issuance"].read(0, _ALL):
            if recorded.stream.startswith("stack-"):
                stacks[recorded.stream] = evolve(stacks.get(recorded.stream, INITIAL), recorded.event)
            if isinstance(recorded.event, PathwayProgressed):
                progress[recorded.event.pathway_id] = recorded.event
        return {one.subject.pathway_id: _outcome(one, apart) for one in stacks.values()}, progress

    async def tables(self) -> list[dict[str, list[str]]]:
        """Return all that the read tables hold."""
        async with self.engine.connect() as connection:
            return [await rows(connection, metadata) for metadata in (tables.FACTS, tables.OVERVIEW)]

    async def _behind(self) -> bool:
        return any([reader.position < await self.logs[reader.log].head() for reader in self.readers])

    async def _take(self, reader: Reader, after: int, length: int) -> None:
        page = await self.logs[reader.log].read(after, length) if length else ()
        if isinstance(reader.of, Reaction):
            page = self._allowed(reader.of, reader.log, page)
        own = [row for row in page if part_of(row.stream, reader.part.of) == reader.part.number]
        await (self._project(reader.of, own) if isinstance(reader.of, Projection) else self._react(reader.of, own))
        reader.position = max(reader.position, after + len(page))

    async def _project(self, projection: Projection, page: Sequence[Recorded]) -> None:
        async with self.engine.begin() as connection:
            writing = Writing(connection)
            for recorded in page:
                if handler := projection.handlers.get(type(recorded.event)):
                    await handler(writing, recorded)
            await writing.flush()

    async def _react(self, reaction: Reaction, page: Sequence[Recorded]) -> None:
        """Have the page handled as the runner does it: so many beside one another as the reaction says."""

        async def handle(recorded: Recorded) -> None:
            if handler := reaction.handlers.get(type(recorded.event)):
                await handler(recorded)

        await Beside(handle, at_once=reaction.at_once, seconds=60).handled(page)

    def _allowed(self, reaction: Reaction, log: str, page: Iterable[Recorded]) -> list[Recorded]:
        """Return what of a page the projections have seen that the reaction comes after."""
        before = [reader.position for reader in self.readers if reader.of.name in reaction.after and reader.log == log]
        return [recorded for recorded in page if recorded.position <= min(before)]


def _stream_of(event: Event) -> str:
    """Return the stream that the event belongs to in its owner's log."""
    for name, kind in (("achievement_id", "ach"), ("definition_id", "def"), ("pathway_id", "path"), ("org_id", "org")):
        if hasattr(event, name) and not hasattr(event, "credential_id"):
            return f"{kind}-{getattr(event, name)}"
    credential_id: UUID = event.credential_id  # type: ignore[attr-defined]  # all others are about one
    return f"{'status' if event.owner() == 'registry' else 'cred'}-{credential_id}"


def _outcome(stack: Stack, apart: Set[UUID]) -> dict[str, Any]:
    """Return what became of an award, without the order and the moments in which it came about."""
    return {
        "subject": stack.subject,
        "state": stack.name,
        "causes": stack.causes,
        "review": None if stack.review is None else set(stack.review.matters),
        "reviewed": stack.reviewed,
        "constituents": stack.constituents.keys() - apart,
        "noted": {one: change for one, change in stack.noted.items() if one not in apart},
    }

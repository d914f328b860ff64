"""However deliveries are repeated, delayed and reordered, and the two logs interleaved: the list says the same."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import given as over
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from kompetenspass.core.errors import Problem
from kompetenspass.events.base import Event
from kompetenspass.events.issuance import CredentialIssued
from kompetenspass.events.registry import StatusListOpened
from kompetenspass.events.stacking import CredentialSuperseded, StackReinstated, StackRevoked, StackSuspended
from kompetenspass.log.api import Recorded
from kompetenspass.log.memory import MemoryLog
from kompetenspass.log.writing import Writing
from kompetenspass.testing.clock import FixedClock
from kompetenspass.testing.postgres import Database
from kompetenspass.web.migrate import engine_of
from services.registry import tables as t
from services.registry.domain.award import REVIEW, Award
from services.registry.domain.credential import Known
from services.registry.domain.status_list import first_list
from services.registry.projections import STATUS
from services.registry.service.awards import AwardStatuses
from services.registry.service.credentials import Credentials
from services.registry.tests.conftest import context, issued, list_uri
from services.registry.tests.stacked import (
    AWARD,
    STACK,
    STACKED,
    recorded,
    reinstated,
    revoked,
    superseded,
    suspended,
)

OPENED = StatusListOpened(
    list_id=first_list("org:alfa"), uri=list_uri(), issuer_org="org:alfa", issuer="i", size=16, bits=2, ttl_seconds=300
)
FIRST = issued(AWARD, 3, achievement_id=None, stack_id=STACK)
AGAIN = issued(AWARD, 7, achievement_id=None, stack_id=STACK, replaces=(FIRST.copies[0].digest,))
CHANGES = (suspended(), reinstated(), suspended(REVIEW), reinstated(REVIEW))
ENDS = (revoked(), superseded())
ISSUER = ("suspend", "suspend", "reinstate", "reinstate", "revoke")

Story = tuple[list[Recorded], list[Recorded | str], int]


class Seen:
    """The facts after the first events of issuance's log; they only ever grow."""

    def __init__(self, log: Sequence[Recorded]) -> None:
        self._log = log
        self.position = 0

    def reach(self, position: int) -> None:
        self.position = max(self.position, position)

    @property
    def _events(self) -> Sequence[Event]:
        return [row.event for row in self._log[: self.position]]

    async def credential(self, _credential_id: UUID) -> Known | None:
        copies = [event.copies for event in self._events if isinstance(event, CredentialIssued)]
        return Known(AWARD, "org:alfa", copies[-1], suspendable=True, stack_id=STACK) if copies else None

    async def award(self, _stack_id: UUID) -> Award | None:
        award = Award(STACK, AWARD, "path-1", "org:alfa")
        for event in self._events:
            if isinstance(event, StackSuspended):
                award = replace(award, causes=award.causes | {event.cause})
            elif isinstance(event, StackReinstated):
                award = replace(award, causes=award.causes - {event.cause})
        return award if STACKED in self._events else None

    async def says_suspended(self, _issuer_org: str) -> bool:
        return True

    async def ended(self, _now: object) -> Sequence[Any]:
        return ()


async def deliver(reactions: AwardStatuses, row: Recorded) -> None:
    event = row.event
    if isinstance(event, StackSuspended):
        await reactions.suspend(event, row)
    elif isinstance(event, StackReinstated):
        await reactions.reinstate(event, row)
    elif isinstance(event, StackRevoked):
        await reactions.revoke(event, row)
    elif isinstance(event, CredentialSuperseded):
        await reactions.supersede(event, row)


async def command(credentials: Credentials, name: str) -> None:
    about: dict[str, Any] = {"org": "org:alfa", "context": context()}
    with contextlib.suppress(Problem):
        if name == "revoke":
            await credentials.revoke(AWARD, reason_code="fraud", void_ab_initio=False, **about)
        else:
            act = credentials.suspend if name == "suspend" else credentials.reinstate
            await act(AWARD, reason_code="under_review", **about)


async def followed(issuance: Sequence[Recorded], steps: Sequence[Recorded | str]) -> tuple[list[Recorded], list[str]]:
    """Return the registry's log after deliveries and commands in that order, and the commands that it answered."""
    facts, clock = Seen(issuance), FixedClock()
    log = MemoryLog("registry", clock)
    reactions, credentials = AwardStatuses(log, facts), Credentials(log, facts, clock)
    answered = []
    for step in steps:
        if isinstance(step, str):
            answered += [step] if await facts.credential(AWARD) else []
            await command(credentials, step)
        else:
            facts.reach(step.position)
            await deliver(reactions, step)
    return list(await log.read(0, 1000)), answered


def expected(events: Sequence[Event], answered: Sequence[str]) -> int:
    """Return the value of the live copy: what both logs together mean, whatever came when."""
    causes: set[str] = set()
    for event in events:
        if isinstance(event, StackSuspended):
            causes.add(event.cause)
        elif isinstance(event, StackReinstated):
            causes.discard(event.cause)
    own = [name for name in answered if name != "revoke"]
    causes |= {"issuer"} if own and own[-1] == "suspend" else set()
    ended = any(isinstance(event, StackRevoked | CredentialSuperseded) for event in events) or "revoke" in answered
    return 1 if ended else 2 if causes else 0


@st.composite
def stories(draw: st.DrawFn) -> Story:
    """An award's life in issuance's log; its deliveries, repeated and shuffled among the issuer's commands; a merge."""
    changes: list[Event] = draw(st.lists(st.sampled_from(CHANGES), min_size=2, max_size=8))
    changes += draw(st.sampled_from([[], [], [], *([end] for end in ENDS)]))
    for issue in (AGAIN, FIRST):
        changes.insert(draw(st.integers(0, len(changes))), issue)
    first, again = changes.index(FIRST), changes.index(AGAIN)
    if again < first:
        changes[first], changes[again] = AGAIN, FIRST
    issuance = [recorded(position, event) for position, event in enumerate([STACKED, *changes], 1)]
    repeats = draw(st.lists(st.sampled_from(issuance), max_size=4))
    commands = draw(st.lists(st.sampled_from(ISSUER), max_size=3))
    steps: list[Recorded | str] = draw(st.permutations([*issuance, *repeats, *commands]))
    return issuance, steps, draw(st.integers(0, 2**40 - 1))


def merged(one: Sequence[Recorded], other: Sequence[Recorded], turns: int) -> list[Recorded]:
    """Return both logs in one order that keeps each log's own; each bit of `turns` says whose event is next."""
    first, second, rows = list(one), list(other), []
    while first or second:
        side = first if (turns & 1 and first) or not second else second
        rows.append(side.pop(0))
        turns >>= 1
    return rows


@pytest.fixture
async def connection(database: Database) -> AsyncIterator[AsyncConnection]:
    engine = engine_of(database.dsn("registry"), "registry")
    async with engine.connect() as made:
        await made.run_sync(t.status_metadata.create_all)
        yield made
    await engine.dispose()


@asynccontextmanager
async def filled(connection: AsyncConnection, rows: Sequence[Recorded]) -> AsyncIterator[dict[int, int]]:
    """Fill the tables for the length of a block and give the values of the copies; then take all of it back."""
    nested = await connection.begin_nested()
    writing = Writing(connection)
    for number, row in enumerate(rows):
        if handler := STATUS.handlers.get(type(row.event)):
            await handler(writing, row)
        if number % 2:
            await writing.flush()
    await writing.flush()
    held = select(t.copies.c.index, t.copies.c.value)
    yield {row[0]: row[1] for row in await connection.execute(held)}
    await nested.rollback()


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@over(story=stories())
async def test_however_it_is_delivered_and_interleaved_the_list_says_what_both_logs_mean(
    connection: AsyncConnection, story: Story
) -> None:
    issuance, steps, turns = story
    registry, answered = await followed(issuance, steps)
    opened = recorded(1000, OPENED)
    wanted = expected([row.event for row in issuance], answered)
    for order in (merged(issuance, [opened, *registry], turns), [opened, *registry, *issuance], [*issuance, *registry]):
        async with filled(connection, order) as values:
            assert values == {3: 1, 7: wanted}


@settings(max_examples=100, deadline=None)
@over(story=stories())
async def test_once_all_was_delivered_the_same_again_changes_nothing(
    story: Story,
) -> None:
    issuance, steps, _ = story
    once, _ = await followed(issuance, steps)
    twice, _ = await followed(issuance, [*steps, *reversed(issuance), *issuance])
    assert [row.event for row in twice] == [row.event for row in once]

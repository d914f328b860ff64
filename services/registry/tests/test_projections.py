"""The read tables of status, filled in every interleaving of the two logs."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid5

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection
from structlog.testing import capture_logs

from kompetenspass.events.base import Event
from kompetenspass.events.envelope import seal
from kompetenspass.events.registry import (
    CredentialExpired,
    CredentialReinstated,
    CredentialRevoked,
    CredentialSuspended,
    StatusListOpened,
)
from kompetenspass.log.api import Recorded
from kompetenspass.log.writing import Writing
from kompetenspass.testing.clock import NOON
from kompetenspass.testing.postgres import Database
from kompetenspass.testing.waiting import until
from kompetenspass.web.migrate import engine_of
from services.registry import tables as t
from services.registry.domain.status_list import first_list
from services.registry.projections import STATUS
from services.registry.tests.conftest import context, issued, list_uri

A, B = UUID("0190f7a0-0000-7000-8000-00000000000a"), UUID("0190f7a0-0000-7000-8000-00000000000b")
_NAMES = UUID("0190f7a0-0000-7000-8000-0000000000ff")
FIRST = issued(A, 3, valid_to=NOON)
COPIES = FIRST.copies
OPENED = StatusListOpened(
    list_id=first_list("org:alfa"), uri=list_uri(), issuer_org="org:alfa", issuer="i", size=16, bits=2, ttl_seconds=300
)


def suspended(*causes: str) -> CredentialSuspended:
    return CredentialSuspended(credential_id=A, copies=COPIES, cause=causes[-1], causes=causes, reason_code="review")


REINSTATED = CredentialReinstated(credential_id=A, copies=COPIES, cause="issuer", causes=("lapse:1",), reason_code="x")
REVOKED = CredentialRevoked(
    credential_id=A, copies=COPIES, reason_code="fraud", effective_from=NOON, void_ab_initio=False
)
EXPIRED = CredentialExpired(credential_id=A, copies=COPIES, at=NOON)
REISSUED = issued(A, 7, replaces=(COPIES[0].digest,), valid_to=NOON)
OTHER = issued(B, 9)


def recorded(log: str, position: int, event: Event) -> Recorded:
    event_id = uuid5(_NAMES, f"{log} {position}")
    draft = seal(event_id, event, context())
    return Recorded(position, "stream", position, event_id, event.type, NOON, draft.data)


def log_of(owner: str, events: Sequence[Event]) -> list[Recorded]:
    return [recorded(owner, position, event) for position, event in enumerate(events, 1)]


def interleavings(one: Sequence[Recorded], other: Sequence[Recorded]) -> Iterable[list[Recorded]]:
    total = len(one) + len(other)
    for places in itertools.combinations(range(total), len(one)):
        first, second = iter(one), iter(other)
        yield [next(first) if n in places else next(second) for n in range(total)]


@pytest.fixture
async def connection(database: Database) -> AsyncIterator[AsyncConnection]:
    engine = engine_of(database.dsn("registry"), "registry")
    async with engine.connect() as made:
        await made.run_sync(t.status_metadata.create_all)
        yield made
    await engine.dispose()


@asynccontextmanager
async def filled(connection: AsyncConnection, events: Iterable[Recorded], *, page: int = 1) -> AsyncIterator[None]:
    """Fill the tables for the length of a block, so many events at once, then take all of it back."""
    nested = await connection.begin_nested()
    writing = Writing(connection)
    for number, event in enumerate(events, 1):
        handler = STATUS.handlers[type(event.event)]
        await handler(writing, event)
        if number % page == 0:
            await writing.flush()
    await writing.flush()
    yield
    await nested.rollback()


async def rows(connection: AsyncConnection) -> list[Any]:
    """Return what the list and the answers are made of."""
    shown = (t.status_lists, t.credentials, t.copies, t.list_uses)
    columns = [[column for column in table.c if column is not t.copies.c.changed] for table in shown]
    return [sorted(map(repr, (await connection.execute(select(*each))).all())) for each in columns]


async def values(connection: AsyncConnection) -> dict[int, int]:
    held = select(t.copies.c.index, t.copies.c.value).order_by(t.copies.c.index)
    return {row[0]: row[1] for row in await connection.execute(held)}


@pytest.mark.parametrize(
    ("registry", "issuance", "expected"),
    [
        ((OPENED, suspended("issuer")), (FIRST, OTHER), {3: 2, 9: 0}),
        ((OPENED, suspended("issuer"), suspended("issuer", "lapse:1"), REINSTATED), (FIRST,), {3: 2}),
        ((OPENED, suspended("issuer"), REVOKED), (FIRST, REISSUED), {3: 1, 7: 1}),
        ((OPENED, suspended("issuer")), (FIRST, REISSUED, OTHER), {3: 1, 7: 2, 9: 0}),
        ((OPENED, EXPIRED), (FIRST, OTHER), {3: 0, 9: 0}),
    ],
)
async def test_every_interleaving_of_the_logs_fills_the_same_rows(
    connection: AsyncConnection, registry: Sequence[Event], issuance: Sequence[Event], expected: dict[int, int]
) -> None:
    seen = []
    orders = interleavings(log_of("registry", registry), log_of("issuance", issuance))
    for events, page in itertools.product(orders, (1, 2, 100)):
        async with filled(connection, events, page=page):
            assert await values(connection) == expected
            seen.append(await rows(connection))
    assert all(one == seen[0] for one in seen)


async def test_an_event_that_comes_twice_changes_nothing(connection: AsyncConnection) -> None:
    events = [*log_of("issuance", [FIRST, REISSUED, OTHER]), *log_of("registry", [OPENED, REVOKED])]
    async with filled(connection, events):
        once = await rows(connection)
    async with filled(connection, [event for event in events for _ in range(2)]):
        assert await rows(connection) == once


async def test_an_issue_of_a_valid_credential_leaves_its_list_unchanged(connection: AsyncConnection) -> None:
    async with filled(connection, log_of("issuance", [FIRST, OTHER])):
        assert (await connection.execute(select(t.list_changes))).all() == []


async def test_a_change_of_value_names_the_event_that_made_it(connection: AsyncConnection) -> None:
    (revoked,) = log_of("registry", [REVOKED])
    async with filled(connection, [*log_of("issuance", [FIRST]), revoked]):
        changes = (await connection.execute(select(t.list_changes))).all()
    assert [(row.status_uri, row.change.split(" ")[1]) for row in changes] == [(list_uri(), str(revoked.id))]


async def test_a_second_use_of_an_index_alarms_names_both_and_stays_revocable(connection: AsyncConnection) -> None:
    events = log_of("issuance", [issued(B, 3), FIRST])
    with capture_logs() as lines:
        async with filled(connection, [*events, *log_of("registry", [REVOKED])]):
            held = select(t.copies.c.credential_id, t.copies.c.value, t.copies.c.clashes_with)
            found = {tuple(row) for row in await connection.execute(held)}
    assert found == {(B, 0, None), (A, 1, B)}
    (alarm,) = lines
    assert (alarm["event"], alarm["alarm"], alarm["credentials"]) == ("status_index_used_twice", True, [str(B), str(A)])


async def test_of_two_uses_of_an_index_the_first_in_the_log_has_it_whichever_is_seen_first(
    connection: AsyncConnection,
) -> None:
    third = issued(UUID(int=3), 3)
    events = log_of("issuance", [issued(B, 3), FIRST, third])
    seen = []
    for order in itertools.permutations(events):
        with capture_logs() as lines:
            async with filled(connection, [*order, *order]):
                seen.append(await rows(connection))
                held = select(t.copies.c.credential_id, t.copies.c.clashes_with)
                found = {tuple(row) for row in await connection.execute(held)}
        assert found == {(B, None), (A, B), (UUID(int=3), B)}
        assert len(lines) == 2
    assert all(one == seen[0] for one in seen)


async def test_the_database_itself_refuses_a_second_holder_of_an_index(connection: AsyncConnection) -> None:
    async with filled(connection, log_of("issuance", [FIRST])):
        rival = FIRST.copies[0].model_dump() | {"digest": "other", "credential_id": B, "position": 2}
        with pytest.raises(IntegrityError, match="copies_one_per_index"):
            await connection.execute(insert(t.copies).values(rival))


async def test_a_page_waits_for_an_earlier_credential_before_it_holds_a_later_one(
    connection: AsyncConnection, database: Database
) -> None:
    """So pages of other parts, and of the other log, which do the same, never wait for each other in a circle."""
    await connection.commit()
    other = engine_of(database.dsn("registry"), "registry")
    later = suspended("issuer").model_copy(update={"credential_id": B})
    async with other.begin() as before, other.connect() as third, asyncio.TaskGroup() as group:
        await before.execute(insert(t.credentials).values(credential_id=A))
        page = group.create_task(written(connection, log_of("registry", [later, REVOKED])))
        await until(lambda: is_waited_for(third))
        await third.execute(insert(t.credentials).values(credential_id=B))
        await third.rollback()
        await before.commit()
        await page
    await other.dispose()


async def written(connection: AsyncConnection, events: Iterable[Recorded]) -> None:
    """Write a page, and take it back."""
    async with filled(connection, events, page=100):
        pass


async def is_waited_for(connection: AsyncConnection) -> bool:
    waiting = await connection.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted"))
    return bool(waiting)

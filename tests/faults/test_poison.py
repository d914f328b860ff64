"""An event that cannot be handled waits with what follows it on its stream; all others are applied; it is told."""

from __future__ import annotations

from collections.abc import AsyncIterator, MutableMapping
from typing import Any

import pytest

from kompetenspass.core.ids import uuid7
from kompetenspass.events.envelope import Draft
from kompetenspass.events.wallet import CredentialReceived
from kompetenspass.log.api import Append, Recorded
from kompetenspass.log.writing import Writing
from kompetenspass.testing.postgres import Database
from kompetenspass.testing.waiting import until
from tests.faults.trial import Trial, see, trial

Told = list[MutableMapping[str, Any]]
BROKEN: set[tuple[str, int]] = set()


async def see_unless_broken(writing: Writing, recorded: Recorded) -> None:
    """Be the code that has a fault at some versions of some streams."""
    if (recorded.stream, recorded.version) in BROKEN:
        raise KeyError(recorded.stream)
    await see(writing, recorded)


@pytest.fixture(params=[False, True], ids=["shows", "judges"])
async def faulty(database: Database, request: pytest.FixtureRequest, told: Told) -> AsyncIterator[Trial]:
    BROKEN.clear()
    options = {"handler": see_unless_broken, "judges_validity": request.param}
    async with trial(database.dsn("wallet"), **options) as running:
        yield running


async def until_parked(service: Trial, events: int) -> tuple[int, dict[str, Any]]:
    async def look() -> tuple[int, dict[str, Any]] | None:
        status, said = await service.readyz()
        caught_up = all(cursor["lag"] == 0 for cursor in said["cursors"])
        return (status, said) if caught_up and said["parked"] == events else None

    return await until(look) or (0, {})


async def test_what_the_code_cannot_handle_waits_with_its_stream_until_the_code_can(
    faulty: Trial, told: Told, request: pytest.FixtureRequest
) -> None:
    BROKEN.add(("s-1", 2))
    await faulty.write(4, streams=3)
    status, said = await until_parked(faulty, 3)
    judges = "judges" in request.node.name
    assert (status, said["reasons"]) == ((503, ["judgement_parked"]) if judges else (200, []))
    assert await faulty.seen() == {"s-0": "1 2 3 4", "s-1": "1", "s-2": "1 2 3 4"}
    alarms = [(line["event"], line["error"]) for line in told if line.get("alarm")]
    assert alarms == [("event_parked", "KeyError"), ("event_parked", "behind"), ("event_parked", "behind")]

    BROKEN.clear()
    await faulty.runtime.readers.parked.retry("seeing")
    await faulty.until_ready()
    await faulty.check()


async def test_bytes_that_are_no_event_wait_until_a_person_leaves_them_out(faulty: Trial, told: Told) -> None:
    await faulty.write(1, streams=2)
    broken = Draft(uuid7(), CredentialReceived.type, '{"payload": ')
    await faulty.runtime.log.append(Append("s-1", 1, [broken]))
    await until_parked(faulty, 1)
    (parked,) = await faulty.runtime.readers.parked.list()
    assert (parked.event_id, parked.stream) == (broken.id, "s-1")
    assert [line["event"] for line in told if line.get("alarm")] == ["event_parked"]

    await faulty.runtime.readers.parked.skip("seeing", "wallet", parked.position)
    said = await faulty.until_ready()
    assert (said["reasons"], said["parked"]) == ([], 0)
    assert await faulty.seen() == {"s-0": "1", "s-1": "1"}

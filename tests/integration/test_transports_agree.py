"""The same logs make the same read tables, by whatever transport, in however many parts, at whatever speeds."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from kompetenspass.events.codec import EVENTS
from kompetenspass.log.project import Projection
from kompetenspass.testing.postgres import Database
from tests.integration import told
from tests.integration.agreeing import PROJECTIONS, Pace, Rows, engine_on, in_order, read, rows_of
from tests.integration.carrying import CARRIERS, following, stored
from tests.integration.kinds import ONE
from tests.integration.lived import logs_of_stories
from tests.integration.platform_process import Platform

ALL = [(service, projection) for service, several in PROJECTIONS.items() for projection in several]
SEED = 20261121


@pytest.fixture(scope="module")
def logs() -> told.Logs:
    return told.logs(SEED)


@pytest.fixture
async def engine(database: Database) -> AsyncIterator[AsyncEngine]:
    async with engine_on(database) as made:
        yield made


async def in_one_order(engine: AsyncEngine, logs: told.Logs) -> dict[str, Rows]:
    """Return what all tables hold once each log was read from its beginning to its end, by service and projection."""
    return {
        f"{service} {projection.name}": await read(
            engine, f"{service}_{projection.name}_in_order", projection, logs, in_order(SEED)
        )
        for service, projection in ALL
    }


def test_every_handler_is_called_and_every_event_is_told(logs: told.Logs) -> None:
    said = {type(row.event) for rows in logs.values() for row in rows}
    assert said == {kind for kind in EVENTS.values() if kind.owner() in told.OWNERS}
    assert said >= {kind for _, projection in ALL for kind in projection.handlers}


@pytest.mark.parametrize(("service", "projection"), ALL, ids=[f"{service}-{one.name}" for service, one in ALL])
async def test_parts_at_any_speed_fill_the_tables_that_the_one_order_fills(
    engine: AsyncEngine, logs: told.Logs, service: str, projection: Projection
) -> None:
    wanted = await read(engine, "in_order", projection, logs, in_order(SEED))
    assert all(wanted.values()), "a table without a row shows nothing"
    for parts, seed, again in ((1, 1, 0.3), (3, 2, 0.0), (3, 3, 0.3), (64, 4, 0.2)):
        pace = Pace(parts, random.Random(SEED + seed), again)
        assert await read(engine, f"parts_{seed}", projection, logs, pace) == wanted, (service, parts, seed)


@pytest.mark.parametrize("name", CARRIERS)
async def test_every_transport_brings_the_readers_of_all_services_to_the_same_tables(
    database: Database, engine: AsyncEngine, logs: told.Logs, name: str
) -> None:
    carrier, parts = CARRIERS[name]
    as_stored = await stored(logs, database)
    wanted = await in_one_order(engine, as_stored)
    async with carrier(as_stored, database, parts, random.Random(SEED)) as feeds:
        for service, several in PROJECTIONS.items():
            async with following(service, feeds, database), engine.connect() as connection:
                for projection in several:
                    rows = await rows_of(connection, service, projection.metadata)
                    assert rows == wanted[f"{service} {projection.name}"], (service, projection.name)


@pytest.mark.long
@pytest.mark.parametrize("kind", [ONE], indirect=True, ids=["one process"], scope="session")
async def test_what_a_platform_has_lived_through_fills_the_same_tables_in_parts(
    engine: AsyncEngine, platform: Platform
) -> None:
    lived = await logs_of_stories(platform)
    for number, (service, projection) in enumerate(ALL):
        wanted = await read(engine, f"in_order_{number}", projection, lived, in_order(SEED))
        for parts in (1, 3, 64):
            pace = Pace(parts, random.Random(SEED + parts), 0.2)
            found = await read(engine, f"parts_{number}_{parts}", projection, lived, pace)
            assert found == wanted, (service, projection.name, parts)

"""What the database says of a Kafka that is nothing but a copy of its logs."""

from __future__ import annotations

from uuid import UUID

import pytest
from sqlalchemy import insert, select

from kompetenspass.core.ids import uuid7
from kompetenspass.embedded.kafka.copied import copied_of_other_logs, forget, on_another_transport, something_copied
from kompetenspass.embedded.provision import connected
from kompetenspass.log.kafka.tables import RELAY_CURSOR
from kompetenspass.log.kafka.tables import TABLES as RELAY
from kompetenspass.log.tables import CURSORS, install_runner_tables, schemas
from kompetenspass.testing.postgres import Database
from kompetenspass.web.migrate import engine_of

OWNER = "wallet"


async def epoch_of(database: Database) -> UUID:
    async with connected(database.dsn(OWNER)) as connection:
        epoch: UUID = await connection.fetchval(f"SELECT epoch FROM {OWNER}_log.log_head")
        return epoch


async def copied(database: Database, epoch: UUID, position: int, transport: str = "kafka") -> None:
    """Let the wallet's log be copied so far, and a reader of the wallet stand in another's log."""
    engine = engine_of(database.dsn(OWNER), OWNER, pool_size=1)
    await install_runner_tables(engine, OWNER)
    reader = {"kind": "projection", "reader": "timeline", "generation": 1, "log": "issuance", "epoch": epoch}
    async with engine.begin() as connection:
        await connection.execution_options(schema_translate_map=schemas(OWNER))
        await connection.run_sync(RELAY.create_all)
        sent = {"log": OWNER, "epoch": epoch, "position": position, "event_id": uuid7(), "fence": 7, "places": [4, 5]}
        await connection.execute(insert(RELAY_CURSOR).values(sent))
        at = {"part": 0, "parts": 1, "position": 9, "next_offset": 40, "transport": transport}
        await connection.execute(insert(CURSORS).values({**reader, **at}))
    await engine.dispose()


async def test_a_fresh_database_says_nothing(database: Database) -> None:
    assert not await something_copied(database.dsn)
    assert not await copied_of_other_logs(database.dsn)
    assert await on_another_transport(database.dsn, "kafka") == []
    await forget(database.dsn)


async def test_what_was_copied_is_of_these_logs_as_long_as_the_epoch_is_the_same(database: Database) -> None:
    await copied(database, await epoch_of(database), 3)
    assert await something_copied(database.dsn)
    assert not await copied_of_other_logs(database.dsn)


async def test_after_a_restore_it_is_of_others(database: Database) -> None:
    await copied(database, uuid7(), 3)
    assert await copied_of_other_logs(database.dsn)


async def test_what_is_forgotten_is_sent_again_and_found_again(database: Database) -> None:
    await copied(database, uuid7(), 3)
    await forget(database.dsn)
    assert not await something_copied(database.dsn)
    engine = engine_of(database.dsn(OWNER), OWNER, pool_size=1)
    async with engine.connect() as connection:
        await connection.execution_options(schema_translate_map=schemas(OWNER))
        relay = (await connection.execute(select(RELAY_CURSOR))).one()
        reader = (await connection.execute(select(CURSORS.c.position, CURSORS.c.next_offset))).one()
    await engine.dispose()
    assert (relay.position, relay.epoch, relay.event_id, relay.places, relay.fence) == (0, None, None, [], 7)
    assert tuple(reader) == (9, None)


@pytest.mark.parametrize(("wanted", "found"), [("kafka", []), ("postgres", [OWNER])])
async def test_whose_readers_came_by_another_transport_is_known(
    database: Database, wanted: str, found: list[str]
) -> None:
    await copied(database, uuid7(), 3)
    assert await on_another_transport(database.dsn, wanted) == found  # type: ignore[arg-type]  # it is one of the two

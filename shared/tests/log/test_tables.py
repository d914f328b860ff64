"""The runner's tables: made once; those from before logs were followed in parts are brought up to date."""

from __future__ import annotations

from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from kompetenspass.log.bare import bare
from kompetenspass.log.cursors import Key, Stand, all_stands
from kompetenspass.log.tables import install_runner_tables
from kompetenspass.testing.waiting import PATIENCE_SECONDS

World = Any
BEFORE = """
CREATE TABLE wallet.runner_cursor (
    kind text NOT NULL, reader text NOT NULL, generation integer NOT NULL, log text NOT NULL,
    epoch uuid NOT NULL, position bigint NOT NULL, event_id uuid, checked_at timestamptz,
    PRIMARY KEY (kind, reader, generation, log)
) WITH (fillfactor = 50)
"""
KEY = """
SELECT string_agg(a.attname, ' ' ORDER BY array_position(i.indkey::int[], a.attnum::int))
FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
WHERE i.indrelid = 'wallet.runner_cursor'::regclass AND i.indisprimary
"""
COLUMNS = """
SELECT column_name, data_type, is_nullable, column_default FROM information_schema.columns
WHERE (table_schema, table_name) = ('wallet', 'runner_cursor') ORDER BY 1
"""


async def described(engine: AsyncEngine) -> Any:
    async with bare(engine) as driver:
        return await driver.fetchval(KEY), [tuple(row) for row in await driver.fetch(COLUMNS)]


async def test_a_table_from_before_becomes_like_a_new_one_and_keeps_its_cursors(engine: AsyncEngine) -> None:
    await install_runner_tables(engine, "wallet")
    wanted = await described(engine)
    async with bare(engine) as driver:
        await driver.execute("DROP TABLE wallet.runner_cursor")
        await driver.execute(BEFORE)
        await driver.execute(
            "INSERT INTO wallet.runner_cursor VALUES ('reaction', 'offers', 0, 'issuance', gen_random_uuid(), 7)"
        )
    for _ in range(2):
        await install_runner_tables(engine, "wallet")
        assert await described(engine) == wanted
    async with bare(engine) as driver:
        stands = await all_stands(driver, "wallet")
    key = Key("reaction", "offers")
    assert stands == {(key, "issuance"): [Stand(key, "issuance", 7, None)]}


async def test_a_reader_goes_on_where_it_was_before(world: World) -> None:
    await world.append("a", "b")
    readers = world.readers()
    await readers.start()
    assert await readers.caught_up("wallet", 2, PATIENCE_SECONDS)
    await readers.stop()
    async with bare(world.engine) as driver:
        same = "SELECT kind, reader, generation, log, epoch, position, event_id, checked_at FROM wallet.runner_cursor"
        await driver.execute(f"CREATE TABLE wallet.kept AS {same}")
        await driver.execute("DROP TABLE wallet.runner_cursor")
        await driver.execute(BEFORE)
        await driver.execute("INSERT INTO wallet.runner_cursor SELECT * FROM wallet.kept")
    await world.append("c")
    await readers.start()
    assert await readers.caught_up("wallet", 3, PATIENCE_SECONDS)
    assert await world.rows() == [("a", 1), ("b", 1), ("c", 1)]

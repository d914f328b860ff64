"""Detaching: what leaves, what is refused, what is read afterwards, and how it comes back."""

from __future__ import annotations

import asyncio
import gzip
import json
from dataclasses import replace
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from kompetenspass.core.errors import Problem
from kompetenspass.core.ids import uuid7
from kompetenspass.log.api import Append, Cursor, LogDiffers, Part, Stored
from kompetenspass.log.conformance import draft, request
from kompetenspass.log.detached.attaching import attach
from kompetenspass.log.detached.detaching import Detaching
from kompetenspass.log.merkle.tree import row_hash

World = Any
_CURSOR = """
CREATE TABLE wallet.runner_cursor (kind text, reader text, generation int, log text, epoch uuid, position bigint);
INSERT INTO wallet.runner_cursor VALUES ('projection', 'timeline', 1, 'wallet', gen_random_uuid(), $1);
"""


async def test_old_partitions_leave_for_files_and_nothing_is_missed(world: World) -> None:
    await world.fill(70)
    before = await world.log.read(0, 1000)
    await world.detach(50)
    assert await world.state() == (40, ["log_p41", "log_p61"])
    assert [part.manifest.first for part in world.files.parts()] == [1, 21]
    for feed in (world.feed(), world.log):
        for after, limit in ((0, 1000), (0, 25), (15, 10), (35, 20), (40, 5), (69, 5)):
            assert await feed.read(after, limit) == before[after : after + limit]
        assert [await feed.find(position) for position in (1, 20, 21, 40, 41, 71)] == [
            *(before[position - 1] for position in (1, 20, 21, 40, 41)),
            None,
        ]
        await feed.stop() if feed is not world.log else None
    assert await world.log.read_stream("s-3") == [row for row in before if row.stream == "s-3"]
    assert await world.log.read_stream("s-3", 2) == [row for row in before if row.stream == "s-3"][2:]


async def test_a_reader_from_the_beginning_goes_through_the_files(world: World) -> None:
    await world.fill(70)
    await world.detach(50)
    feed = world.feed()
    cursor, seen = Cursor(await feed.epoch(), 0, None), []
    while not (page := await feed.page(Part(0, 1), cursor, 9)).ended:
        cursor = page.cursor
        seen += [row.position for row in page.rows]
    assert [*seen, *(row.position for row in page.rows)] == list(range(1, 71))
    await feed.stop()


async def test_a_reader_without_the_files_is_told_and_passes_nothing_over(world: World) -> None:
    await world.fill(70)
    event = (await world.log.read(29, 1))[0].id
    await world.detach(50)
    feed = world.feed(with_files=False)
    epoch: UUID = await feed.epoch()
    for cursor in (Cursor(epoch, 0, None), Cursor(epoch, 30, event), Cursor(epoch, 40, None)):
        with pytest.raises(LogDiffers) as told:
            await feed.page(Part(0, 1), cursor, 100)
        assert told.value.reason == "log_no_longer_kept"
    rest = await feed.page(Part(0, 1), Cursor(epoch, 41, None), 100)
    assert [row.position for row in rest.rows] == list(range(42, 71))
    await feed.stop()
    for file in world.folder.iterdir():
        file.unlink()
    with pytest.raises(Problem) as gone:
        await world.log.read_stream("s-3")
    assert (gone.value.code, bool(gone.value.remedy)) == ("log_no_longer_kept", True)
    assert (await world.log.append(Append("s-3", 10, [draft()]))) == Stored(71, 11)
    assert len(await world.log.read_stream("new")) == 0


async def test_a_known_event_is_known_after_it_was_detached(world: World) -> None:
    known = draft()
    await world.log.append(Append("s", 0, [known]))
    await world.fill(50)
    await world.detach(41)
    assert (await world.log.append(Append("s", 0, [known]))).position == 1


async def test_a_file_is_what_it_says(world: World) -> None:
    await world.fill(45)
    rows = await world.log.read(0, 20)
    await world.detach(21)
    (part,) = world.files.parts()
    lines = gzip.decompress(part.path.read_bytes()).decode().splitlines()
    assert [json.loads(line)["data"] for line in lines] == [row.data for row in rows]
    said = part.manifest
    assert (said.owner, said.epoch, said.first, said.last) == ("wallet", str(await world.log.epoch()), 1, 20)
    assert {row_hash(row) for page in part.pages(0) for row in page} == {row_hash(row) for row in rows}
    part.check()


async def _refused(world: World, before: int = 41) -> str:
    state = await world.state()
    with pytest.raises(Problem) as refused:
        await world.detaching.detach_before(before, world.folder)
    assert refused.value.remedy
    assert await world.state() == state
    code: str = refused.value.code
    return code


async def test_each_thing_that_still_needs_a_partition_is_named(world: World) -> None:
    await world.fill(30)
    assert await _refused(world, 20) == "nothing_to_detach"
    assert await _refused(world, 1000) == "streams_open"
    await world.close_streams()
    await world.admin.execute(_CURSOR.replace("$1", "20"))
    assert await _refused(world) == "readers_before"
    await world.admin.execute("UPDATE wallet.runner_cursor SET position = 30")
    await world.admin.execute("UPDATE wallet.merkle_tree SET checkpoint = NULL")
    assert await _refused(world, 21) == "not_in_checkpoint"
    await world.fill(1)
    await world.detach(21)
    assert await world.state() == (20, ["log_p21", "log_p41"])
    await world.log.append(request("more", events=9))
    assert await _refused(world) == "end_of_log"


async def test_a_webhook_a_relay_and_a_parked_event_hold_a_partition(world: World) -> None:
    await world.fill(30)
    await world.close_streams()
    for table, columns, row in (
        ("relay_cursor", "log text, position bigint", "'wallet', 3"),
        ("runner_parked", "log text, position bigint, reader text", "'wallet', 20, 'timeline'"),
        ("webhook_subscription", "id uuid, state text, position bigint", "gen_random_uuid(), 'paused', 7"),
        ("webhook_delivery", "subscription_id uuid, state text, position bigint", "gen_random_uuid(), 'pending', 7"),
    ):
        await world.admin.execute(f"CREATE TABLE wallet.{table} ({columns}); INSERT INTO wallet.{table} VALUES ({row})")
        assert await _refused(world, 21) == "readers_before"
        await world.admin.execute(f"DROP TABLE wallet.{table}")
    await world.detach(21)


async def test_a_stream_that_is_over_needs_no_snapshot(world: World) -> None:
    for type_, recorded in (("verification.PresentationJudged.v1", "3 days"), ("registry.CredentialRevoked.v1", "0")):
        await world.log.append(Append(f"closed {type_}", 0, [draft(), replace(draft(), type=type_)]))
        await world.admin.execute(
            "SET session_replication_role = replica; "
            f"UPDATE wallet_log.log SET recorded = recorded - interval '{recorded}' WHERE type = '{type_}'"
        )
    await world.log.append(request("open", events=16))
    await world.fill(10)
    with pytest.raises(Problem, match="1 streams"):
        await world.detaching.detach_before(21, world.folder)


async def test_a_snapshot_that_other_code_made_lets_no_partition_go(world: World) -> None:
    await world.fill(45)
    await world.close_streams()
    await world.admin.execute("UPDATE wallet_log.log_snapshot SET state_type = 'of other code' WHERE stream = 's-3'")
    assert await _refused(world) == "streams_open"


async def test_rows_that_are_not_those_of_the_tree_are_not_detached(world: World) -> None:
    await world.fill(45)
    await world.close_streams()
    await world.admin.execute("SET session_replication_role = replica")
    await world.admin.execute("UPDATE wallet_log.log SET recorded = recorded - interval '1 day' WHERE position = 7")
    assert await _refused(world) == "rows_differ_from_tree"


async def test_a_file_that_was_there_and_differs_is_refused(world: World) -> None:
    await world.fill(45)
    await world.detach(21)
    await attach(world.admin, "wallet", world.folder)
    (part,) = world.files.parts()
    part.path.write_bytes(part.path.read_bytes()[:-1])
    assert await _refused(world, 21) == "file_differs"


@pytest.mark.parametrize("role", ["wallet", "log_reader"])
async def test_only_the_owner_may(world: World, role: str) -> None:
    await world.fill(45)
    await world.close_streams()
    connection = await asyncpg.connect(world.database.dsn(role))
    with pytest.raises(Problem) as refused:
        await Detaching(connection, "wallet", world.signer.verifier, ()).detach_before(21, world.folder)
    assert refused.value.code == "not_the_owner"
    with pytest.raises(Problem, match="not_the_owner"):
        await attach(connection, "wallet", world.folder)
    await connection.close()


async def test_what_was_attached_again_is_read_from_the_database(world: World) -> None:
    await world.fill(70)
    before = await world.log.read(0, 1000)
    await world.detach(50)
    for base in (20, 0):
        await attach(world.admin, "wallet", world.folder)
        assert (await world.state())[0] == base
    assert await world.state() == (0, ["log_p1", "log_p21", "log_p41", "log_p61"])
    with pytest.raises(Problem, match="nothing_to_attach"):
        await attach(world.admin, "wallet", world.folder)
    feed = world.feed(with_files=False)
    assert await feed.read(0, 1000) == before
    await feed.stop()
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await world.admin.execute("DELETE FROM wallet_log.log_p1")
    assert (await world.audited()).wrong is None
    await world.detach(50)
    assert (await world.state())[0] == 40


async def test_a_long_reader_is_not_cut_off_and_appends_do_not_wait_for_it(world: World) -> None:
    await world.fill(45)
    await world.close_streams()
    reader = await asyncpg.connect(world.database.dsn("log_reader"))
    async with reader.transaction():
        await reader.fetch("SELECT 1 FROM wallet_log.log LIMIT 1")
        detaching = asyncio.create_task(world.detaching.detach_before(21, world.folder))
        for n in range(20):
            assert (await world.log.append(request(f"{uuid7()}"))).position == 46 + n
        assert not detaching.done()
    await detaching
    await reader.close()
    assert (await world.state())[0] == 20

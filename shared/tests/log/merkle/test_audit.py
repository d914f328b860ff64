"""An auditor's walk: a checkpoint is kept, the database's owner tampers, and the first wrong position is named."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kompetenspass.log.merkle import audit
from kompetenspass.log.merkle.kept import FolderBroken, Kept
from kompetenspass.log.merkle.note import NoteRefused, Verifier
from kompetenspass.log.merkle.rows import ExportedFile, export, line_of, row_of, tables_of
from kompetenspass.log.merkle.serving import ServedLog
from kompetenspass.log.merkle.tree import row_hash

World = Any
KEPT = 400
CHANGED = ["UPDATE log SET data = replace(data, 'conformance', 'conformity') WHERE position = 57"]
ID_MENDED = ["UPDATE log_id k SET sha256 = sha256(convert_to(l.data, 'UTF8')) FROM log l WHERE k.id = l.id"]
PLACES_MENDED = ["UPDATE log_id k SET position = l.position FROM log l WHERE k.id = l.id"]
VERSIONS_MENDED = [
    "CREATE TEMP TABLE n ON COMMIT DROP AS "
    "SELECT position, row_number() OVER (PARTITION BY stream ORDER BY position) v FROM log",
    "UPDATE log l SET version = -v FROM n WHERE n.position = l.position",
    "UPDATE log SET version = -version",
    "UPDATE log_stream s SET version = (SELECT max(version) FROM log l WHERE l.stream = s.stream)",
]
REMOVED = ["DELETE FROM log WHERE position = 57"]
MOVED_UP = [
    *REMOVED,
    "DELETE FROM log_id WHERE position = 57",
    "UPDATE log SET position = -position WHERE position > 57",
    "UPDATE log SET position = -position - 1 WHERE position < 0",
    *PLACES_MENDED,
]
MOVED_DOWN = [
    "UPDATE log SET position = -position WHERE position >= 57",
    "UPDATE log SET position = -position + 1 WHERE position < 0",
    *PLACES_MENDED,
]
INSERTED = [
    *MOVED_DOWN,
    "INSERT INTO log SELECT 57, 'new', 1, gen_random_uuid(), type, recorded, data FROM log WHERE position = 56",
    "INSERT INTO log_id SELECT id, 57, sha256(convert_to(data, 'UTF8')) FROM log WHERE position = 57",
    "INSERT INTO log_stream VALUES ('new', 1)",
]
INTO_A_STREAM = [
    *MOVED_DOWN,
    "INSERT INTO log SELECT 57, 's-0', 1000, gen_random_uuid(), type, recorded, data FROM log WHERE position = 56",
    "INSERT INTO log_id SELECT id, 57, sha256(convert_to(data, 'UTF8')) FROM log WHERE position = 57",
]
BEFORE_THE_FIRST = "INSERT INTO log SELECT 0, 's-0', 5, gen_random_uuid(), type, recorded, data FROM log LIMIT 1"


def swapped(one: int, other: int) -> list[str]:
    return [
        f"UPDATE log SET position = -1 WHERE position = {one}",
        f"UPDATE log SET position = {one} WHERE position = {other}",
        f"UPDATE log SET position = {other} WHERE position = -1",
        *PLACES_MENDED,
    ]


WAYS = {
    "changed": ("changed", CHANGED),
    "changed, and its digest": ("changed", CHANGED + ID_MENDED),
    "another time": ("changed", ["UPDATE log SET recorded = recorded - interval '1 day' WHERE position = 57"]),
    "another version": ("changed", ["UPDATE log SET version = 999 WHERE position = 57"]),
    "removed": ("removed", REMOVED),
    "removed, and all after it moved up": ("removed", MOVED_UP),
    "removed, and everything renumbered": ("removed", MOVED_UP + VERSIONS_MENDED),
    "inserted": ("inserted", INSERTED),
    "inserted, and everything renumbered": ("inserted", INTO_A_STREAM + VERSIONS_MENDED),
    "two swapped": ("reordered", swapped(57, 58)),
    "two swapped, and everything renumbered": ("reordered", swapped(57, 64) + VERSIONS_MENDED),
    "two far from each other swapped": ("reordered", swapped(57, 399)),
}


@pytest.mark.parametrize("recomputed", [False, True], ids=["as they were", "recomputed"])
@pytest.mark.parametrize("name", WAYS)
async def test_the_first_wrong_position_is_named_whatever_the_owner_recomputed(
    world: World, name: str, recomputed: bool
) -> None:
    way, statements = WAYS[name]
    await world.append(KEPT)
    await world.checkpoint()
    assert await world.keep() == audit.Outcome(None, KEPT)
    assert await world.verify() == audit.Outcome(None, KEPT)
    await world.tamper(*statements)
    if recomputed and name != "removed":  # the owner's own program makes no tree of a log with a hole
        await world.recompute()
    for beyond in (False, True):
        found = (await world.verify(beyond=beyond)).wrong
        assert found is not None
        assert (found.position, found.way) == (57, way)
    if recomputed and name != "removed":
        refused = (await world.keep()).wrong
        assert refused is not None
        assert refused.position == 57
        assert Kept(world.folder / "kept").size == KEPT


async def test_an_auditor_keeps_the_log_as_it_grows(world: World) -> None:
    for events in (0, 1, 255, 100, 500):
        await world.append(events)
        await world.checkpoint()
        assert (await world.keep()).wrong is None
        assert (await world.verify()).wrong is None
    kept = Kept(world.folder / "kept")
    assert [checkpoint.size for checkpoint in kept.checkpoints] == [0, 1, 256, 356, 856]
    files = sorted(
        str(file.relative_to(world.folder / "kept")) for file in (world.folder / "kept" / "tile").rglob("*.p/*")
    )
    assert files == ["tile/0/003.p/88", "tile/1/000.p/3"]
    rows = await world.log.read(0, 1000)
    assert [kept.leaf(row.position) for row in rows] == [row_hash(row_of(line_of(row))) for row in rows]
    assert kept.leaf(0) is kept.leaf(857) is None


async def test_what_is_newer_than_the_kept_checkpoint_is_held_against_the_tables_and_the_log_itself(
    world: World,
) -> None:
    await world.append(10)
    await world.checkpoint()
    await world.keep()
    await world.append(30)
    assert (await world.verify()).remarks == ("the last 30 events are in no checkpoint yet",)
    await world.checkpoint()
    await world.append(5)
    assert (await world.verify(beyond=True)).remarks == ("the last 5 events are in no checkpoint yet",)
    await world.tamper("UPDATE log SET recorded = recorded - interval '1 day' WHERE position = 30")
    assert (await world.verify()).wrong is None
    found = (await world.verify(beyond=True)).wrong
    assert found is not None
    assert (found.position, found.way) == (30, "changed")


@pytest.mark.parametrize(
    ("statement", "position", "way"),
    [
        ("UPDATE log SET data = '{}' WHERE position = 20", 20, "changed"),
        ("DELETE FROM log WHERE position = 25", 25, "removed"),
        ("DELETE FROM log_id WHERE position = 22", 22, "inserted"),
        ("UPDATE log SET version = 77 WHERE position = 23", 23, "removed"),
        ("UPDATE log_stream SET version = version + 1 WHERE stream = 's-0'", 22, "removed"),
        ("DELETE FROM log_stream WHERE stream = 's-1'", 23, "inserted"),
        ("INSERT INTO log_stream VALUES ('gone', 1)", 25, "removed"),
        (BEFORE_THE_FIRST, 0, "inserted"),
        ("INSERT INTO log_id VALUES (gen_random_uuid(), 0, '')", 0, "removed"),
    ],
)  # fmt: skip
async def test_tables_that_disagree_are_found_without_anything_kept(
    world: World, statement: str, position: int, way: str
) -> None:
    await world.checkpoint()
    await world.keep()
    await world.append(25)
    await world.tamper(statement)
    found = (await world.verify()).wrong
    assert found is not None
    assert (found.position, found.way) == (position, way)


async def test_two_checkpoints_of_one_size_that_disagree_are_found(world: World) -> None:
    await world.append(40)
    await world.checkpoint()
    await world.keep()
    kept = Kept(world.folder / "kept")
    assert kept.newest is not None
    another = audit.Newest(replace(kept.newest, root=bytes(32)))
    async with tables_of(world.database.dsn("log_reader"), "wallet") as tables:
        found = (await audit.verify([tables], tables, kept, another)).wrong
    assert found is not None
    assert (found.position, found.way) == (40, "disagreeing")


async def test_the_end_of_the_log_that_is_missing_is_found(world: World) -> None:
    await world.append(300)
    await world.checkpoint()
    await world.keep()
    await world.cut(280)
    found = (await world.verify()).wrong
    assert str(found) == "position 281: removed (the log ends before it)"
    await world.recompute()
    refused = (await world.keep()).wrong
    assert refused is not None
    assert refused.position == 281


async def test_a_restored_log_says_so_and_what_it_lost_is_named(world: World) -> None:
    await world.append(300)
    await world.checkpoint()
    await world.keep()
    await world.renew_epoch()
    await world.append(10)
    await world.checkpoint()
    kept = await world.keep()
    assert (kept.wrong, len(kept.remarks)) == (None, 1)
    assert "the log was restored between 300 and 310 events" in kept.remarks[0]
    await world.cut(290)
    await world.renew_epoch()
    await world.append(50)
    await world.checkpoint()
    for outcome in (await world.verify(beyond=True), await world.keep()):
        assert outcome.wrong is not None
        assert (outcome.wrong.position, outcome.wrong.way) == (291, "changed")
        assert len(outcome.remarks) == 2
    assert (await world.keep("anew")).wrong is None


async def test_an_exported_log_is_verified_without_a_database_and_in_parts(world: World) -> None:
    await world.append(40)
    await world.checkpoint()
    await world.keep()
    whole, first = world.folder / "whole.jsonl", world.folder / "first.jsonl"
    async with tables_of(world.database.dsn("log_reader"), "wallet") as tables:
        assert await export(tables, whole) == 40
        lines = whole.read_text().splitlines(keepends=True)
        first.write_text("".join(lines[:15]))
        kept = Kept(world.folder / "kept")
        assert (await audit.verify([ExportedFile(whole)], None, kept)).wrong is None
        assert (await audit.verify([ExportedFile(first), tables], tables, kept)).wrong is None
    for spoilt, position in (([*lines[:9], *lines[10:]], 10), ([*lines[:9], lines[10], lines[9], *lines[11:]], 10),
                             ([*lines[:9], lines[8], *lines[9:]], 9), (lines[:20], 21)):  # fmt: skip
        whole.write_text("".join(spoilt))
        found = (await audit.verify([ExportedFile(whole)], None, kept)).wrong
        assert found is not None
        assert found.position in (position, position + 1)
    whole.write_text("{}\n")
    with pytest.raises(ValueError, match="not a row"):
        await audit.verify([ExportedFile(whole)], None, kept)


async def test_a_folder_takes_no_other_key_log_or_damaged_tile(world: World) -> None:
    await world.append(300)
    await world.checkpoint()
    await world.keep()
    folder = world.folder / "kept"
    with pytest.raises(FolderBroken, match="another one"):
        Kept(folder, Verifier(world.signer.name, b"x" * 32))
    with pytest.raises(FolderBroken, match="no key"):
        _ = Kept(world.folder / "empty").verifier
    stranger = Kept(world.folder / "stranger", Verifier("other.example/log", world.signer.verifier.public_key))
    with pytest.raises(NoteRefused):
        await audit.keep(ServedLog(world.store), stranger)
    tile = folder / "tile" / "0" / "001.p" / "44"
    tile.write_bytes(bytes(len(tile.read_bytes())))
    with pytest.raises(FolderBroken, match="root"):
        await world.verify()
    tile.unlink()
    with pytest.raises(FolderBroken, match="cannot be read"):
        await world.verify()

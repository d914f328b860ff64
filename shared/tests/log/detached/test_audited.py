"""An auditor reads on across detached files, and whoever changes a file is found, as who changes a row is."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from hashlib import sha256
from typing import Any

import pytest

from kompetenspass.core.errors import Problem
from kompetenspass.log.api import NoLongerKept
from kompetenspass.log.detached.attaching import attach
from kompetenspass.log.detached.files import FORMAT, FileBroken, PartFile, manifest_file
from kompetenspass.log.merkle.rows import ExportedFile

World = Any
AT = 27


def rewritten(part: PartFile, change: Callable[[list[str]], Sequence[str]]) -> None:
    """Change the lines of a file, and its manifest with it, as somebody does who may write there."""
    lines = change(gzip.decompress(part.path.read_bytes()).decode().split("\n")[:-1])
    content = gzip.compress("".join(f"{line}\n" for line in lines).encode())
    part.path.write_bytes(content)
    said = replace(part.manifest, sha256=sha256(content).hexdigest(), size=len(content))
    manifest_file(part.path.parent, said).write_text(json.dumps({"format": FORMAT, **asdict(said)}))


def changed(lines: list[str]) -> Sequence[str]:
    row = json.loads(lines[AT - 21])
    row["data"] = row["data"].replace("conformance", "conformity")
    return [*lines[: AT - 21], json.dumps(row, separators=(",", ":")), *lines[AT - 20 :]]


def swapped(lines: list[str]) -> Sequence[str]:
    one, other = (json.loads(lines[n]) for n in (AT - 21, AT - 20))
    one["position"], other["position"] = other["position"], one["position"]
    return [*lines[: AT - 21], *(json.dumps(row, separators=(",", ":")) for row in (other, one)), *lines[AT - 19 :]]


async def test_an_audit_goes_through_the_files_and_on_through_the_tables(world: World) -> None:
    await world.fill(70)
    await world.detach(50)
    outcome = await world.audited()
    assert (outcome.wrong, outcome.size) == (None, 70)


@pytest.mark.parametrize(("change", "way"), [(changed, "changed"), (swapped, "reordered")])
async def test_a_row_that_was_changed_in_a_file_is_named(
    world: World, change: Callable[[list[str]], Sequence[str]], way: str
) -> None:
    await world.fill(70)
    await world.detach(50)
    part = world.files.part_of(AT)
    rewritten(part, change)
    wrong = (await world.audited()).wrong
    assert (wrong.position, wrong.way) == (AT, way)
    with pytest.raises(Problem, match="file_broken"):
        await attach(world.admin, "wallet", world.folder)


@pytest.mark.parametrize(
    ("change", "position"),
    [
        (lambda lines: [*lines[: AT - 21], *lines[AT - 20 :]], AT),
        (lambda lines: [*lines[: AT - 20], lines[AT - 21], *lines[AT - 20 :]], AT + 1),
        (lambda lines: [*lines, lines[-1]], 41),
        (lambda lines: [*lines[: AT - 21], lines[AT - 21][:40], *lines[AT - 20 :]], AT),
    ],
    ids=["removed", "doubled", "added", "cut short"],
)
async def test_a_file_with_other_rows_is_named_with_the_first_of_them(
    world: World, change: Callable[[list[str]], Sequence[str]], position: int
) -> None:
    await world.fill(70)
    await world.detach(50)
    rewritten(world.files.part_of(AT), change)
    with pytest.raises(FileBroken, match=f"wallet-000000000000021-000000000000040.log.gz, position {position}:"):
        await world.audited()


async def test_a_file_that_a_disk_has_spoilt_is_named(world: World) -> None:
    await world.fill(70)
    await world.detach(50)
    part = world.files.part_of(AT)
    content = bytearray(part.path.read_bytes())
    content[len(content) // 2] ^= 1
    part.path.write_bytes(content)
    with pytest.raises(FileBroken, match=r"000021-000000000000040\.log\.gz, position 21:"):
        await world.audited()
    with pytest.raises(FileBroken, match="another checksum"):
        part.check()
    with pytest.raises(Problem, match="file_broken"):
        await attach(world.admin, "wallet", world.folder)


async def test_a_file_that_is_missing_is_no_end_of_the_log(world: World) -> None:
    await world.fill(70)
    await world.detach(50)
    world.files.part_of(AT).path.with_suffix("").with_suffix(".json").unlink()
    with pytest.raises(NoLongerKept):
        await world.audited()


async def test_whoever_removes_rows_and_calls_them_detached_is_found(world: World) -> None:
    await world.fill(70)
    await world.admin.execute("ALTER TABLE wallet_log.log DETACH PARTITION wallet_log.log_p1")
    await world.admin.execute("UPDATE wallet_log.log_head SET base = 20")
    with pytest.raises(NoLongerKept):
        await world.audited()


@pytest.mark.parametrize(
    ("statement", "way"),
    [
        ("INSERT INTO wallet_log.log_id SELECT gen_random_uuid(), 7, sha256 FROM wallet_log.log_id LIMIT 1", "removed"),
        (
            "CREATE TABLE wallet_log.behind (LIKE wallet_log.log); INSERT INTO wallet_log.behind "
            "SELECT 7, stream, 100, gen_random_uuid(), type, recorded, data FROM wallet_log.log LIMIT 1; "
            "ALTER TABLE wallet_log.log ATTACH PARTITION wallet_log.behind FOR VALUES FROM (1) TO (21)",
            "inserted",
        ),
    ],
    ids=["id", "row"],
)
async def test_what_the_tables_have_before_their_beginning_is_found(world: World, statement: str, way: str) -> None:
    await world.fill(70)
    await world.detach(50)
    await world.admin.execute(statement)
    wrong = (await world.audited()).wrong
    assert (wrong.position, wrong.way) == (7, way)


async def test_a_detached_file_is_read_like_an_exported_one(world: World) -> None:
    await world.fill(45)
    rows = await world.log.read(0, 20)
    await world.detach(21)
    (part,) = world.files.parts()
    assert [row async for page in ExportedFile(part.path).pages(0) for row in page] == rows


@pytest.mark.parametrize("text", ["", "{}", '{"format": "another"}', '{"format": "kompetenspass detached log 1"}'])
async def test_what_is_no_manifest_is_named(world: World, text: str) -> None:
    await world.fill(45)
    await world.detach(21)
    (file,) = world.folder.glob("*.json")
    file.write_text(text)
    with pytest.raises(FileBroken, match=file.name):
        world.files.parts()

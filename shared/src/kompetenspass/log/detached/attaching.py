"""Attaching: the newest of the detached partitions comes back from its file, and the log begins there again."""

from __future__ import annotations

from pathlib import Path

import asyncpg

from kompetenspass.core.errors import Kind, Problem
from kompetenspass.log.detached.detaching import refuse_others_than_the_owner
from kompetenspass.log.detached.files import FileBroken, PartFile
from kompetenspass.log.detached.folder import Detached
from kompetenspass.log.merkle.tree import Frontier, row_hash
from kompetenspass.log.partitions import named


async def attach(admin: asyncpg.Connection, owner: str, folder: Path) -> PartFile:
    """Put the partition that was detached last back into the log, in one transaction; return its file, which stays.

    Readers and appends go on meanwhile. Raises Problem `not_the_owner`, `nothing_to_attach`, `file_broken`.
    """
    await refuse_others_than_the_owner(admin, owner)
    log = f"{named(owner)}_log"
    base = await admin.fetchval(f"SELECT base FROM {log}.log_head")  # noqa: S608  checked name
    part = next((each for each in Detached(folder, owner).parts() if each.manifest.last == base), None)
    if part is None:
        raise Problem(
            "nothing_to_attach",
            f"No file here ends at position {base}, after which the log begins.",
            kind=Kind.NOT_FOUND,
            remedy="Name the folder that `log detach` wrote to.",
        )
    try:
        part.check()
        async with admin.transaction():
            await _attach(admin, log, owner, part)
    except FileBroken as error:
        raise _broken(str(error)) from error
    return part


async def _attach(admin: asyncpg.Connection, log: str, owner: str, part: PartFile) -> None:
    said, name, tree = part.manifest, f"log_p{part.manifest.first}", Frontier()
    await admin.execute(f"SET LOCAL ROLE {owner}_log_owner; SET LOCAL search_path = {log}, pg_temp")
    await admin.execute(f"CREATE TABLE {name} (LIKE log)")
    for page in part.pages(0):
        for row in page:
            tree.append(row_hash(row))
        await admin.copy_records_to_table(name, records=map(tuple, page))
    if tree.root() != said.root_hash:
        raise FileBroken(part.path, said.first, "its rows have another root than its manifest says")
    await admin.execute(f"ALTER TABLE {name} ADD PRIMARY KEY (position), ADD UNIQUE (stream, version)")
    await admin.execute("SELECT one FROM log_head FOR UPDATE")
    await admin.execute("SELECT add_partition($1, $2)", said.first, said.last)
    moved = await admin.execute("UPDATE log_head SET base = $1 WHERE base = $2", said.first - 1, said.last)
    if moved != "UPDATE 1":
        raise _broken("another partition was attached or detached meanwhile")


def _broken(detail: str) -> Problem:
    return Problem(
        "file_broken",
        f"The file cannot be attached ({detail}).",
        kind=Kind.CONFLICT,
        remedy="Fetch it from another copy; `audit verify` says which rows of it are wrong.",
    )

"""Processes that end with the one that started them."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

from kompetenspass.embedded.children import Children, with_parent
from kompetenspass.testing.processes import until_ended
from kompetenspass.testing.waiting import PATIENCE_SECONDS

SLEEPER = [sys.executable, "-c", "import time; print('here', flush=True); time.sleep(600)"]
PARENT = """
import asyncio, sys
from pathlib import Path
from kompetenspass.embedded.children import Children

async def main():
    children = Children(Path("."))
    program = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
    await children.start("sleeper", [sys.executable, "-c", program], {})
    await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_one_that_ends_by_itself_is_named(tmp_path: Path) -> None:
    children = Children(tmp_path)
    await children.start("sleeper", SLEEPER, {})
    await children.start("brief", [sys.executable, "-c", ""], {})
    async with asyncio.timeout(PATIENCE_SECONDS):
        await children.ended.wait()
    assert children.ended_one() == "brief"
    await children.stop()


async def test_those_that_are_asked_to_stop_have_not_ended_by_themselves(tmp_path: Path) -> None:
    children = Children(tmp_path)
    await children.start("sleeper", SLEEPER, {})
    assert children.ended_one() is None
    await children.stop()
    assert not children.ended.is_set()


async def test_they_do_not_outlive_a_parent_that_is_killed() -> None:
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", PARENT, stdout=asyncio.subprocess.PIPE)
    assert parent.stdout is not None
    child = int(await parent.stdout.readline())
    parent.kill()
    await until_ended(child)
    await parent.wait()


def test_they_do_not_begin_for_a_parent_that_is_gone() -> None:
    command = [*with_parent(), "echo", "began"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "began\n"
    under_another = ["sh", "-c", '"$@"; echo "$?"', "sh", *command]
    assert subprocess.run(under_another, capture_output=True, text=True, check=True).stdout == "1\n"

"""Large blocks go back: the same work in a process that was told so, and in one that was not."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

THREADS = 4
WORK = f"""
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from resource import getpagesize
from threading import Barrier

from kompetenspass.openid import status
from kompetenspass.web.memory import return_large_blocks

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * getpagesize()

def make_small(_):
    status.encode(values, 1)
    every_thread_has_one.wait()

if sys.argv[1] == "told":
    return_large_blocks()
values, every_thread_has_one = bytes(Random(1).choices((0, 1, 2), (9, 1, 1), k=131072)), Barrier({THREADS})
with ThreadPoolExecutor({THREADS}) as threads:
    list(threads.map(lambda _: every_thread_has_one.wait(), range({THREADS})))
    before = resident()
    for _ in range(3):
        list(threads.map(make_small, range({THREADS})))
    print(resident() - before)
"""


def grown(how: str) -> float:
    """Return by how many MiB a process is larger after making lists small in several threads."""
    done = subprocess.run([sys.executable, "-c", WORK, how], capture_output=True, text=True, check=True)
    return int(done.stdout) / 2**20


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries keep no large blocks")
def test_what_the_longest_search_needs_is_given_back_and_would_otherwise_be_kept_by_each_thread() -> None:
    assert grown("told") < 4
    assert grown("not told") > 2 * THREADS

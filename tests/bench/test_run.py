"""A run tells what failed, takes nothing from an earlier one, and leaves nothing running when it is told to stop."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path

import pytest

from bench.__main__ import every
from bench.machine import commit, versions
from bench.platform import ROOT
from bench.processes import children, family_seconds, name, processor_nanoseconds

STARTED_SECONDS = 600


async def test_a_case_that_does_not_end_by_itself_is_told_and_the_others_go_on() -> None:
    found, failed = await every(["no-such-case", "crypto"], ["--rounds", "1", "--size", "2"])
    assert failed == ["no-such-case"]
    assert [each["case"] for each in found] == ["crypto"]


async def test_a_file_says_of_which_state_of_the_code_it_is(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "crypto.json"
    arguments = ["crypto", "--rounds", "2", "--size", "2", "--json", str(out)]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench", *arguments, cwd=ROOT, stdout=asyncio.subprocess.DEVNULL
    )
    await process.wait()
    recorded = json.loads(out.read_text("utf-8"))
    assert (recorded["commit"], recorded["rounds"], recorded["failed"]) == (commit(), 2, [])
    assert recorded["began"] < recorded["ended"]
    assert {"cryptography", "sd-jwt", "joserfc", "orjson", "uvloop"} <= set(recorded["versions"]) == set(versions())


@pytest.mark.long
@pytest.mark.parametrize("case", ["eventlog", "projection"])
async def test_what_was_started_ends_with_a_run_that_is_told_to_stop(case: str, request: pytest.FixtureRequest) -> None:
    if case == "projection":
        request.getfixturevalue("real_kafka")  # so that Kafka is fetched, or told why not
    nowhere = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench", case, "--rounds", "1", cwd=ROOT, stdout=nowhere, stderr=nowhere
    )
    async with asyncio.timeout(STARTED_SECONDS):
        while not (databases := [pid for pid in children(process.pid) if name(pid) == "postgres"]):
            assert process.returncode is None
            await asyncio.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 128 + signal.SIGTERM
    assert [pid for pid in databases if Path(f"/proc/{pid}").exists()] == []  # noqa: ASYNC240  of the kernel


async def test_the_processor_time_of_a_process_has_its_ended_threads_and_children_in_it() -> None:
    burn = "import time\nwhile time.process_time() < 0.2: pass"
    thread = "def f():\n while time.process_time() < 0.4: pass\nx = threading.Thread(target=f)\nx.start(); x.join()"
    child = f"import subprocess, sys, threading, time\nsubprocess.run([sys.executable, '-c', {burn!r}])"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", f"{child}\n{thread}\nprint('done', flush=True)\ninput()",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    await process.stdout.readline()
    alone, family = processor_nanoseconds(process.pid) / 1e9, family_seconds(process.pid)
    await process.communicate(b"\n")
    assert alone >= 0.4
    assert family >= alone + 0.19
    with pytest.raises(OSError):
        processor_nanoseconds(process.pid)

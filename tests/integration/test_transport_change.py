"""A state folder goes on by the other transport, and back: each event is read once, whatever it came by."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import httpx2
import pytest

from tests.integration.flows import Partner, Released
from tests.integration.kinds import FIVE, KAFKA_HERE, ONE, Kind
from tests.integration.parties import opened
from tests.integration.platform_process import Platform

FLOWS = 2
_SECONDS = 300


async def flows(platform: Platform) -> None:
    async with httpx2.AsyncClient(timeout=120) as http:
        partner = Partner(platform.urls, platform.tokens, http)
        for _ in range(FLOWS):
            await partner.flow(Released())


async def check_read_once(platform: Platform) -> None:
    """Check that the wallet has a row for each credential, and that its readers come by the platform's transport."""
    issued = await platform.issued()
    with opened(platform) as parties:
        parties.reached("wallet", f"issuance={len(await platform.log_of('issuance'))}")
    rows = await platform.rows("wallet", "SELECT credential_id::text FROM issues")
    assert Counter(row[0] for row in rows) == Counter(str(event.credential_id) for event in issued)
    by = await platform.rows("wallet", "SELECT DISTINCT transport FROM runner_cursor WHERE log <> 'wallet'")
    assert by == [("kafka" if platform.kind.kafka else "postgres",)]


async def played_on(folder: Path, kind: Kind) -> int:
    """Play some flows on a folder's platform; return how many credentials it has issued by now."""
    platform = Platform(folder, kind)
    await platform.start()
    try:
        await flows(platform)
        await check_read_once(platform)
        return len(await platform.issued())
    finally:
        assert platform.stop() == 0


@pytest.mark.long
async def test_a_folder_goes_on_by_kafka_and_back_and_reads_nothing_twice(tmp_path: Path) -> None:
    for number, kind in enumerate((ONE, KAFKA_HERE, FIVE), 1):
        assert await played_on(tmp_path, kind) == number * FLOWS


@pytest.mark.long
async def test_a_kafka_that_was_removed_is_filled_again_from_the_logs(tmp_path: Path) -> None:
    assert await played_on(tmp_path, KAFKA_HERE) == FLOWS
    shutil.rmtree(tmp_path / "kafka")
    assert await played_on(tmp_path, KAFKA_HERE) == 2 * FLOWS


def test_without_java_it_says_what_to_install(tmp_path: Path) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    for folder in map(Path, os.environ["PATH"].split(os.pathsep)):  # noqa: TID251  the test's own surroundings
        for program in folder.glob("*") if os.access(folder, os.R_OK | os.X_OK) else ():
            if program.name not in ("java", "mvn") and not os.path.lexists(programs / program.name):
                (programs / program.name).symlink_to(program)
    command = [sys.executable, "-m", "services", "--kafka", "--folder", str(tmp_path / "state")]
    surroundings = {"PATH": str(programs), "HOME": str(tmp_path)}
    done = subprocess.run(command, env=surroundings, capture_output=True, text=True, timeout=_SECONDS, check=False)
    assert done.returncode == 1
    assert "java_missing: Java, which runs Kafka, is not installed. Install version 17" in done.stderr
    assert "KAFKA_BOOTSTRAP_SERVERS" in done.stderr
    assert "Traceback" not in done.stderr

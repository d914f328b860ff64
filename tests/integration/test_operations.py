"""Running it: health, waiting for a position, replay, backup and restore, stopping, and what a second start says."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
import segno

from kompetenspass.core.ids import uuid7
from tests.integration.kinds import Kind
from tests.integration.parties import Parties, offered, opened, planned
from tests.integration.platform_process import Platform

LEARNER = {"given_name": "Ola", "family_name": "Drift"}
STARTED = "for laptops and trials only"
_SECONDS = 300


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory, kind: Kind) -> Iterator[Platform]:
    """A platform of this module's own: it is stopped, restored and started again."""
    running = Platform(tmp_path_factory.mktemp("operations"), kind)
    asyncio.run(running.start())
    yield running
    running.stop()


def command(*arguments: str, environment: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Return how a command ended; with `environment`, as a shell that has read that file."""
    program = " ".join((sys.executable, "-m", *arguments))
    line = f". {environment} && exec {program}" if environment else f"exec {program}"
    return subprocess.run(["/bin/sh", "-c", line], capture_output=True, text=True, timeout=_SECONDS, check=False)


@contextmanager
def started(platform: Platform) -> Iterator[subprocess.Popen[str]]:
    """Yield `python -m services` once it serves."""
    folder = platform.folder
    arguments = [sys.executable, "-m", "services", "--folder", str(folder), *platform.kind.options]
    with (folder / "services.log").open("a") as errors:
        process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=errors, text=True)
    assert process.stdout is not None
    with process, process.stdout:
        try:
            assert any(STARTED in line for line in process.stdout), "it did not start"
            yield process
        finally:
            process.kill()


def postmaster(folder: Path) -> int:
    """Return the process id of the embedded PostgreSQL."""
    (file,) = folder.glob("postgres/**/postmaster.pid")
    return int(file.read_text().split()[0])


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_health_says_how_far_each_reader_is(platform: Platform) -> None:
    with opened(platform) as parties:
        for service in parties.urls:
            assert parties.ask("get", service, "/livez").json() == {"status": "ok"}
            ready = parties.ask("get", service, "/readyz").json()
            assert (ready["status"], ready["reasons"], ready["parked"]) == ("ready", [], 0)
            members = {"reader", "log", "position", "lag", "halted", "stalled"}
            assert ready["cursors"]
            assert all(members == set(each) for each in ready["cursors"])


def received(parties: Parties) -> str:
    """Let the hosted wallet of a new account receive a credential; return the account's token."""
    account = parties.learner(uuid7())
    merit = planned(parties, LEARNER)
    offered(parties, merit, [90, 90], tx_code=False)
    accepted = {"offer_uri": merit.offer["offer_uri"]}
    answer = parties.ask("post", "wallet", "/v1/credentials", account, json=accepted)
    assert answer.status_code == 201, answer.text
    return account


def timeline(parties: Parties, account: str) -> object:
    """Return an account's timeline once the wallet has read what there is."""
    heads = {owner: len(asyncio.run(parties.platform.log_of(owner))) for owner in ("issuance", "wallet")}
    position = ", ".join(f"{owner}={head}" for owner, head in heads.items())
    parties.reached("wallet", position)
    answer = parties.ask("get", "wallet", "/v1/timeline", account, headers={"Wait-For": position})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_reader_waits_for_the_position_of_a_command(platform: Platform) -> None:
    with opened(platform) as parties:
        for _ in range(5):
            assert len(timeline(parties, received(parties))["rows"]) == 1  # type: ignore[index]  # it is JSON
        for wanted, status, code in (
            ("issuance=999999999", 503, "not_caught_up"),
            ("nobody=1", 400, "invalid_request"),
            ("issuance", 400, "invalid_request"),
        ):
            answer = parties.ask("get", "wallet", "/livez", headers={"Wait-For": wanted})
            assert (answer.status_code, answer.json()["code"]) == (status, code)


async def timeline_rows(platform: Platform) -> Mapping[str, list[str]]:
    """Return the timeline's read tables, row by row, as the service sees them."""
    tables = ("issues", "copies", "changes", "organisations", "titles", "account_copies", "shares")
    return {
        table: sorted(str(row) for (row,) in await platform.rows("wallet", f"SELECT t::text FROM wallet.{table} t"))
        for table in tables
    }


def test_an_offer_is_a_qr_code_in_a_terminal(platform: Platform) -> None:
    with opened(platform) as parties:
        merit = planned(parties, LEARNER)
        offered(parties, merit, [90, 90])
        path = merit.offer["qr_svg_url"].removeprefix(parties.urls["issuance"]).removesuffix("svg")
        answer = parties.ask("get", "issuance", f"{path}txt")
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        expected = io.StringIO()
        code = segno.make(merit.offer["offer_uri_by_reference"], error="m")
        code.terminal(out=expected, compact=True, border=2)
        assert answer.text == expected.getvalue()
        assert parties.ask("get", "issuance", "/offers/nothing/qr.txt").status_code == 404


def test_a_replay_beside_the_running_platform_gives_the_same_rows(platform: Platform) -> None:
    with opened(platform) as parties:
        account = received(parties)
        before, rows = timeline(parties, account), asyncio.run(timeline_rows(platform))
        for arguments in (["replay", "timeline"], ["replay", "timeline", "--drop-old"]):
            done = command("services.wallet", *arguments, environment=platform.folder / "environment")
            assert done.returncode == 0, done.stderr
            assert "generation" in done.stdout
            assert asyncio.run(timeline_rows(platform)) == rows
            assert timeline(parties, account) == before
        parked = command("services.wallet", "parked", "list", environment=platform.folder / "environment")
        assert (parked.returncode, parked.stdout) == (0, "")


def test_a_second_start_says_that_one_runs(platform: Platform) -> None:
    done = command("services", "--folder", str(platform.folder))
    assert done.returncode == 1
    assert "already_running: Another process runs the embedded PostgreSQL in this folder." in done.stderr
    assert "Traceback" not in done.stderr
    done = command("kompetenspass.embedded", "restore", "nothing", "--folder", str(platform.folder / "postgres"))
    assert (done.returncode, "already_running" in done.stderr) == (1, True)


def test_a_backup_is_restored_and_its_logs_have_another_epoch(platform: Platform) -> None:
    file, folder = platform.folder / "backup.dump", str(platform.folder / "postgres")
    with opened(platform) as parties:
        account = received(parties)
        before, epoch = timeline(parties, account), asyncio.run(epoch_of(platform))
        done = command("kompetenspass.embedded", "backup", str(file), "--folder", folder)
        assert done.returncode == 0, done.stderr
        assert file.stat().st_mode & 0o077 == 0
        received(parties)
    assert platform.stop() == 0
    done = command("kompetenspass.embedded", "restore", str(file), "--folder", folder)
    assert done.returncode == 0, done.stderr
    asyncio.run(platform.start())  # its own readers go on: each is ready
    assert asyncio.run(epoch_of(platform)) != epoch
    with opened(platform) as parties:
        assert timeline(parties, account) == before
        assert timeline(parties, received(parties))


async def epoch_of(platform: Platform) -> object:
    """Return the epoch of issuance's log."""
    return await platform.rows("issuance", "SELECT epoch FROM issuance_log.log_head")


def test_a_taken_port_is_named(platform: Platform) -> None:
    platform.stop()
    port = json.loads((platform.folder / "ports.json").read_text())["registry"]
    with socket.create_server(("127.0.0.1", port)):
        done = command("services", "--folder", str(platform.folder))
    assert done.returncode == 1
    assert f"port_taken: Another program listens on port {port}, which belongs to registry." in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_cleanly_and_postgresql_with_it(platform: Platform, sign: signal.Signals) -> None:
    platform.stop()
    with started(platform) as process:
        server = postmaster(platform.folder)
        assert lives(server)
        process.send_signal(sign)
        assert process.wait(_SECONDS) == 0
    assert not lives(server)
    assert not list(platform.folder.glob("postgres/**/postmaster.pid"))

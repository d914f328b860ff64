"""An auditor at the running platform: each log is kept over HTTP and verified row by row, by the commands alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from kompetenspass.log.merkle.note import verified_checkpoint, verifier_of
from kompetenspass.testing.waiting import until
from tests.integration.platform_process import Platform

SERVICES = ("catalog", "issuance", "registry", "verification", "wallet")


def audit(service: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Return how a command ended; it is told no setting of the platform."""
    command = [sys.executable, "-m", f"services.{service}", "audit", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.parametrize("service", SERVICES)
async def test_a_stranger_to_the_platform_keeps_and_verifies_each_log(
    platform: Platform, service: str, tmp_path: Path
) -> None:
    url, folder = f"{platform.urls[service]}/log", str(tmp_path / "kept")
    async with httpx2.AsyncClient(timeout=120) as http:

        async def signed() -> bool:
            return (await http.get(f"{url}/checkpoint")).status_code == 200

        await until(signed)
        key = (await http.get(f"{url}/key")).text.strip()
        checkpoint = verified_checkpoint((await http.get(f"{url}/checkpoint")).content, [verifier_of(key)])
    assert checkpoint.origin.startswith(f"{url.removeprefix('http://')}/")
    refused = audit(service, "keep", folder, "--url", url)
    assert (refused.returncode, "no key was kept" in refused.stderr) == (2, True)
    kept = audit(service, "keep", folder, "--url", url, "--key", key)
    assert kept.returncode == 0, kept.stderr
    verified = audit(service, "verify", folder, "--url", url, "--dsn", platform.dsn(service))
    assert (verified.returncode, verified.stderr) == (0, "")
    assert len(await platform.log_of(service)) >= int(verified.stdout.split()[-2]) >= checkpoint.size

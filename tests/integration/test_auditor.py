"""An auditor at the running platform: each log is kept over HTTP and verified row by row, by the commands alone."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import httpx2
import pytest

from kompetenspass.core.ids import uuid7
from kompetenspass.log.merkle.note import Checkpoint, verified_checkpoint, verifier_of
from kompetenspass.web.transparency import CHECKPOINT_SECONDS
from tests.integration.parties import DEFINITION, VERIFIER, Parties, offered, planned
from tests.integration.platform_process import Platform

SERVICES = ("catalog", "issuance", "registry", "verification", "wallet")


def audit(service: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Return how a command ended; it is told no setting of the platform."""
    command = [sys.executable, "-m", f"services.{service}", "audit", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture(scope="module")
def heads(parties: Parties) -> Mapping[str, int]:
    """Have every service say something; return how long each log is then."""
    merit = planned(parties, {"given_name": "Prov", "family_name": "Person"})
    offered(parties, merit, [90.0, 90.0], tx_code=False)
    parties.must("wallet", "/v1/credentials", parties.learner(uuid7()), {"offer_uri": merit.offer["offer_uri"]})
    parties.must("verification", "/v1/requests", parties.token(VERIFIER, "verifier"), {"definition_id": DEFINITION})
    return {service: len(asyncio.run(parties.platform.log_of(service))) for service in SERVICES}


async def signed(http: httpx2.AsyncClient, url: str, key: str, size: int) -> Checkpoint:
    """Return the newest checkpoint, once it is of so many events."""
    async with asyncio.timeout(3 * CHECKPOINT_SECONDS):
        while True:
            checkpoint = verified_checkpoint((await http.get(f"{url}/checkpoint")).content, [verifier_of(key)])
            if checkpoint.size >= size:
                return checkpoint
            await asyncio.sleep(1)


@pytest.mark.parametrize("service", SERVICES)
async def test_a_stranger_to_the_platform_keeps_and_verifies_each_log(
    platform: Platform, heads: Mapping[str, int], service: str, tmp_path: Path
) -> None:
    url, folder = f"{platform.urls[service]}/log", str(tmp_path / "kept")
    async with httpx2.AsyncClient(timeout=120) as http:
        key = (await http.get(f"{url}/key")).text.strip()
        checkpoint = await signed(http, url, key, heads[service])
    assert checkpoint.size >= heads[service] > 0
    assert checkpoint.origin.startswith(f"{url.removeprefix('http://')}/")
    refused = audit(service, "keep", folder, "--url", url)
    assert (refused.returncode, "no key was kept" in refused.stderr) == (2, True)
    kept = audit(service, "keep", folder, "--url", url, "--key", key)
    assert kept.returncode == 0, kept.stderr
    verified = audit(service, "verify", folder, "--url", url, "--dsn", platform.dsn(service))
    assert (verified.returncode, verified.stderr) == (0, "")
    assert len(await platform.log_of(service)) >= int(verified.stdout.split()[-2]) >= checkpoint.size

"""What docker-compose.yml starts, started as processes of this machine: a profile sets itself up and issues."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml

from kompetenspass.embedded.kafka.broker import EmbeddedKafka
from kompetenspass.embedded.ports import kept_ports
from kompetenspass.embedded.postgres import EmbeddedPostgres
from kompetenspass.embedded.tokens import DevelopmentTokenIssuer
from tests.integration.flows import Partner, Released

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
PORTS = [hundreds + number for hundreds in (8000, 8100, 8200) for number in range(1, 6)]
_SECONDS = 600
_ASK_SECONDS = 1.0

Container = Mapping[str, Any]


def written_for_here(folder: Path, postgres: EmbeddedPostgres, bootstrap: str) -> dict[str, Container]:
    """Return the containers with the addresses, ports and folders of this test instead of those of the file."""
    text = (ROOT / "docker-compose.yml").read_text()
    place = postgres.dsn("x").partition("@")[2]
    said = {old: str(new) for old, new in kept_ports(folder / "container-ports.json", map(str, PORTS)).items()} | {
        "127.0.0.1:5432/kompetenspass": place,
        "127.0.0.1:9092": bootstrap,
        "/state": str(folder),
        "0.0.0.0": "127.0.0.1",
    }
    text = re.sub("|".join(map(re.escape, said)), lambda found: said[found[0]], text)
    containers: dict[str, Container] = yaml.safe_load(text)["services"]
    return containers


async def ended_well(command: list[str], environment: Mapping[str, str]) -> bool:
    process = await asyncio.create_subprocess_exec(*command, env=environment, cwd=ROOT)
    return await process.wait() == 0


def here(command: list[str]) -> list[str]:
    assert command[0] == "python"
    return [sys.executable, *command[1:]]


@contextlib.asynccontextmanager
async def running(container: Container) -> AsyncIterator[None]:
    process = await asyncio.create_subprocess_exec(
        *here(container["command"]), env=container["environment"], cwd=ROOT, start_new_session=True
    )
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        assert await process.wait() == 0, container["command"]


async def until_set_up(folder: Path) -> None:
    """Return once the first start has made what a platform begins with, and all services have read it."""
    async with asyncio.timeout(_SECONDS):
        while not (folder / "set-up.done").exists():  # noqa: ASYNC110  another process makes it, a brief look
            await asyncio.sleep(_ASK_SECONDS)


async def until_healthy(container: Container) -> None:
    """Return once the container's own health check succeeds."""
    check = here(container["healthcheck"]["test"][1:])
    async with asyncio.timeout(_SECONDS):
        while not await ended_well(check, {"PATH": os.defpath}):  # noqa: ASYNC110  it is another process's
            await asyncio.sleep(_ASK_SECONDS)


async def issue(containers: Mapping[str, Container], folder: Path) -> None:
    """Issue one credential over the published addresses."""
    settings = containers["all"]["environment"]
    names = ("catalog", "issuance", "registry", "verification", "wallet")
    urls = {name: settings[f"KOMPETENSPASS_{name.upper()}_BASE_URL"] for name in names}
    tokens = DevelopmentTokenIssuer(folder / "tokens", f"{urls['catalog']}/development-tokens")
    released = Released()
    async with httpx2.AsyncClient(timeout=120) as http:
        await Partner(urls, tokens, http).flow(released)
    assert len(released.digests) == 1


@pytest.mark.parametrize(("profile", "processes"), [("default", 1), ("services", 5), ("kafka", 15)])
async def test_a_profile_sets_itself_up_and_issues(tmp_path: Path, profile: str, processes: int) -> None:
    folder = tmp_path / "volume"
    folder.mkdir()
    async with AsyncExitStack() as stack:
        postgres, bootstrap = EmbeddedPostgres(tmp_path / "postgres"), "nowhere"
        stack.push_async_callback(postgres.stop)
        await postgres.start()
        if profile == "kafka":
            kafka = EmbeddedKafka(tmp_path / "kafka")
            stack.push_async_callback(kafka.stop)
            await kafka.start()
            bootstrap = kafka.bootstrap
        containers = written_for_here(folder, postgres, bootstrap)
        ours = [each for each in containers.values() if profile in each.get("profiles", ()) and "build" in each]
        for each in ours:
            if "healthcheck" not in each:
                assert await ended_well(here(each["command"]), each["environment"])
        lasting = [each for each in ours if "healthcheck" in each]
        assert len(lasting) == processes
        for each in lasting:
            await stack.enter_async_context(running(each))
        await until_set_up(folder)
        for each in lasting:
            await until_healthy(each)
        await issue(containers, folder)

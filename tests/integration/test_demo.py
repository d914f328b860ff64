"""`make demo EXIT=1` as a stranger types it, twice: the story holds, and the second start finds the data again."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx2
import pytest

from demo.__main__ import play
from demo.parties import Stage, StoryBroken
from demo.story import STORY, Memory
from services.__main__ import Laptop

_SECONDS = 180


async def demonstrated(folder: Path) -> tuple[int, str]:
    """Return the exit code and what was printed."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "demo", "--exit", "--folder", str(folder)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(_SECONDS):
        output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode()


def check_report(report: Mapping[str, Any]) -> None:
    """Check what a visitor with a wallet of their own needs."""
    assert set(report["services"]) == {"catalog", "issuance", "registry", "verification", "wallet"}
    assert [(each["step"], each["ok"]) for each in report["story"]] == [(name, True) for name, _ in STORY]
    assert all(offer["uri"].startswith("openid-credential-offer://?") for offer in report["offers"])
    assert [offer["tx_code"] is None for offer in report["offers"]] == [True, False, False]
    assert len(report["requests"]) == 2
    assert all(uri.startswith("openid4vp://?") for uri in report["requests"])
    assert "learner" in report["tokens"]


async def test_the_demo_ends_well_twice_and_keeps_its_data(tmp_path: Path) -> None:
    for _ in range(2):
        code, output = await demonstrated(tmp_path)
        assert code == 0, output
        check_report(json.loads((tmp_path / "demo.json").read_text()))
    assert (tmp_path / "demo.json").stat().st_mode & 0o077 == 0
    async with Laptop(tmp_path) as laptop, httpx2.AsyncClient() as http:
        stage = Stage(laptop.urls, {"learner": laptop.learner_token()}, http)
        rows = (await stage.get("learner", "wallet", "/v1/timeline"))["rows"]
    assert [row["kind"] for row in rows] == ["issued", "revoked", "issued", "revoked"]


async def test_a_step_that_does_not_hold_ends_the_story(monkeypatch: pytest.MonkeyPatch) -> None:
    async def holds(_stage: Stage, _memory: Memory) -> str:
        return "yes"

    async def breaks(_stage: Stage, _memory: Memory) -> str:
        raise StoryBroken("no")

    monkeypatch.setattr("demo.story.STORY", (("one", holds), ("two", breaks), ("three", holds)))
    async with httpx2.AsyncClient() as http:
        played = await play(Stage({}, {}, http), Memory())
    assert [(each.step, each.ok) for each in played] == [("one", True), ("two", False)]

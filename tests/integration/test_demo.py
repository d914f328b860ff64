"""`make demo EXIT=1` as a stranger types it, twice: the story holds, and the second start finds the data again."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx2
import pytest

from demo import merit, retail
from demo.__main__ import play
from demo.handover import timeline_link
from demo.hydropower import DUTY_PATHWAY, MERITS, TECHNICIAN_PATHWAY
from demo.lapse import LOCKOUT
from demo.memory import Memory
from demo.parties import LEARNER, PARTIES, TECHNICIAN, Stage, StoryBroken, until
from demo.story import STORY, Chapter
from services.laptop.running import Laptop
from tests.integration.kinds import KAFKA_HERE, KINDS, Kind, parameters

_SECONDS = 900


async def demonstrated(folder: Path, kind: Kind) -> tuple[int, str]:
    """Return the exit code and what was printed."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "demo", "--exit", "--folder", str(folder), *kind.options),
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
    steps = [(name, True) for chapter in STORY for name, _ in chapter.steps]
    assert [(each["step"], each["ok"]) for each in report["story"]] == steps
    assert all(offer["uri"].startswith("openid-credential-offer://?") for offer in report["offers"])
    assert [offer["tx_code"] is None for offer in report["offers"]] == [True, False, False]
    assert len(report["requests"]) == 2
    assert all(uri.startswith("openid4vp://?") for uri in report["requests"])
    assert {LEARNER, TECHNICIAN, *PARTIES} == set(report["tokens"])


async def check_technician(stage: Stage) -> None:
    """Check what the technician's wallet has after the story: everything holds, and the page says so."""
    timeline = await stage.get(TECHNICIAN, "wallet", "/v1/timeline")
    assert sorted(each["definition_id"] for each in timeline["credentials"]) == sorted(
        (*MERITS, TECHNICIAN_PATHWAY, DUTY_PATHWAY)
    )
    assert {each["status"] for each in timeline["credentials"]} == {"valid"}
    changes = Counter((each["definition_id"], each["kind"]) for each in timeline["rows"] if each["kind"] != "issued")
    assert changes == {
        (LOCKOUT, "suspended"): 2,
        (LOCKOUT, "reinstated"): 2,
        (TECHNICIAN_PATHWAY, "awarded"): 1,
        (TECHNICIAN_PATHWAY, "suspended"): 2,
        (TECHNICIAN_PATHWAY, "reinstated"): 2,
        (DUTY_PATHWAY, "awarded"): 1,
        (DUTY_PATHWAY, "suspended"): 3,
        (DUTY_PATHWAY, "reinstated"): 2,  # not when a lapse ended below a suspension that stood
    }
    pathways = (await stage.get(TECHNICIAN, "wallet", "/v1/pathways"))["pathways"]
    states = {each["pathway_id"]: (each["state"], each["text"]["sv"]) for each in pathways}
    assert states[DUTY_PATHWAY] == ("awarded", "23 av 23, aktiv")
    assert (await stage.http.get(await timeline_link(stage, TECHNICIAN))).status_code == 303
    page = await stage.http.get(f"{stage.urls['wallet']}/timeline/pathways?lang=sv")
    assert page.status_code == 200
    assert "23 av 23" in page.text


@pytest.mark.parametrize("kind", parameters([*KINDS, KAFKA_HERE]), indirect=True)
async def test_the_demo_ends_well_twice_and_keeps_its_data(tmp_path: Path, kind: Kind) -> None:
    for _ in range(2):
        code, output = await demonstrated(tmp_path, kind)
        assert code == 0, output
        report = json.loads((tmp_path / "demo.json").read_text())
        check_report(report)
    assert (tmp_path / "demo.json").stat().st_mode & 0o077 == 0
    async with Laptop(tmp_path, apart=kind.apart, kafka=kind.kafka) as laptop, httpx2.AsyncClient(timeout=120) as http:
        stage = Stage(laptop.urls, report["tokens"], http)
        rows = (await stage.get(LEARNER, "wallet", "/v1/timeline"))["rows"]
        await check_technician(stage)
    told = [(row["definition_id"], row["kind"]) for row in rows]
    assert told == [(merit.DEFINITION, "issued"), (merit.DEFINITION, "revoked"), (retail.DEFINITION, "issued")] * 2


async def test_a_step_that_does_not_hold_ends_the_story(monkeypatch: pytest.MonkeyPatch) -> None:
    async def holds(_stage: Stage, _memory: Memory) -> str:
        return "yes"

    async def breaks(_stage: Stage, _memory: Memory) -> str:
        raise StoryBroken("no")

    chapters = (Chapter("a", (("one", holds), ("two", breaks), ("three", holds))), Chapter("b", (("four", holds),)))
    monkeypatch.setattr("demo.story.STORY", chapters)
    async with httpx2.AsyncClient(timeout=120) as http:
        played = await play(Stage({}, {}, http), Memory())
    assert [(each.step, each.ok) for each in played] == [("one", True), ("two", False)]


async def test_what_never_comes_is_waited_for_only_so_long() -> None:
    async def never() -> None:
        return None

    with pytest.raises(StoryBroken, match="it did not come within 0 s"):
        await until(never, "it did not come", 0)

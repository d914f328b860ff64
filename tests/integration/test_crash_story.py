"""`kill -9` twenty times while learners earn, stack, lose and regain: every log, list, table and wallet agrees."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest

from tests.integration import stacking_checks as checks
from tests.integration.kinds import Kind
from tests.integration.platform_process import Platform
from tests.integration.stacking_flows import Learner, Line, Partner, Wallet
from tests.integration.stacking_stories import ASSISTANTS, TECHNICIANS, care_assistant, technician
from tests.integration.stacking_truth import Truth

SEED = 20261121
LONGEST_LIFE_SECONDS = 4.0
DURING_START, LONGEST_START_SECONDS = 5, 12.0
"""One kill in so many comes while the platform is still starting, at any moment of so long."""

Story = Callable[[Partner, Learner, int], Awaitable[str]]


@pytest.fixture
def platform(tmp_path: Path, kind: Kind) -> Iterator[Platform]:
    running = Platform(tmp_path, kind)
    yield running
    running.stop()


@dataclass
class Cast:
    """Learners on the stage, several at once, and what their wallets were handed."""

    line: Line
    platform: Platform
    released: dict[str, str] = field(default_factory=dict)
    ends: list[str] = field(default_factory=list)
    over: bool = False

    async def partner(self, slug: str) -> Partner:
        """Return a partner who knows the published definitions."""
        url = f"{self.platform.urls['catalog']}/v1/definitions"
        definitions = {}
        for prefix in ("skk-vk", "sko-ys"):
            for one in (await self.line.ask("GET", f"{url}?q={prefix}&limit=100"))["items"]:
                definition = await self.line.ask("GET", f"{url}/{one['definition_id']}")
                definitions[definition["content"]["id"]] = definition["content"]
        return Partner(slug, self.line, self.platform.tokens, definitions)

    async def play(self, partner: Partner, story: Story, numbers: Iterator[int], endings: int) -> None:
        """Tell the story of one learner after the other until the kills are over and each ending was told."""
        while (number := next(numbers)) < endings or not self.over:
            learner = Learner(f"{partner.slug} {number}", Wallet(self.line, self.released))
            self.ends.append(await story(partner, learner, number))


async def killed(platform: Platform, up: asyncio.Event, moments: random.Random) -> None:
    """Kill the platform again and again, in the middle of whatever it does."""
    kills = platform.kind.kills
    for number in range(1, kills + 1):
        life = moments.uniform(0.1, LONGEST_LIFE_SECONDS if up.is_set() else LONGEST_START_SECONDS)
        await asyncio.sleep(life)
        platform.kill()
        up.clear()
        print(f"kill {number} of {kills} after {life:.2f} s (seed {SEED})", flush=True)
        if (number + 1) % DURING_START == 0:
            platform.launch()
            continue
        began = time.monotonic()
        await platform.start()
        print(f"ready again after {time.monotonic() - began:.1f} s", flush=True)
        up.set()


async def played(platform: Platform, http: httpx2.AsyncClient) -> Cast:
    """Return the cast after a story with many kills, each learner's brought to its end."""
    cast = Cast(Line(platform.urls, http), platform)
    cast.line.up.set()
    kraft, kommun = await cast.partner("skelleftea-kraft"), await cast.partner("skelleftea-kommun")
    technicians, assistants = itertools.count(), itertools.count()
    stories = [cast.play(kraft, technician, technicians, len(TECHNICIANS)) for _ in range(3)]
    stories += [cast.play(kommun, care_assistant, assistants, len(ASSISTANTS)) for _ in range(2)]

    async def until_over() -> None:
        await killed(platform, cast.line.up, random.Random(SEED))
        cast.over = True

    async with asyncio.TaskGroup() as group:
        for each in (until_over(), *stories):
            group.create_task(each)
    print(f"{cast.line.lost} answers lost; {len(cast.released)} copies; {cast.ends}", flush=True)
    return cast


@pytest.fixture
async def http() -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(timeout=20) as client:
        yield client


@pytest.mark.long
async def test_kills_during_the_whole_story_leave_logs_lists_tables_and_wallets_agreed(
    platform: Platform, http: httpx2.AsyncClient
) -> None:
    await platform.start()
    cast = await played(platform, http)
    await checks.settled(platform, http)
    truth = await Truth.of_the(platform)
    await checks.check_published(truth, http)
    checks.check_copies(truth, cast.released)
    checks.check_offers(truth)
    checks.check_made_once(truth)
    for stack_id, award in truth.awards.items():
        checks.check_award(truth, stack_id, award)
    await checks.check_overview(truth, platform)
    await checks.check_timeline(truth, platform)
    await checks.check_replayed(platform)
    await checks.settled(platform, http)
    assert cast.line.lost >= platform.kind.kills

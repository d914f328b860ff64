"""The logs of a platform on which several learners earned, stacked, lost and regained."""

from __future__ import annotations

import asyncio

import httpx2

from tests.integration import stacking_checks as checks
from tests.integration.platform_process import Platform
from tests.integration.stacking_flows import Learner, Line, Partner, Wallet
from tests.integration.stacking_stories import care_assistant, technician
from tests.integration.told import OWNERS, Logs

_STORIES = (("skelleftea-kraft", technician, (0, 1, 4)), ("skelleftea-kommun", care_assistant, (0, 1, 2)))


async def logs_of_stories(platform: Platform) -> Logs:
    """Return all logs once the stories are over and everybody has followed them."""
    async with httpx2.AsyncClient(timeout=60) as http:
        line = Line(platform.urls, http)
        line.up.set()
        async with asyncio.TaskGroup() as group:
            for slug, story, numbers in _STORIES:
                partner = await _partner(slug, line, platform)
                for number in numbers:
                    group.create_task(story(partner, Learner(f"{slug} {number}", Wallet(line, {})), number))
        await checks.settled(platform, http)
    return {owner: await platform.log_of(owner) for owner in OWNERS}


async def _partner(slug: str, line: Line, platform: Platform) -> Partner:
    """Return a partner who knows the published definitions."""
    url, definitions = f"{platform.urls['catalog']}/v1/definitions", {}
    for prefix in ("skk-vk", "sko-ys"):
        for one in (await line.ask("GET", f"{url}?q={prefix}&limit=100"))["items"]:
            definition = await line.ask("GET", f"{url}/{one['definition_id']}")
            definitions[definition["content"]["id"]] = definition["content"]
    return Partner(slug, line, platform.tokens, definitions)

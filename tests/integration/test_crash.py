"""`kill -9` in a running flow loop: what was released is known, and everything agrees with the log afterwards."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx2
import pytest

from tests.integration.flows import Partner, Released
from tests.integration.kinds import Kind
from tests.integration.platform_process import Platform

KILLS, WALLETS = 3, 4


@pytest.fixture
def platform(tmp_path: Path, kind: Kind) -> Iterator[Platform]:
    running = Platform(tmp_path, kind)
    yield running
    running.stop()


async def flows_until_killed(platform: Platform, released: Released, seconds: float) -> None:
    """Play flows with several wallets at once; kill the platform in their midst, a while after the first has ended."""
    async with httpx2.AsyncClient(timeout=60) as http:
        partner = Partner(platform.urls, platform.tokens, http)

        async def loop() -> None:
            with suppress(httpx2.HTTPError):
                while True:
                    await partner.flow(released)

        wallets = [asyncio.create_task(loop()) for _ in range(WALLETS)]
        before = len(released.digests)
        while len(released.digests) == before and not any(wallet.done() for wallet in wallets):
            await asyncio.wait(wallets, timeout=0.05, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait(wallets, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        assert not any(wallet.done() for wallet in wallets), "a flow was refused before the kill"
        platform.kill()
        await asyncio.gather(*wallets)


async def test_after_kill_9_nothing_released_is_unknown_and_the_timeline_equals_the_log(platform: Platform) -> None:
    released, moments = Released(), random.Random(20261121)
    await platform.start()
    for _ in range(KILLS):
        await flows_until_killed(platform, released, moments.uniform(1.0, 3.0))
        await platform.start()
    issued = await platform.issued()

    logged = {copy.digest: str(event.achievement_id) for event in issued for copy in event.copies}
    assert released.digests.items() <= logged.items()
    assert released.digests, "no flow came to its end before a kill"

    replaced = {digest for event in issued for digest in event.replaces}
    live = Counter(logged[digest] for digest in logged if digest not in replaced)
    assert max(live.values()) == 1

    indices = Counter((copy.status_uri, copy.index) for event in issued for copy in event.copies)
    assert max(indices.values()) == 1

    rows = await platform.rows("wallet", "SELECT credential_id::text FROM issues")
    assert Counter(row[0] for row in rows) == Counter(str(event.credential_id) for event in issued)

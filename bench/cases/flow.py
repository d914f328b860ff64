"""The full flow of issuing: offer, token, nonce, credential; over real HTTP, on a durable database."""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

import httpx2
import yaml

from bench.machine import machine
from bench.platform import ROOT, Platform, platform
from bench.wallet import fetch

GOAL_PER_SECOND = 60.0
DEFINITION = "sko-ys-01"
PROVIDER, AWARDING_BODY, ASSESSOR = "skelleftea-vux", "skelleftea-kommun", "assessor:skelleftea-vux-1"
_PILOT = ROOT / "demo" / "pilots" / "02_skelleftea_kommun_yrkessvenska.yaml"
_WARM_UP = 32


@dataclass
class Figures:
    """What was measured."""

    machine: str
    durability: str
    concurrency: int
    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    entries: list[tuple[str, int]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @property
    def per_second(self) -> float:
        """Full flows per second of wall-clock time."""
        return len(self.latencies) / self.seconds

    @property
    def duplicates(self) -> int:
        """How many status entries were given more than once."""
        return len(self.entries) - len(set(self.entries))

    @property
    def reached(self) -> bool:
        """Whether the goal was reached, without an error and without a duplicate."""
        return self.per_second >= GOAL_PER_SECOND and not self.errors and not self.duplicates

    def lines(self) -> Iterator[str]:
        """Yield what is printed."""
        yield f"machine          {self.machine}; driver beside the server"
        yield f"database         {self.durability}"
        yield f"concurrency      {self.concurrency}"
        yield f"flows/s          {self.per_second:.1f}   (goal {GOAL_PER_SECOND:.0f})"
        if len(self.latencies) > 1:
            quantiles = statistics.quantiles(self.latencies, n=20)
            yield f"p50 / p95        {quantiles[9] * 1000:.0f} ms / {quantiles[18] * 1000:.0f} ms"
        yield f"errors           {len(self.errors)}" + (f"   first: {self.errors[0]}" if self.errors else "")
        yield f"status indices   {len(set(self.entries))} distinct of {len(self.entries)}, {self.duplicates} duplicates"
        yield "PASS" if self.reached else "FAIL"


class Driver:
    """Speaks for the provider, the awarding body and the learners."""

    def __init__(self, client: httpx2.AsyncClient, running: Platform) -> None:
        self._client = client
        self._base = running.urls["issuance"]
        self._provider = {"Authorization": f"Bearer {running.token(PROVIDER, 'provider')}"}
        self._awarding_body = {"Authorization": f"Bearer {running.token(AWARDING_BODY, 'awarding_body')}"}
        self._results = [{"instrument": uri, "score_percent": 92} for uri in _instruments()]

    async def confirmed(self, number: int) -> str:
        """Return a fresh achievement, planned, assessed and confirmed."""
        learner = {"given_name": "Mätning", "family_name": f"Nummer {number}"}
        plan = {"definition_id": DEFINITION, "route": "course", "learner": learner}
        achievement_id = (await self._post("/v1/achievements", plan, self._provider))["achievement_id"]
        results = {"results": self._results, "assessor_ref": ASSESSOR}
        await self._post(f"/v1/achievements/{achievement_id}/results", results, self._provider)
        await self._post(f"/v1/achievements/{achievement_id}/confirm", {}, self._awarding_body)
        return str(achievement_id)

    async def flow(self, achievement_id: str) -> tuple[str, int]:
        """Offer an achievement and fetch its credential; return its status entry."""
        path = f"/v1/achievements/{achievement_id}/offers"
        offered = await self._post(path, {"tx_code": False}, self._awarding_body)
        entry = await fetch(self._client, offered["offer_uri"])
        return entry["uri"], entry["idx"]

    async def _post(self, path: str, body: object, headers: dict[str, str]) -> dict[str, Any]:
        response = await self._client.post(f"{self._base}{path}", json=body, headers=headers)
        response.raise_for_status()
        value: dict[str, Any] = response.json()
        return value


async def measure(flows: int, concurrency: int, folder: Path | None) -> Figures:
    """Return the figures of `flows` full flows; making the achievements is not in the time, nor are the first few."""
    limits = httpx2.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
    async with platform(folder) as running, httpx2.AsyncClient(limits=limits, timeout=30, trust_env=False) as client:
        figures = Figures(machine(), await running.durability(), concurrency)
        driver = Driver(client, running)
        achievements = await _prepared(driver, flows + _WARM_UP, concurrency)
        await _run(driver, achievements[:_WARM_UP], concurrency, Figures("", "", concurrency))
        started = perf_counter()
        await _run(driver, achievements[_WARM_UP:], concurrency, figures)
        figures.seconds = perf_counter() - started
    return figures


async def _prepared(driver: Driver, count: int, concurrency: int) -> list[str]:
    gate = asyncio.Semaphore(concurrency)

    async def one(number: int) -> str:
        async with gate:
            return await driver.confirmed(number)

    return await asyncio.gather(*(one(number) for number in range(count)))


async def _run(driver: Driver, achievements: list[str], concurrency: int, figures: Figures) -> None:
    waiting = iter(achievements)

    async def worker() -> None:
        for achievement_id in waiting:
            started = perf_counter()
            try:
                figures.entries.append(await driver.flow(achievement_id))
            except httpx2.HTTPError as error:
                figures.errors.append(str(error))
            else:
                figures.latencies.append(perf_counter() - started)

    await asyncio.gather(*(worker() for _ in range(concurrency)))


def _instruments() -> list[str]:
    content = yaml.safe_load(_PILOT.read_text("utf-8"))
    definition = next(each for each in content["definitions"] if each["id"] == DEFINITION)
    return [kind["uri"] for kind in definition["assessment"]["types"]]

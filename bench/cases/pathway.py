"""Pathways: how long a rule takes, and how much is looked at again when a credential changes among many learners."""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from unittest.mock import patch

from bench import population, rules
from bench.machine import machine
from bench.population import AWARDED, Learner, Site
from kompetenspass.embedded.postgres import EmbeddedPostgres
from kompetenspass.embedded.provision import connected, provision
from kompetenspass.events.registry import CredentialSuspended
from kompetenspass.events.stacking import StackSuspended
from kompetenspass.log.postgres import PostgresLog
from kompetenspass.web.runtime import Runtime
from services.issuance.service.awards_cause import Cause
from services.issuance.service.stacks import Stacks

GOAL_MILLISECONDS = 15.0
GOAL_SECONDS = 30.0
TOUCHED_OF = 100
_ROUNDS = 40
_WORST_ROUNDS = 2
_LONGEST_SECONDS = 180.0
_POLL_SECONDS = 0.1
_PAGE = 1000


@dataclass
class Looks:
    """Every look at a learner's pathway: whose, which, and how long it took."""

    seen: Counter[tuple[str, str]] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Note every look while the block lasts."""
        reassess = Stacks.reassess

        async def noted(stacks: Stacks, learner_ref: str, pathway_id: str, cause: Cause) -> object:
            began = perf_counter()
            next_change = await reassess(stacks, learner_ref, pathway_id, cause)
            self.seconds.append(perf_counter() - began)
            self.seen[learner_ref, pathway_id] += 1
            return next_change

        with patch.object(Stacks, "reassess", noted):
            yield


@dataclass
class Touch:
    """What came of one act that touched one learner in a hundred."""

    learners: int
    durability: str
    events: int = 0
    made_seconds: float = 0.0
    copied_seconds: float = 0.0
    touched: frozenset[str] = frozenset()
    stated_seconds: float = 0.0
    suspended_seconds: float = 0.0
    quiet_seconds: float = 0.0
    suspended: Counter[str] = field(default_factory=Counter)
    strangers: int = 0
    looks: Looks = field(default_factory=Looks)

    @property
    def reassessed(self) -> frozenset[str]:
        """The learners of whom any pathway was looked at."""
        return frozenset(learner_ref for learner_ref, _ in self.looks.seen)

    @property
    def exact(self) -> bool:
        """Whether those touched, their one pathway, and nobody else was looked at; and each award suspended once."""
        pathways = {pathway_id for _, pathway_id in self.looks.seen}
        once = self.suspended == Counter(self.touched)
        return self.reassessed == self.touched and pathways == {AWARDED} and once and not self.strangers

    def lines(self) -> Iterator[str]:
        """Yield what is printed."""
        looks, seconds = sum(self.looks.seen.values()), self.looks.seconds
        suspended, late = sum(self.suspended.values()), statistics.quantiles(seconds, n=20)[18]
        yield f"database         embedded PostgreSQL, {self.durability}"
        yield (
            f"seeded           {self.learners} learners, {self.events} events: one made by the service in"
            f" {self.made_seconds:.1f} s, its rows of log, tables and state copied in {self.copied_seconds:.1f} s"
        )
        yield f"act              {len(self.touched)} credentials suspended at the registry, {self.stated_seconds:.2f} s"
        yield f"looked at        {len(self.reassessed)} learners; events about learners not touched: {self.strangers}"
        yield f"suspended        {suspended} awards after {self.suspended_seconds:.2f} s   (goal {GOAL_SECONDS:.0f} s)"
        yield f"looks            {looks} until quiet, in {self.quiet_seconds:.2f} s: {looks / self.quiet_seconds:.0f}/s"
        yield f"p50 / p95        {statistics.median(seconds) * 1000:.1f} ms / {late * 1000:.1f} ms of a look"


@dataclass
class Figures:
    """What was measured."""

    pure: Sequence[rules.Timing]
    worst: rules.Timing
    touch: Touch

    @property
    def reached(self) -> bool:
        """Whether rules take milliseconds, and exactly those whom the act touched were looked at, in time."""
        quick = all(timing.middle < GOAL_MILLISECONDS * 1000 for timing in self.pure)
        return quick and self.touch.exact and self.touch.suspended_seconds < GOAL_SECONDS

    def lines(self) -> Iterator[str]:
        """Yield what is printed."""
        yield f"machine          {machine()}, load {os.getloadavg()[0]:.1f}"
        yield f"pure             processor time; goal for the median {GOAL_MILLISECONDS:.0f} ms, none for the last line"
        for timing in (*self.pure, self.worst):
            yield (
                f"  {timing.name:34} {timing.credentials:4} held  p50 {timing.middle / 1000:8.2f} ms"
                f"  p95 {timing.late / 1000:8.2f} ms  {timing.middle / timing.floor:7.0f} x floor {timing.floor:.0f} us"
            )
        yield from self.touch.lines()
        yield "PASS" if self.reached else "FAIL"


async def measure(_rounds: int, size: int | None) -> Figures:
    """Return the figures: rules alone, then one act among `size` learners."""
    learners = size or 100_000
    *questions, worst = rules.questions()
    pure = [*rules.timed(questions, _ROUNDS), rules.parsing(_ROUNDS)]
    return Figures(pure, rules.timed([worst], _WORST_ROUNDS, warm_up=0)[0], await _touch(learners))


async def _touch(learners: int) -> Touch:
    with tempfile.TemporaryDirectory(prefix="kompetenspass-bench-") as fresh:
        os.chmod(fresh, 0o755)  # noqa: PTH101, S103  the database may run as another account
        cluster = EmbeddedPostgres(Path(fresh) / "pg")
        await cluster.start()
        try:
            await provision(cluster.admin_dsn())
            return await _on(Site(cluster, Path(fresh)), learners)
        finally:
            await cluster.stop()


async def _on(site: Site, learners: int) -> Touch:
    touch = Touch(learners, await _durability(site))
    async with AsyncExitStack() as stack:
        registry_log, catalog_log = [PostgresLog(owner, site.cluster.dsn(owner)) for owner in ("registry", "catalog")]
        for log in (registry_log, catalog_log):
            await log.start()
            stack.push_async_callback(log.stop)
        began = perf_counter()
        await population.found(registry_log, catalog_log)
        async with site.running() as runtime:
            await population.first_learner(runtime)
        touch.made_seconds = perf_counter() - began
        touch.events = await population.copied(site, learners)
        touch.copied_seconds = perf_counter() - began - touch.made_seconds
        with touch.looks.watched():
            async with site.running() as runtime:
                assert not touch.looks.seen, "nothing is looked at before the act"
                await _act(touch, runtime, registry_log)
    return touch


async def _act(touch: Touch, runtime: Runtime, registry_log: PostgresLog) -> None:
    struck = [Learner(number) for number in range(TOUCHED_OF // 2, touch.learners, TOUCHED_OF)]
    touch.touched = frozenset(learner.ref for learner in struck)
    began = perf_counter()
    suspended = [(learner, learner.suspended()) for learner in struck]
    await asyncio.gather(*(_stated(registry_log, event) for _, event in suspended))
    touch.stated_seconds = perf_counter() - began
    async with asyncio.timeout(_LONGEST_SECONDS):
        await _all_suspended(touch, runtime)
        touch.suspended_seconds = perf_counter() - began
        await population.settled(runtime)
    touch.quiet_seconds = perf_counter() - began
    touch.strangers = await _judged(touch, runtime, {str(learner.stack_id) for learner in struck})


async def _stated(registry_log: PostgresLog, event: CredentialSuspended) -> None:
    await population.state(registry_log, f"status-{event.credential_id}", event)


async def _all_suspended(touch: Touch, runtime: Runtime) -> None:
    """Return once as many awards are suspended as were touched."""
    position, left = touch.events, len(touch.touched)
    while left > 0:
        rows = await runtime.log.read(position, _PAGE)
        left -= sum(row.type == StackSuspended.type for row in rows)
        position = rows[-1].position if rows else position
        await asyncio.sleep(_POLL_SECONDS)


async def _judged(touch: Touch, runtime: Runtime, stacks: set[str]) -> int:
    """Note whose awards were suspended, and return how many events since the act are about anybody else."""
    position, strangers = touch.events, 0
    while rows := await runtime.log.read(position, _PAGE):
        for row in rows:
            about = row.event.model_dump(mode="json", include={"learner_ref", "stack_id"})
            if row.type == StackSuspended.type:
                touch.suspended[about["learner_ref"]] += 1
            strangers += about.get("learner_ref") not in touch.touched and about.get("stack_id") not in stacks
        position = rows[-1].position
    return strangers


async def _durability(site: Site) -> str:
    async with connected(site.cluster.dsn("issuance")) as connection:
        shown = [f"{name}={await connection.fetchval(f'show {name}')}" for name in ("fsync", "synchronous_commit")]
    return ", ".join(shown)

"""One act among many learners: credentials of one in a hundred are suspended, and what issuance then looks at."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from time import perf_counter, process_time
from unittest.mock import patch

from bench.database import own_database
from bench.of_pathway import population
from bench.of_pathway.population import AWARDED, Learner, Site
from bench.processes import family_seconds
from kompetenspass.embedded.provision import connected, provision
from kompetenspass.events.registry import CredentialSuspended
from kompetenspass.events.stacking import StackSuspended
from kompetenspass.log.postgres import PostgresLog
from kompetenspass.web.runtime import Runtime
from services.issuance.service.awards_cause import Cause
from services.issuance.service.stacks import Stacks

TOUCHED_OF = 100
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


@dataclass(frozen=True)
class Processor:
    """Processor time in seconds: of this process, which runs the service as well, and of the database's."""

    service: float
    database: float


@dataclass
class Touch:
    """What came of one act that touched one learner in a hundred.

    The processor time is all that was used from the act until quiet: readers and projections, too.
    """

    learners: int
    durability: str
    events: int = 0
    made_seconds: float = 0.0
    copied_seconds: float = 0.0
    touched: frozenset[str] = frozenset()
    stated_seconds: float = 0.0
    suspended_seconds: float = 0.0
    quiet_seconds: float = 0.0
    used: Processor = Processor(0, 0)
    suspended: Counter[str] = field(default_factory=Counter)
    strangers: int = 0
    looks: Looks = field(default_factory=Looks)

    @property
    def reassessed(self) -> frozenset[str]:
        """The learners of whom any pathway was looked at."""
        return frozenset(learner_ref for learner_ref, _ in self.looks.seen)

    @property
    def pathways(self) -> frozenset[str]:
        """The pathways that were looked at."""
        return frozenset(pathway_id for _, pathway_id in self.looks.seen)

    @property
    def exact(self) -> bool:
        """Whether those who were touched, their one pathway, and nobody else was looked at."""
        return self.reassessed == self.touched and self.pathways == {AWARDED}


async def touch(learners: int) -> Touch:
    """Return what came of one act among so many learners, in a database of its own."""
    async with own_database() as cluster:
        await provision(cluster.admin_dsn())
        return await _on(Site(cluster, cluster.folder.parent), learners)


async def _on(site: Site, learners: int) -> Touch:
    touched = Touch(learners, await _durability(site))
    async with AsyncExitStack() as stack:
        registry_log, catalog_log = [PostgresLog(owner, site.cluster.dsn(owner)) for owner in ("registry", "catalog")]
        for log in (registry_log, catalog_log):
            await log.start()
            stack.push_async_callback(log.stop)
        began = perf_counter()
        await population.found(registry_log, catalog_log)
        async with site.running() as runtime:
            await population.first_learner(runtime)
        touched.made_seconds = perf_counter() - began
        touched.events = await population.copied(site, learners)
        touched.copied_seconds = perf_counter() - began - touched.made_seconds
        with touched.looks.watched():
            async with site.running() as runtime:
                assert not touched.looks.seen, "nothing is looked at before the act"
                await _act(touched, site, runtime, registry_log)
    return touched


async def _act(touch: Touch, site: Site, runtime: Runtime, registry_log: PostgresLog) -> None:
    struck = [Learner(number) for number in range(TOUCHED_OF // 2, touch.learners, TOUCHED_OF)]
    touch.touched = frozenset(learner.ref for learner in struck)
    began, before = perf_counter(), _processor(site)
    suspended = [(learner, learner.suspended()) for learner in struck]
    await asyncio.gather(*(_stated(registry_log, event) for _, event in suspended))
    touch.stated_seconds = perf_counter() - began
    async with asyncio.timeout(_LONGEST_SECONDS):
        await _all_suspended(touch, runtime)
        touch.suspended_seconds = perf_counter() - began
        await population.settled(runtime)
    touch.quiet_seconds = perf_counter() - began
    after = _processor(site)
    touch.used = Processor(after.service - before.service, after.database - before.database)
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


def _processor(site: Site) -> Processor:
    assert site.cluster.pid is not None
    return Processor(process_time(), family_seconds(site.cluster.pid))

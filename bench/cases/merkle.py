"""The tree over a log of a million events: a checkpoint's time, proofs, and what an audit verifies in a second."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import TypeVar

from bench.database import own_database
from bench.of_eventlog.events import drafts
from bench.report import Condition, Goal, Report, Series
from kompetenspass.embedded.postgres import EmbeddedPostgres
from kompetenspass.embedded.provision import connected, provision
from kompetenspass.log.api import Append
from kompetenspass.log.merkle import audit
from kompetenspass.log.merkle.checkpointing import Checkpointing
from kompetenspass.log.merkle.kept import Kept
from kompetenspass.log.merkle.note import Checkpoint, verified_checkpoint
from kompetenspass.log.merkle.rows import tables_of
from kompetenspass.log.merkle.serving import ServedLog
from kompetenspass.log.merkle.signing import LogSigner
from kompetenspass.log.merkle.store import TreeStore
from kompetenspass.log.merkle.tree import NotProven, verify_consistency, verify_inclusion
from kompetenspass.log.postgres import PostgresLog
from kompetenspass.web.migrate import engine_of, upgrade

EVENTS = 1_000_000
OWNER = "issuance"
_PROOFS = 200
_MINUTE = 1000  # new events that a checkpoint of every minute finds
_STREAM = 4  # events of one stream
_TICK_SECONDS = 0.001
_SEED = """
SET LOCAL search_path = issuance_log;
INSERT INTO log SELECT n, 'cred-' || (n - 1) / {stream}, (n - 1) % {stream} + 1, gen_random_uuid(), '{type}', now(),
    '{data}' FROM generate_series(1, {events}) n;
INSERT INTO log_id SELECT id, position, sha256(convert_to(data, 'UTF8')) FROM log;
INSERT INTO log_stream SELECT stream, max(version) FROM log GROUP BY stream;
"""

T = TypeVar("T")


@dataclass
class Site:
    """The log, its tree, and an auditor's folder."""

    cluster: EmbeddedPostgres
    log: PostgresLog
    store: TreeStore
    signer: LogSigner
    folder: Path
    series: Series

    async def checkpoint(self, *, rest: float = 0) -> None:
        """Do what the timer does, by default without resting between the slices."""
        await Checkpointing(self.log, self.store, self.signer, rest=rest).run()

    async def signed(self) -> Checkpoint:
        """Return the newest checkpoint."""
        return verified_checkpoint(await ServedLog(self.store).checkpoint(), [self.signer.verifier])

    async def timed(self, name: str, work: Callable[[], Awaitable[T]], events: int | None = None) -> T:
        """Note how long the work took, or how many events a second it went through."""
        here, began = process_time(), perf_counter()
        done = await work()
        seconds, here = perf_counter() - began, process_time() - here
        if events is None:
            self.series.add(name, "ms", seconds * 1000)
        else:
            self.series.add(name, "events/s", events / seconds)
            self.series.add(f"{name}: processor time here", "us/event", here / events * 1e6)
        return done


async def measure(rounds: int, size: int | None) -> Report:
    """Return the figures. `size`: events in the log."""
    events = size or EVENTS
    async with _site(events) as site:
        await site.timed("the first checkpoint, of the whole log", site.checkpoint, events)
        await site.timed("keep, of the whole log", lambda: _kept(site), events)
        conditions = [Condition("every proof verifies, and none for another leaf", *await _all_rounds(site, rounds))]
        conditions += await _tampered(site)
        longest = (await site.log.head() - 1).bit_length()
    setting = {"log": f"{events:,} events of {len(drafts(1)[0].data)} bytes", "database": "fsync on"}
    goal = Goal(site.series.figure("hashes of an inclusion proof, the longest"), "at most", longest)
    return Report("merkle", setting, site.series.figures([goal.figure]), [goal], conditions)


async def _all_rounds(site: Site, rounds: int) -> tuple[bool, str]:
    proven = 0
    for _ in range(rounds):
        await _grown(site)
        proven += await _proofs(site)
        await _verified(site)
    return proven == 2 * rounds * _PROOFS, f"{proven} proofs"


async def _grown(site: Site) -> None:
    """Append what a busy minute brings, and make the checkpoint that the next timer makes."""
    appends = (Append(f"new-{each.id}", 0, [each]) for each in drafts(_MINUTE))
    await asyncio.gather(*(site.log.append(each) for each in appends))
    watch = asyncio.create_task(_held(site))
    await site.timed(f"a checkpoint after {_MINUTE} events", site.checkpoint)
    watch.cancel()
    with suppress(asyncio.CancelledError):
        await watch
    await site.timed("a checkpoint after nothing", site.checkpoint)


async def _held(site: Site) -> None:
    """Until cancelled, ask to go on every millisecond; then note the longest that a request would have waited."""
    clock, longest = perf_counter, 0.0  # a loop's own clock may go by whole milliseconds
    try:
        while True:
            due = clock() + _TICK_SECONDS
            await asyncio.sleep(_TICK_SECONDS)
            longest = max(longest, clock() - due)
    finally:
        site.series.add("a checkpoint holds the loop, the longest", "ms", longest * 1000)


async def _proofs(site: Site) -> int:
    """Make proofs for leaves anywhere, and between sizes; return how many verified, and failed for another leaf."""
    served, checkpoint = ServedLog(site.store), await site.signed()
    numbers = random.Random(checkpoint.size)  # noqa: S311  which leaves are drawn keeps nobody out
    spent, hashes, proven, verifying = [], [], 0, 0.0
    for _ in range(_PROOFS):
        began = perf_counter()
        one = await served.inclusion(numbers.randint(1, checkpoint.size))
        spent.append(perf_counter() - began)
        hashes.append(len(one.proof))
        began = perf_counter()
        verify_inclusion(one.leaf, one.position - 1, checkpoint.size, one.proof, checkpoint.root)
        verifying += perf_counter() - began
        proven += _fails(one.proof, checkpoint)
        two = await served.consistency(numbers.randint(1, checkpoint.size))
        verify_consistency(two.first, two.second, two.proof, two.first_root, checkpoint.root)
        proven += 1
    site.series.add("an inclusion proof made, p50", "ms", median(spent) * 1000)
    site.series.add("an inclusion proof verified", "us", verifying / _PROOFS * 1e6)
    site.series.add("hashes of an inclusion proof, the longest", "", max(hashes))
    site.series.add("an inclusion proof, the longest", "bytes", max(hashes) * 32)
    return proven


def _fails(proof: Sequence[bytes], checkpoint: Checkpoint) -> int:
    try:
        verify_inclusion(bytes(32), 0, checkpoint.size, proof, checkpoint.root)
    except NotProven:
        return 1
    return 0


async def _kept(site: Site) -> audit.Outcome:
    return await audit.keep(ServedLog(site.store), Kept(site.folder / "kept", site.signer.verifier))


async def _verified(site: Site) -> None:
    await site.timed(f"keep, after {_MINUTE} events", lambda: _kept(site))
    outcome = await site.timed("audit verify", lambda: _audited(site), await site.log.head())
    assert outcome.wrong is None


async def _audited(site: Site) -> audit.Outcome:
    async with tables_of(site.cluster.dsn("log_reader"), OWNER) as tables:
        return await audit.verify([tables], tables, Kept(site.folder / "kept"))


async def _tampered(site: Site) -> list[Condition]:
    """Exchange two rows in the middle and have all made anew; return whether an audit names the first of them."""
    middle = await site.log.head() // 2
    async with connected(site.cluster.admin_dsn()) as owner, owner.transaction():
        await owner.execute("SET LOCAL session_replication_role = replica; SET LOCAL search_path = issuance_log")
        for was, becomes in ((middle, -1), (middle + 1, middle), (-1, middle + 1)):
            await owner.execute("UPDATE log SET position = $1 WHERE position = $2", becomes, was)
    wrong = (await _audited(site)).wrong
    named = wrong is not None and (wrong.position, wrong.way) == (middle, "reordered")
    return [Condition("two rows exchanged: the first is named", named, str(wrong))]


@asynccontextmanager
async def _site(events: int) -> AsyncIterator[Site]:
    async with AsyncExitStack() as stack:
        cluster = await stack.enter_async_context(own_database())
        await provision(cluster.admin_dsn(), [OWNER])
        await upgrade(cluster.dsn(OWNER), "services.issuance.migrations")
        await _seeded(cluster, events)
        log, engine = PostgresLog(OWNER, cluster.dsn(OWNER)), engine_of(cluster.dsn(OWNER), OWNER)
        await log.start()
        stack.push_async_callback(engine.dispose)
        stack.push_async_callback(log.stop)
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="kompetenspass-bench-")))
        signer = LogSigner("issuance.example/log", folder / "log.key")
        yield Site(cluster, log, TreeStore(engine), signer, folder, Series())


async def _seeded(cluster: EmbeddedPostgres, events: int) -> None:
    """Fill the log with rows of the usual length, faster than they could be appended."""
    one = drafts(1)[0]
    script = _SEED.format(stream=_STREAM, type=one.type, data=one.data.replace("'", "''"), events=events)
    async with connected(cluster.admin_dsn()) as admin, admin.transaction():
        await admin.execute(script)

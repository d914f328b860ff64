"""Load: many flows or presentations at once on a running platform, and what each of its processes spent on them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Self, TypeVar

from bench.driver.http import Connection, Driven, Failed, drive, percentile
from bench.driver.oracle import Oracle, verified
from bench.driver.parties import CLAIMS, Employer, Office
from bench.driver.wallet import Held, HolderKey, Line, fetch, show
from bench.platform import Platform
from bench.report import Condition, Series

J = TypeVar("J")
SAMPLED = 25
"""Of flows that go on for minutes, the credential of one in so many is kept and verified."""
_PARTS = (0.5, 0.95, 0.99)
_PREPARING = 16  # achievements that are made at once: more would only wait in a queue
_ISSUED = "select count(*) from issuance_log.log where type = 'issuance.CredentialIssued.v1'"


@dataclass
class Loaded:
    """What came of some jobs: how they went, seconds of each kind of call, processor seconds of each process.

    `behind`: how long after the last answer the readers needed for the rest; what they spent then is in `used`.
    """

    driven: Driven
    taken: Mapping[str, Sequence[float]]
    used: Mapping[str, float]
    behind: float

    @property
    def seconds(self) -> float:
        """How long it took until no reader had anything left to do for the jobs."""
        return self.driven.seconds + self.behind

    @property
    def per_second(self) -> float:
        """Jobs per second that were done, with all that follows from them."""
        return len(self.driven.latencies) / self.seconds


def rate(what: str) -> str:
    """Return what the rate of a load is called that counts until the readers are at rest."""
    return f"{what}: per second until readers rest"


class LoadSeries(Series):
    """Figures of loads, which grow by one value a round."""

    def add_rates(self, what: str, *loads: Loaded) -> None:
        """Note how many a second were answered, and how many with all that follows; of several loads as of one."""
        jobs = len(loads[-1].driven.latencies)
        self.add(f"{what}: answered per second", "/s", jobs / sum(load.driven.seconds for load in loads))
        self.add(rate(what), "/s", jobs / sum(load.seconds for load in loads))
        self.add(f"{what}: seconds driven", "s", sum(load.driven.seconds for load in loads))
        self.add(f"{what}: readers behind", "s", sum(load.behind for load in loads))

    def add_percentiles(self, what: str, seconds: Sequence[float]) -> None:
        """Note the percentiles of one kind of call."""
        for part in _PARTS:
            self.add(f"{what}: p{part * 100:.0f}", "ms", percentile(seconds, part) * 1000)

    def add_processors(self, what: str, *loads: Loaded) -> None:
        """Note the processor time of each process for one of the jobs, the readers' rest included."""
        jobs = len(loads[-1].driven.latencies) / 1e6
        used = {name: sum(load.used[name] for load in loads) / jobs for name in loads[-1].used}
        for name, microseconds in used.items():
            self.add(f"{what}: processor time of {name}", "us", microseconds)
        self.add(f"{what}: processor time of all", "us", sum(used.values()))


@dataclass
class Tally:
    """What all flows came to: the status indices of what was issued, all errors, and what the oracle made of it."""

    entries: list[tuple[str, int]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    judged: int = 0
    accepted: int = 0

    def judge(self, held: Sequence[Held], oracle: Oracle) -> None:
        """Verify credentials; after what is timed."""
        self.judged += len(held)
        self.accepted += sum(map(oracle.accepts, held))

    def conditions(self, in_log: int) -> list[Condition]:
        """Return whether every answer was good, each index was given once, and the log says what the answers said."""
        issued, distinct = len(self.entries), len(set(self.entries))
        return [
            Condition("errors", not self.errors, " ".join([str(len(self.errors)), *self.errors[:1]])),
            Condition("status indices, each given once", distinct == issued, f"{distinct} of {issued}"),
            Condition("CredentialIssued in the log", in_log == issued, f"{in_log} for {issued} credentials"),
            verified(self.accepted, self.judged),
        ]


class Load:
    """Drives one platform. Leaving its block closes the connections."""

    def __init__(self, platform: Platform, tally: Tally) -> None:
        self.platform, self.tally = platform, tally
        self._office, self._employer, self._oracle = Office(platform), Employer(platform), Oracle.of(platform)
        self._numbers = count(1)
        self._lines: dict[str, list[Line]] = {}

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Close the connections."""
        for line in (line for lines in self._lines.values() for line in lines):
            line.connection.close()

    async def confirmed(self, how_many: int) -> tuple[Loaded, list[str]]:
        """Plan, assess and confirm as many achievements, which are returned once no reader has work left with them."""
        achievements: list[str] = []

        async def one(line: Line, number: int) -> None:
            achievements.append(await self._office.confirmed(line, number))

        numbers = [next(self._numbers) for _ in range(how_many)]
        return await self._watched(self._of("issuance", _PREPARING), numbers, one), achievements

    async def flows(self, achievements: Sequence[str], at_once: int) -> tuple[Loaded, list[Held]]:
        """Offer the achievements and fetch their credentials, which are returned; the wallets' keys are made before."""
        jobs = [(achievement, HolderKey()) for achievement in achievements]
        held: list[Held] = []

        async def one(line: Line, job: tuple[str, HolderKey]) -> None:
            achievement, key = job
            held.append(await fetch(line, await self._office.offered(line, achievement), key))

        loaded = await self._watched(self._of("issuance", at_once), jobs, one)
        self.tally.entries += [credential.entry for credential in held]
        self.tally.judge(held, self._oracle)
        return loaded, held

    async def presentations(self, held: Iterable[Held], at_once: int) -> Loaded:
        """Let an employer ask for each credential, its wallet show it, and the employer read that it is verified."""

        async def one(line: Line, credential: Held) -> None:
            asked = await self._employer.asked(line)
            await show(line, asked["request_uri"], credential, CLAIMS)
            await self._employer.told(line, asked["request_id"])

        return await self._watched(self._of("verification", at_once), held, one)

    async def whole_flows(self, jobs: Iterable[object], at_once: int) -> Loaded:
        """Do a flow for each job, from a new learner's plan to the credential, without a pause."""
        sampled: list[Held] = []

        async def one(line: Line, _job: object) -> None:
            achievement = await self._office.confirmed(line, next(self._numbers))
            held = await fetch(line, await self._office.offered(line, achievement), HolderKey())
            if len(self.tally.entries) % SAMPLED == 0:
                sampled.append(held)
            self.tally.entries.append(held.entry)

        loaded = await self._watched(self._of("issuance", at_once), jobs, one)
        self.tally.judge(sampled, self._oracle)
        return loaded

    async def warm_up(self, flows: int, at_once: int) -> tuple[Loaded, Loaded]:
        """Do some flows and presentations, and return how they went; what happens only at first is not measured.

        Raises Failed if one of them fails.
        """
        _, achievements = await self.confirmed(flows)
        loaded, held = await self.flows(achievements, at_once)
        shown = await self.presentations(held, at_once)
        if self.tally.errors:
            raise Failed(self.tally.errors[0])
        return loaded, shown

    def _of(self, service: str, how_many: int) -> list[Line]:
        """Return that many lines to a service, each with its own connection; they are kept."""
        lines = self._lines.setdefault(service, [])
        lines += [Line(Connection(self.platform.urls[service])) for _ in range(how_many - len(lines))]
        return lines[:how_many]

    async def _watched(
        self, lines: Sequence[Line], jobs: Iterable[J], do: Callable[[Line, J], Awaitable[None]]
    ) -> Loaded:
        """Return what came of the jobs. Raises Failed if none of them was done."""
        taken: dict[str, list[float]] = {}
        for line in lines:
            line.taken = taken
        before = self.platform.used()
        driven = await drive(lines, jobs, do)
        behind = await self.platform.caught_up()
        after = self.platform.used()
        self.tally.errors += driven.errors
        if not driven.latencies:
            raise Failed(driven.errors[0])
        return Loaded(driven, taken, {name: after[name] - before[name] for name in after}, behind)


async def issued(platform: Platform) -> int:
    """Return how many CredentialIssued the log has."""
    return int(str(await platform.fetched(_ISSUED)))

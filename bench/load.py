"""Load: many flows or presentations at once on a running platform, and what each of its processes spent on them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Self, TypeVar

from bench.http import Connection, Driven, Failed, drive
from bench.parties import CLAIMS, Employer, Office
from bench.platform import Platform
from bench.report import Condition
from bench.wallet import Held, HolderKey, Line, fetch, show

J = TypeVar("J")
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


@dataclass
class Load:
    """Drives one platform. `entries` are the status indices of all credentials that were issued, `errors` all errors.

    Leaving its block closes the connections.
    """

    platform: Platform
    entries: list[tuple[str, int]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._office, self._employer = Office(self.platform), Employer(self.platform)
        self._numbers = count(1)
        self._lines: dict[str, list[Line]] = {}

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Close the connections."""
        for line in (line for lines in self._lines.values() for line in lines):
            line.connection.close()

    async def confirmed(self, how_many: int) -> list[str]:
        """Return as many fresh confirmed achievements, once no reader has anything left to do for them."""
        achievements: list[str] = []

        async def one(line: Line, number: int) -> None:
            achievements.append(await self._office.confirmed(line, number))

        numbers = [next(self._numbers) for _ in range(how_many)]
        self.errors += (await drive(self._of("issuance", _PREPARING), numbers, one)).errors
        await self.platform.caught_up()
        return achievements

    async def flows(self, achievements: Sequence[str], at_once: int) -> tuple[Loaded, list[Held]]:
        """Offer the achievements and fetch their credentials, which are returned; the wallets' keys are made before."""
        jobs = [(achievement, HolderKey()) for achievement in achievements]
        held: list[Held] = []

        async def one(line: Line, job: tuple[str, HolderKey]) -> None:
            achievement, key = job
            held.append(await fetch(line, await self._office.offered(line, achievement), key))

        loaded = await self._watched(self._of("issuance", at_once), jobs, one)
        self.entries += [credential.entry for credential in held]
        return loaded, held

    async def presentations(self, held: Sequence[Held], at_once: int) -> Loaded:
        """Let an employer ask for each credential, its wallet show it, and the employer read that it is verified."""

        async def one(line: Line, credential: Held) -> None:
            asked = await self._employer.asked(line)
            await show(line, asked["request_uri"], credential, CLAIMS)
            await self._employer.told(line, asked["request_id"])

        return await self._watched(self._of("verification", at_once), held, one)

    async def whole_flows(self, jobs: Iterable[object], at_once: int) -> Driven:
        """Do a flow for each job, from a new learner's plan to the credential, without a pause."""

        async def one(line: Line, _job: object) -> None:
            achievement = await self._office.confirmed(line, next(self._numbers))
            held = await fetch(line, await self._office.offered(line, achievement), HolderKey())
            self.entries.append(held.entry)
            line.taken.clear()

        driven = await drive(self._of("issuance", at_once), jobs, one)
        self.errors += driven.errors
        return driven

    async def warm_up(self, flows: int, at_once: int) -> None:
        """Do some of both, so that nothing is measured that happens only at first. Raises Failed if one does not."""
        _, held = await self.flows(await self.confirmed(flows), at_once)
        await self.presentations(held, at_once)
        if self.errors:
            raise Failed(self.errors[0])

    def conditions(self, in_log: int) -> list[Condition]:
        """Return whether every answer was good, each index was given once, and the log says what the answers said."""
        issued, distinct = len(self.entries), len(set(self.entries))
        return [
            Condition("errors", not self.errors, " ".join([str(len(self.errors)), *self.errors[:1]])),
            Condition("status indices, each given once", distinct == issued, f"{distinct} of {issued}"),
            Condition("CredentialIssued in the log", in_log == issued, f"{in_log} for {issued} credentials"),
        ]

    def _of(self, service: str, how_many: int) -> list[Line]:
        """Return that many lines to a service, each with its own connection; they are kept."""
        lines = self._lines.setdefault(service, [])
        lines += [Line(Connection(self.platform.urls[service])) for _ in range(how_many - len(lines))]
        return lines[:how_many]

    async def _watched(
        self, lines: Sequence[Line], jobs: Iterable[J], do: Callable[[Line, J], Awaitable[None]]
    ) -> Loaded:
        taken: dict[str, list[float]] = {}
        for line in lines:
            line.taken = taken
        before = self.platform.used()
        driven = await drive(lines, jobs, do)
        behind = await self.platform.caught_up()
        after = self.platform.used()
        self.errors += driven.errors
        return Loaded(driven, taken, {name: after[name] - before[name] for name in after}, behind)


async def issued(platform: Platform) -> int:
    """Return how many CredentialIssued the log has."""
    return int(str(await platform.fetched(_ISSUED)))

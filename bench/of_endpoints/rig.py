"""The cells of the endpoints, of ours and of the naive peer, and a round of all of them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar

from bench.driver.http import Answer
from bench.driver.parties import issuer_key_file
from bench.driver.wallet import Held, Line
from bench.floors.crypto import Issued, Shown, Token
from bench.floors.endpoints import CredentialFloor, PresentationFloor
from bench.of_endpoints.cells import Cell, Cores, Measured
from bench.of_endpoints.jobs import Jobs, Wanted, gathered
from bench.peers.naive_process import Naive
from bench.platform import Platform
from bench.report import Series
from kompetenspass.keys.file import load_key
from kompetenspass.openid.jose import jwk_of

J = TypeVar("J")

CREDENTIAL, BATCH, PRESENTATION = "credential", "ten credentials", "presentation"
KINDS = (CREDENTIAL, BATCH, PRESENTATION)
PROOFS: Mapping[str, int] = {CREDENTIAL: 1, BATCH: 10}
"""How many proofs a request has, and so how many credentials its answer."""
_PEERS_PART = 4  # the peer gets a part of the requests: each takes it several times as long
_FEWEST = 64  # requests in a cell of ten credentials each: two for each of its connections
_LATE_PART = 4  # of ours are sent once more, at half the rate
_SAMPLES = 16


def naive_of(kind: str) -> str:
    """Return what the naive peer's cell of a kind is called."""
    return f"naive {kind}"


@dataclass(frozen=True)
class Counts:
    """How many requests of each kind a round sends to ours, and to the peer."""

    ours: Mapping[str, int]
    peers: Mapping[str, int]

    @classmethod
    def of(cls, size: int) -> Self:
        """Return those of a round that is measured."""
        batches = min(size, max(_FEWEST, size // PROOFS[BATCH]))
        part = max(1, size // _PEERS_PART)
        return cls(
            dict(zip(KINDS, (size, batches, size), strict=True)), dict(zip(KINDS, (part, batches, part), strict=True))
        )

    @classmethod
    def warm_up(cls, size: int) -> Self:
        """Return as many of each kind for both."""
        same = dict.fromkeys(KINDS, size)
        return cls(same, same)


@dataclass
class Rounds:
    """Everything that was found; cells are called as their kind, the peer's with `naive` before it.

    `late`: seconds of ours at half the rate. `held`: every credential of an answer. `secrets` had to be different in
    each request.
    """

    series: Series = field(default_factory=Series)
    late: dict[str, list[float]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    answers: Counter[str] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)

    def add(self, name: str, measured: Measured[Any], each: int) -> None:
        """Note one cell, whose requests are for `each` operations."""
        self.series.add(name, "us", measured.server)
        self.series.add(f"{name}: floor", "us", measured.floor)
        self.series.add(f"{name}, per second", "/s", measured.driven.per_second * each)
        self.errors += measured.driven.errors

    def forget_times(self) -> None:
        """Forget how long all took so far, which only warmed up what is measured; what was answered stays."""
        self.series.clear()
        for seconds in self.late.values():
            seconds.clear()


@dataclass(frozen=True)
class Floors:
    """The floors, of the sizes of requests and answers of this platform."""

    issuing: CredentialFloor
    verifying: PresentationFloor


class Rig:
    """The cells of both, and what prepares their requests."""

    def __init__(self, platform: Platform, jobs: Jobs, peer: Naive, floors: Floors, where: Cores) -> None:
        self._jobs, self._peer = jobs, peer
        issuance, verification = (platform.processes[f"{each} api"] for each in ("issuance", "verification"))
        ours: Mapping[str, Cell[Any]] = {
            **{
                kind: Cell(platform.urls["issuance"], issuance, floors.issuing, where, each)
                for kind, each in PROOFS.items()
            },
            PRESENTATION: Cell(platform.urls["verification"], verification, floors.verifying, where),
        }
        peers: Mapping[str, Cell[Any]] = {
            naive_of(kind): Cell(peer.url, peer.pid, cell.floor, where, cell.each) for kind, cell in ours.items()
        }
        self._cells: Mapping[str, Cell[Any]] = {**ours, **peers}

    async def round(self, counts: Counts, found: Rounds) -> None:
        """Measure every cell once, ours before the peer's; what was issued in this round is then presented."""
        held = await self._credentials(CREDENTIAL, counts, found)
        await self._credentials(BATCH, counts, found)
        most, part = counts.ours[PRESENTATION], counts.peers[PRESENTATION]
        await self._cell(PRESENTATION, await self._jobs.presentations(held[:most]), found)
        late = await self._jobs.presentations(held[-_late(most) :])
        await self._at_half_the_rate(PRESENTATION, late, found)
        await self._cell(naive_of(PRESENTATION), await self._peer.presentations(held[:part]), found)

    async def _credentials(self, kind: str, counts: Counts, found: Rounds) -> list[Held]:
        """Measure a kind of credential requests; return the credentials that ours were answered with."""
        each, most = PROOFS[kind], counts.ours[kind]
        answers = await self._cell(kind, await self._jobs.credentials(most, each), found)
        late = await self._jobs.credentials(_late(most), each)
        answers += await self._at_half_the_rate(kind, late, found)
        held = [one for wanted, answer in answers for one in held_of(wanted, answer)]
        wanted = await self._peer.credentials(counts.peers[kind], each)
        naively = await self._cell(naive_of(kind), wanted, found)
        found.held += [*held, *(one for wanted, answer in naively for one in held_of(wanted, answer))]
        return held

    async def _cell(self, name: str, jobs: Sequence[tuple[J, bytes]], found: Rounds) -> list[tuple[J, Answer]]:
        """Measure one cell; return its answers."""
        cell = self._cells[name]
        measured: Measured[J] = await cell.measure(jobs)
        found.add(name, measured, cell.each)
        _note(name, jobs, measured.answers, found)
        return [*measured.answers]

    async def _at_half_the_rate(
        self, kind: str, jobs: Sequence[tuple[J, bytes]], found: Rounds
    ) -> list[tuple[J, Answer]]:
        """Send requests at half the rate that the cell has just reached; return their answers."""
        cell = self._cells[kind]
        reached = found.series.values[f"{kind}, per second"][-1] / cell.each
        driven, answers = await cell.at_rate(jobs, reached / 2)
        found.late[kind] += driven.latencies
        found.errors += driven.errors
        _note(kind, jobs, answers, found)
        return answers

    def close(self) -> None:
        """Close all connections."""
        for cell in self._cells.values():
            cell.close()


async def floors_of(platform: Platform, jobs: Jobs) -> tuple[Floors, Held]:
    """Return the floors for what the platform issues and is shown, and one of its credentials. Raises Failed."""

    async def issued(line: Line, job: tuple[Wanted, bytes]) -> tuple[Wanted, Held]:
        (one,) = held_of(job[0], await line.connection.send(job[1]))
        return job[0], one

    made = await gathered("issuance", platform, await jobs.credentials(_SAMPLES), issued)
    await platform.caught_up()
    shown = [job for job, _ in await jobs.presentations([held for _, held in made])]
    key = load_key(issuer_key_file(platform))
    jwk = jwk_of(key.public_key())
    proofs = [Token.of(wanted.proofs[0], dict(wanted.keys[0].public_jwk)) for wanted, _ in made]
    issuing = CredentialFloor(proofs, [Issued.of(held.credential) for _, held in made], key)
    presented = [Shown.of(job.presentation, jwk, dict(job.held.key.public_jwk)) for job in shown]
    return Floors(issuing, PresentationFloor(presented, key.public_key())), made[0][1]


def held_of(wanted: Wanted, answer: Answer) -> list[Held]:
    """Return the credentials that a request was answered with. Raises Failed unless it was."""
    credentials = json.loads(answer.must().body)["credentials"]
    return [Held(one["credential"], key) for one, key in zip(credentials, wanted.keys, strict=True)]


def _late(count: int) -> int:
    return max(1, count // _LATE_PART)


def _note(name: str, jobs: Sequence[tuple[Any, bytes]], answers: Sequence[object], found: Rounds) -> None:
    found.answers[name] += len(answers)
    found.secrets += [secret for job, _ in jobs for secret in job.secrets]

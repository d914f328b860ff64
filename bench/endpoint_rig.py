"""The cells of the endpoints, of ours and of the naive peer, and a round of all of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.cells import Cell, Cores, Measured
from bench.endpoint_jobs import Answered, Jobs, Wanted, gathered
from bench.floors.crypto import Issued, Shown, Token
from bench.floors.endpoints import CredentialFloor, PresentationFloor
from bench.http import Answer
from bench.platform import Platform
from bench.servers import Naive, issuer_key_file
from bench.wallet import Held, Line
from kompetenspass.keys.file import load_key
from kompetenspass.openid.jose import jwk_of

CREDENTIAL, BATCH, PRESENTATION = "credential", "ten credentials", "presentation"
KINDS = (CREDENTIAL, BATCH, PRESENTATION)
PROOFS: Mapping[str, int] = {CREDENTIAL: 1, BATCH: 10}
"""How many proofs a request has, and so how many credentials its answer."""
_PEERS_PART = 4  # the peer gets a part of the requests: each takes it several times as long
_SAMPLES = 16


@dataclass
class Series:
    """What one kind of cell found, round by round; `held` are the credentials that it answered with."""

    server: list[float] = field(default_factory=list)
    floor: list[float] = field(default_factory=list)
    rate: list[float] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    answers: int = 0

    def add(self, found: Measured[Any], each: int) -> None:
        """Note one cell."""
        self.server.append(found.server)
        self.floor.append(found.floor)
        self.rate.append(found.driven.per_second * each)
        self.latencies += found.driven.latencies
        self.errors += found.driven.errors
        self.answers += len(found.answers)


@dataclass
class Found:
    """Everything that was found, of ours and of the naive peer; `secrets` had to be different in each request."""

    ours: dict[str, Series] = field(default_factory=lambda: {kind: Series() for kind in KINDS})
    peers: dict[str, Series] = field(default_factory=lambda: {kind: Series() for kind in KINDS})
    secrets: list[str] = field(default_factory=list)

    @property
    def held(self) -> list[Held]:
        """Every credential that was issued."""
        return [held for side in (self.ours, self.peers) for series in side.values() for held in series.held]


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
        self._ours: Mapping[str, Cell[Any]] = {
            **{
                kind: Cell(platform.urls["issuance"], issuance, floors.issuing, where, each)
                for kind, each in PROOFS.items()
            },
            PRESENTATION: Cell(platform.urls["verification"], verification, floors.verifying, where),
        }
        self._peers: Mapping[str, Cell[Any]] = {
            kind: Cell(peer.url, peer.pid, cell.floor, where, cell.each) for kind, cell in self._ours.items()
        }

    async def round(self, size: int, found: Found) -> None:
        """Measure every cell once, ours before the peer's; what was issued in this round is then presented."""
        part = max(1, size // _PEERS_PART)
        for kind, each in PROOFS.items():
            wanted = await self._jobs.credentials(max(1, size // each), each)
            await _credentials(self._ours[kind], wanted, found.ours[kind], found)
            wanted = await self._peer.credentials(max(1, part // each), each)
            await _credentials(self._peers[kind], wanted, found.peers[kind], found)
        held = found.ours[CREDENTIAL].held[-size:]
        shown = await self._jobs.presentations(held)
        await _presentations(self._ours[PRESENTATION], shown, found.ours[PRESENTATION], found)
        shown = await self._peer.presentations(held[:part])
        await _presentations(self._peers[PRESENTATION], shown, found.peers[PRESENTATION], found)

    def close(self) -> None:
        """Close all connections."""
        for cell in (*self._ours.values(), *self._peers.values()):
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


async def _credentials(cell: Cell[Any], jobs: Sequence[tuple[Wanted, bytes]], series: Series, found: Found) -> None:
    measured = await cell.measure(jobs)
    series.add(measured, cell.each)
    for wanted, answer in measured.answers:
        series.held += held_of(wanted, answer)
    found.secrets += [secret for job, _ in jobs for secret in (job.nonce, job.code, *(key.kid for key in job.keys))]


async def _presentations(cell: Cell[Any], jobs: Sequence[tuple[Answered, bytes]], series: Series, found: Found) -> None:
    series.add(await cell.measure(jobs), cell.each)
    found.secrets += [job.nonce for job, _ in jobs]

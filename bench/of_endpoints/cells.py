"""Cells: some requests to one server that has a core to itself, and the floor on that core before and after."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from bench.driver.http import Answer, Connection, Driven, Failed, drive
from bench.floors.endpoints import Floor, microseconds
from bench.processes import processor_nanoseconds

J = TypeVar("J")


@dataclass(frozen=True)
class Cores:
    """Which cores the measured server has, and which all others."""

    server: Collection[int]
    others: Collection[int]

    @property
    def words(self) -> str:
        """Who runs where."""
        if self.server == self.others:
            return f"all on core {', '.join(map(str, self.server))}"
        server, others = (", ".join(map(str, cores)) for cores in (self.server, self.others))
        return f"the measured server and the floor on core {server}; database, driver and the rest on core {others}"


def cores() -> Cores:
    """Return the first core for the server and the others for the rest, where there are several."""
    first, *others = sorted(os.sched_getaffinity(0))
    return Cores([first], others or [first])


@dataclass
class Measured(Generic[J]):
    """What one cell found: microseconds of processor time for one operation, of the server and of the floor."""

    server: float
    floor: float
    driven: Driven
    answers: Sequence[tuple[J, Answer]]


@dataclass
class Cell(Generic[J]):
    """One kind of request to one server. `each`: how many operations a request is for."""

    url: str
    pid: int
    floor: Floor
    cores: Cores
    each: int = 1
    at_once: int = 32
    _lines: list[Connection] = field(default_factory=list)

    async def measure(self, jobs: Sequence[tuple[J, bytes]]) -> Measured[J]:
        """Send the prepared requests, each once, and return what the server spent. Raises Failed if all failed."""
        before = microseconds(self.floor, self.cores.server)
        answers: list[tuple[J, Answer]] = []

        async def one(connection: Connection, job: tuple[J, bytes]) -> None:
            answers.append((job[0], (await connection.send(job[1])).must()))

        began = processor_nanoseconds(self.pid)
        driven = await drive(self._connections(), jobs, one)
        spent = processor_nanoseconds(self.pid) - began
        after = microseconds(self.floor, self.cores.server)
        if not answers:
            raise Failed(driven.errors[0])
        return Measured(spent / 1000 / len(answers) / self.each, (before + after) / 2, driven, answers)

    async def at_rate(
        self, jobs: Sequence[tuple[J, bytes]], per_second: float
    ) -> tuple[Driven, list[tuple[J, Answer]]]:
        """Send the requests at moments that do not wait for answers; each is as late as it is after its moment."""
        loop = asyncio.get_running_loop()
        began, late, answers = loop.time(), [], []

        async def one(connection: Connection, numbered: tuple[int, tuple[J, bytes]]) -> None:
            number, (job, message) = numbered
            due = began + number / per_second
            await asyncio.sleep(max(0.0, due - loop.time()))
            answers.append((job, (await connection.send(message)).must()))
            late.append(loop.time() - due)

        driven = await drive(self._connections(), enumerate(jobs), one)
        return Driven(driven.seconds, late, driven.errors), answers

    def close(self) -> None:
        """Close the connections."""
        for connection in self._lines:
            connection.close()

    def _connections(self) -> Sequence[Connection]:
        self._lines = self._lines or [Connection(self.url) for _ in range(self.at_once)]
        return self._lines


def pin(pids: Iterable[int], to: Collection[int]) -> None:
    """Let processes run on these cores only."""
    for pid in pids:
        os.sched_setaffinity(pid, to)

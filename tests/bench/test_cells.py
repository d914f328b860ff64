"""A cell at a given rate: an answer is as late as it is after the moment at which its request was due."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic

from cryptography.hazmat.primitives.asymmetric import ec

from bench.driver.http import prepared
from bench.floors.endpoints import CredentialFloor
from bench.of_endpoints.cells import Cell, cores

PLAIN = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
REFUSED = b"HTTP/1.1 409 Conflict\r\ncontent-length: 0\r\n\r\n"
SLOW_SECONDS = 0.05


@asynccontextmanager
async def answering(*answers: bytes, seconds: float = 0.0) -> AsyncIterator[Cell[int]]:
    """Return a cell of one connection to a server that gives these answers in turn, each after so long."""
    waiting, tasks = iter(answers), []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.append(asyncio.current_task())
        for answer in waiting:
            await reader.readuntil(b"\r\n\r\n")
            await asyncio.sleep(seconds)
            writer.write(answer)
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        floor = CredentialFloor([], [], ec.generate_private_key(ec.SECP256R1()))
        cell: Cell[int] = Cell(url, 1, floor, cores(), at_once=1)
        yield cell
        cell.close()
        await asyncio.gather(*(task for task in tasks if task))


def jobs(count: int) -> list[tuple[int, bytes]]:
    return [(number, prepared("GET", "/")) for number in range(count)]


async def test_a_request_that_waits_for_a_free_connection_is_late_from_its_own_moment() -> None:
    async with answering(PLAIN, PLAIN, PLAIN, seconds=SLOW_SECONDS) as cell:
        driven, answers = await cell.at_rate(jobs(3), 1000.0)
    assert [job for job, _ in answers] == [0, 1, 2]
    assert driven.latencies[2] > 2.5 * SLOW_SECONDS


async def test_requests_are_not_sent_before_they_are_due() -> None:
    async with answering(PLAIN, PLAIN, PLAIN) as cell:
        began = monotonic()
        await cell.at_rate(jobs(3), 50.0)
        assert monotonic() - began >= 2 / 50


async def test_an_answer_that_is_no_2xx_is_an_error_and_no_latency() -> None:
    async with answering(PLAIN, REFUSED) as cell:
        driven, answers = await cell.at_rate(jobs(2), 1000.0)
    assert (len(driven.latencies), len(answers), len(driven.errors)) == (1, 1, 1)

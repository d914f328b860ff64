"""The driver's own HTTP client: it takes every form of an answer, and tells what went wrong instead of hiding it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
import uvloop

from bench.driver.http import TIMEOUT_SECONDS, Connection, Failed, drive, percentile

PLAIN = b'HTTP/1.1 200 OK\r\nContent-Length: 8\r\nX-One: a: b\r\n\r\n{"a": 1}'
CHUNKED = b"HTTP/1.1 201 Created\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\n\r\n"
EMPTY = b"HTTP/1.1 204 No Content\r\n\r\n"
REFUSED = b"HTTP/1.1 409 Conflict\r\ncontent-length: 4\r\n\r\ntwice"[:-1]


@asynccontextmanager
async def served(*answers: list[bytes], close: bool = False) -> AsyncIterator[tuple[Connection, list[bytes]]]:
    """Return a connection to a server that gives these answers in turn, each in its pieces; and what it was asked."""
    asked: list[bytes] = []
    tasks: list[asyncio.Task[None] | None] = []
    waiting = iter(answers)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.append(asyncio.current_task())
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                asked.append(await reader.readuntil(b"\r\n\r\n"))
                for piece in next(waiting, []):
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(0.001)  # so that the pieces arrive one by one
                if close:
                    break
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        connection = Connection(f"http://127.0.0.1:{port}")
        yield connection, asked
        connection.close()
        await asyncio.gather(*(task for task in tasks if task))


@pytest.mark.parametrize("pieces", [1, 2, 5, 40])
@pytest.mark.parametrize(
    ("answer", "status", "body"), [(PLAIN, 200, b'{"a": 1}'), (CHUNKED, 201, b"abcdefg"), (EMPTY, 204, b"")]
)
async def test_an_answer_is_taken_whole_in_however_many_pieces(
    answer: bytes, status: int, body: bytes, pieces: int
) -> None:
    size = -(-len(answer) // pieces)
    cut = [answer[at : at + size] for at in range(0, len(answer), size)]
    async with served(cut) as (connection, asked):
        got = await connection.request("POST", "/x", b"", {"a": "b"})
    assert (got.status, got.body, got.ok) == (status, body, True)
    assert asked == [b"POST /x HTTP/1.1\r\nhost: 127.0.0.1\r\na: b\r\ncontent-length: 0\r\n\r\n"]


async def test_json_is_read() -> None:
    async with served([PLAIN]) as (connection, _):
        assert (await connection.request("GET", "/x")).json() == {"a": 1}


async def test_one_connection_serves_many_requests() -> None:
    async with served([PLAIN], [CHUNKED], [PLAIN]) as (connection, asked):
        statuses = [(await connection.request("GET", "/x")).status for _ in range(3)]
    assert (statuses, len(asked)) == ([200, 201, 200], 3)


def test_it_is_the_same_on_the_loop_that_measurements_run_on() -> None:
    async def ask_twice() -> list[int]:
        async with served([PLAIN], [CHUNKED]) as (connection, _):
            return [(await connection.request("GET", "/x")).status for _ in range(2)]

    assert uvloop.run(ask_twice()) == [200, 201]


async def test_a_refusal_is_an_answer_until_it_must_be_good() -> None:
    async with served([REFUSED]) as (connection, _):
        answer = await connection.request("GET", "/x")
    assert not answer.ok
    with pytest.raises(Failed, match="409: twic"):
        answer.must()


async def test_no_answer_in_time_fails_and_the_next_request_has_a_new_connection() -> None:
    async with served([PLAIN], [PLAIN[:20]], [PLAIN]) as (connection, _):
        await connection.request("GET", "/x")
        connection.timeout_seconds = 0.2
        with pytest.raises(Failed, match="in time"):
            await connection.request("GET", "/x")
        connection.timeout_seconds = TIMEOUT_SECONDS
        assert (await connection.request("GET", "/x")).ok


async def test_a_connection_that_the_server_closes_fails_and_is_opened_again() -> None:
    async with served([], [PLAIN], close=True) as (connection, _):
        with pytest.raises(Failed, match="connection lost"):
            await connection.request("GET", "/x")
        assert (await connection.request("GET", "/x")).ok


async def test_no_server_fails() -> None:
    async with served() as (connection, _):
        pass
    with pytest.raises(Failed, match="no connection"):
        await connection.request("GET", "/x")


async def test_jobs_are_all_done_and_errors_are_counted() -> None:
    done: list[int] = []

    async def do(_worker: str, job: int) -> None:
        await asyncio.sleep(0)
        if job % 5 == 0:
            raise Failed("five")
        done.append(job)

    driven = await drive(["a", "b", "c"], range(20), do)
    assert sorted(done) == [job for job in range(20) if job % 5]
    assert (len(driven.latencies), driven.errors) == (16, ["five"] * 4)
    assert driven.per_second > 0


def test_a_percentile_is_a_value_that_was_measured() -> None:
    values = [float(number) for number in range(1, 101)]
    assert [percentile(values, part) for part in (0.0, 0.5, 0.95, 0.99, 1.0)] == [1.0, 51.0, 96.0, 100.0, 100.0]
    assert percentile([7.0], 0.5) == 7.0
